// What may be done when. One place, so that buttons, keys and tests agree.

import type { Phase, RunState, Telemetry } from "../domain";
import type { RunCommand } from "../net/api";
import type { Live, OpenPlan, State, VehicleView } from "./state";
import { ended } from "./state";

/** A sample older than this is shown as stale (the service sends 1 Hz or more). */
export const STALE_MS = 4_000;

const DURING: Record<Exclude<RunCommand, "stop">, readonly Phase[]> = {
  hold: ["RUNNING"],
  resume: ["HELD"],
  return_home: ["RUNNING", "HELD"],
  change_battery: ["RUNNING", "HELD"],
  land: ["RUNNING", "HELD", "RETURNING"],
  silence: ["RUNNING", "HELD", "RETURNING"],
};

/**
 * STOP is never refused here: what this console believes about a run may be
 * old, and the vehicle must get the order all the same.
 */
export function mayCommand(run: RunState | null, command: RunCommand): boolean {
  if (!run) return false;
  if (command === "stop") return !ended(run);
  if (command === "resume" && waiting(run)) return !ended(run);
  return DURING[command].includes(run.phase);
}

/** Whether something of the run waits on the ground, whatever else flies. */
export function waiting(run: RunState): boolean {
  return run.parked !== null || run.sorties.some((one) => one.waits !== null);
}

export type Freshness = "fresh" | "stale" | "lost" | "unheard";

/**
 * How far a vehicle's picture can be trusted. Ages are of arrival here: the
 * time stamps of a simulation run faster than this machine's clock.
 */
export function freshness(view: VehicleView, live: Live, now_ms: number): Freshness {
  const sample = view.telemetry;
  if (!sample || sample.link === "CONNECTING" || sample.lat_deg === null) {
    return "unheard";
  }
  if (sample.link === "LOST") return "lost";
  if (live.phase !== "open" || sample.link === "STALE") return "stale";
  return view.heard_ms === null || now_ms - view.heard_ms > STALE_MS
    ? "stale"
    : "fresh";
}

export function age_s(heard_ms: number | null, now_ms: number): number | null {
  return heard_ms === null ? null : Math.max(0, (now_ms - heard_ms) / 1000);
}

export type Trouble = "failsafe" | "battery" | "position" | null;

const LOW_BATTERY = 0.3;

export function trouble(sample: Telemetry | null): Trouble {
  if (!sample) return null;
  if (sample.failsafe) return "failsafe";
  if (sample.battery_ratio !== null && sample.battery_ratio < LOW_BATTERY) {
    return "battery";
  }
  return sample.position_ok === false ? "position" : null;
}

export type LaunchBlock =
  | "no_plan"
  | "checking"
  | "refused"
  | "offline"
  | "no_sorties"
  | "running"
  | "no_vehicle";

/** Why the open plan cannot be launched now; null when it can. */
export function launchBlock(state: State): LaunchBlock | null {
  const plan = state.plan;
  if (state.live.phase !== "open") return "offline";
  if (!plan) return "no_plan";
  if (plan.violations === null) return "checking";
  if (plan.violations.some((one) => one.severity === "refuse")) return "refused";
  if (plan.doc.sorties.length === 0) return "no_sorties";
  const active = Object.values(state.runs).filter((one) => !ended(one));
  if (active.some((one) => one.plan_id === plan.id)) return "running";
  return freeVehicles(state, plan).length === 0 ? "no_vehicle" : null;
}

/** Vehicles of the plan's kind that are heard and not in an active run. */
export function freeVehicles(state: State, plan: OpenPlan): VehicleView[] {
  const kinds = new Set(plan.doc.sorties.map((one) => one.vehicle_kind));
  const busy = new Set(
    Object.values(state.runs)
      .filter((one) => !ended(one))
      .flatMap((one) => one.sorties.map((sortie) => sortie.vehicle_id)),
  );
  return Object.values(state.vehicles).filter(
    (one) =>
      kinds.has(one.entry.kind) &&
      !busy.has(one.entry.id) &&
      one.telemetry?.link === "LIVE",
  );
}

/** The same sum as RunState.progress_ratio of the service. */
export function progressRatio(run: RunState): number {
  let total = 0;
  let done = 0;
  for (const one of run.sorties) {
    const whole = Math.max(one.steps, 1) * one.loops;
    total += whole;
    done +=
      one.phase === "FINISHED"
        ? whole
        : Math.min(one.step, one.steps) + one.loops_done * one.steps;
  }
  return total === 0 ? 0 : Math.min(1, done / total);
}

/** Run that the dock's buttons act on: the chosen one while it is active. */
export function activeRun(state: State): RunState | null {
  const chosen = state.run_id === null ? undefined : state.runs[state.run_id];
  if (chosen && !ended(chosen)) return chosen;
  const active = Object.values(state.runs).filter((one) => !ended(one));
  return active.length === 1 ? (active[0] ?? null) : null;
}
