// What belongs together on screen, picked out of the state. Pure.

import type { Playback, RunState } from "../domain";
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

/** The run's own facts and those of its vehicles meanwhile, newest first. */
export function logOf(run: RunState, log: LogLine[]): LogLine[] {
  const vehicles = new Set(run.sorties.map((one) => one.vehicle_id));
  return log
    .filter((one) =>
      one.run_id === null
        ? vehicles.has(one.source) && within(run, one.ts_utc)
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
