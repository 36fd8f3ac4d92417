// What belongs together on screen, picked out of the state. Pure.

import type { Evidence, Plan, Playback, RunState } from "../domain";
import type { LogLine, State } from "./state";
import { byActivity, ended } from "./state";

/** Reports may come a little after the end of a run. */
const AFTERWARDS_MS = 60_000;

function within(run: RunState, ts_utc: string): boolean {
  const at = Date.parse(ts_utc);
  const end = run.ended_utc ? Date.parse(run.ended_utc) + AFTERWARDS_MS : Infinity;
  return at >= Date.parse(run.created_utc) && at <= end;
}

/** A playback names its vehicle and times, not its run. */
export function playbacksOf(run: RunState, all: Record<string, Playback>): Playback[] {
  const vehicles = new Set(run.sorties.map((one) => one.vehicle_id));
  return Object.values(all)
    .filter((one) => one.vehicle_id !== null && vehicles.has(one.vehicle_id))
    .filter((one) => within(run, one.start_utc))
    .sort((a, b) => b.start_utc.localeCompare(a.start_utc));
}

/** The run tells of these itself, with more sense. */
const TOLD_TWICE = new Set(["step", "dwell_started", "dwell_ended"]);

/** The run's own facts and those of its vehicles meanwhile, newest first. */
export function logOf(run: RunState, log: LogLine[]): LogLine[] {
  const vehicles = new Set(run.sorties.map((one) => one.vehicle_id));
  return log
    .filter((one) =>
      one.run_id === null
        ? vehicles.has(one.source) &&
          !TOLD_TWICE.has(one.kind) &&
          within(run, one.ts_utc)
        : one.run_id === run.id,
    )
    .reverse();
}

export function activeRuns(state: State): RunState[] {
  return Object.values(state.runs)
    .filter((one) => !ended(one))
    .sort(byActivity);
}

/** Short enough for a list; the whole id stays in the title. */
export function shortId(id: string): string {
  return id.length > 14 ? `${id.slice(0, 8)}…` : id;
}

/** The plans to be drawn: the open one, and those of the runs under way. */
export function plansShown(state: State): Record<string, Plan> {
  const shown: Record<string, Plan> = {};
  for (const run of activeRuns(state)) {
    const doc = state.docs[run.plan_id];
    if (doc) shown[run.plan_id] = doc;
  }
  if (state.plan) shown[state.plan.id] = state.plan.doc;
  return shown;
}

/**
 * Which colour each sortie of a plan has: that of the vehicle which flies it,
 * where one is known, so that planned and flown path match.
 */
export function sortieColors(state: State, plan_id: string, doc: Plan): number[] {
  const fleet = Object.keys(state.vehicles);
  const runs = Object.values(state.runs).filter((one) => one.plan_id === plan_id);
  const run = runs.find((one) => one.id === state.run_id) ?? runs.sort(byActivity)[0];
  return doc.sorties.map((one, i) => {
    const share = run?.sorties.find((s) => s.sortie_id === one.id);
    const index = fleet.indexOf(share?.vehicle_id ?? one.vehicle ?? "");
    return index < 0 ? i : index;
  });
}

export interface MissedFloor {
  building_id: string | null;
  floor: number | null;
  receivers: number;
  best_sti: number | null;
  reasons: string[];
}

/** Receivers that heard nothing whole, by building and floor, most first. */
export function missedFloors(evidence: Evidence): MissedFloor[] {
  const floors = new Map<string, MissedFloor>();
  for (const one of evidence.receivers) {
    if (one.reached) continue;
    const key = `${one.building_id} ${one.floor}`;
    const known = floors.get(key);
    const reasons = new Set(known?.reasons);
    if (one.reason) reasons.add(one.reason);
    const best = Math.max(known?.best_sti ?? -1, one.sti ?? -1);
    floors.set(key, {
      building_id: one.building_id,
      floor: one.floor,
      receivers: (known?.receivers ?? 0) + 1,
      best_sti: best < 0 ? null : best,
      reasons: [...reasons],
    });
  }
  return [...floors.values()].sort((a, b) => b.receivers - a.receivers);
}
