import { describe, expect, it } from "vitest";
import type { Hello, Playback } from "../domain";
import { ready, run, sample, share, view } from "../testing";
import { extendPath, initialState, type PathPoint, reduce, type State } from "./state";

const hello = (more: Partial<Hello> = {}): Hello => ({
  version: "1",
  vehicles: [],
  runs: [],
  speakers: [],
  ...more,
});

function live(state: State, message: Parameters<typeof told>[0], now_ms = 1): State {
  return reduce(state, told(message, now_ms));
}

function told(
  message: Extract<Parameters<typeof reduce>[1], { type: "live" }>["message"],
  now_ms: number,
) {
  return { type: "live", message, now_ms } as const;
}

describe("connection", () => {
  it("is open with the first picture, and lost until the next one", () => {
    let state = live(initialState, { type: "hello", data: hello() });
    expect(state.live.phase).toBe("open");
    state = reduce(state, { type: "lost" });
    expect(state.live.phase).toBe("lost");
    state = reduce(state, { type: "connecting", attempt: 3 });
    expect(state.live).toMatchObject({ phase: "lost", attempt: 3 });
    state = live(state, { type: "hello", data: hello() }, 50);
    expect(state.live).toMatchObject({ phase: "open", attempt: 0, heard_ms: 50 });
  });

  it("forgets vehicles that the service no longer has", () => {
    const state = live(ready(), { type: "hello", data: hello() });
    expect(state.vehicles).toEqual({});
  });
});

describe("telemetry", () => {
  it("counts as heard only while the link is live", () => {
    let state = ready({ vehicles: { d1: view({ heard_ms: 10 }) } });
    state = live(state, { type: "telemetry", data: sample({ link: "LOST" }) }, 99);
    expect(state.vehicles.d1?.heard_ms).toBe(10);
    state = live(state, { type: "telemetry", data: sample() }, 120);
    expect(state.vehicles.d1?.heard_ms).toBe(120);
  });

  it("draws a path in a sortie, and begins anew with the next", () => {
    let state = ready();
    const fly = (lat_deg: number, sortie: string | null) => {
      state = live(state, { type: "telemetry", data: sample({ lat_deg, sortie }) });
    };
    fly(34.0, null);
    expect(state.paths.d1).toBeUndefined();
    fly(34.001, "s1");
    fly(34.002, "s1");
    expect(state.paths.d1).toHaveLength(2);
    fly(34.002, null);
    expect(state.paths.d1).toHaveLength(2);
    fly(34.003, "s2");
    expect(state.paths.d1).toHaveLength(1);
  });

  it("accepts a vehicle that was not in the first picture", () => {
    const state = live(initialState, {
      type: "telemetry",
      data: sample({ vehicle_id: "x", kind: "rover" }),
    });
    expect(state.vehicles.x?.entry.kind).toBe("rover");
  });

  it("keeps paths bounded and free of standing still", () => {
    let path: PathPoint[] = [];
    for (let i = 0; i < 7000; i++) path = extendPath(path, [117 + i * 1e-4, 34, 0]);
    expect(path).toHaveLength(6000);
    expect(extendPath(path, path.at(-1) as PathPoint)).toBe(path);
  });
});

describe("runs", () => {
  it("shows the active run before ended ones", () => {
    const old = run({ id: "old", phase: "FINISHED", created_utc: "2026-01-06" });
    const now = run({ id: "now", created_utc: "2026-01-05" });
    const state = reduce(initialState, { type: "runs", runs: [old, now], asked_ms: 0 });
    expect(state.run_id).toBe("now");
  });

  it("stays with the run that was chosen", () => {
    const state = ready({ runs: { a: run({ id: "a" }) }, run_id: "a" });
    const next = reduce(state, {
      type: "runs",
      runs: [run({ id: "b" })],
      asked_ms: 0,
    });
    expect(next.run_id).toBe("a");
  });

  it("does not let a late answer undo what the socket told", () => {
    const data = { state: run({ phase: "ABORTED" }), event: null };
    const told = live(ready(), { type: "run", data }, 200);
    const held = [run({ phase: "HELD" })];
    const late = reduce(told, { type: "runs", runs: held, asked_ms: 100 });
    expect(late.runs["run-1"]?.phase).toBe("ABORTED");
    const asked = reduce(told, { type: "runs", runs: held, asked_ms: 300 });
    expect(asked.runs["run-1"]?.phase).toBe("HELD");
  });

  it("logs an event once, in the order of time", () => {
    const event = (id: string, ts_utc: string) => ({
      id,
      ts_utc,
      run_id: "run-1",
      text: id,
      sortie_id: null,
      phase: null,
    });
    const second = event("b", "2026-01-05T08:00:02Z");
    const data = { state: run(), event: second };
    let state = live(ready(), { type: "run", data });
    state = reduce(state, {
      type: "run_events",
      events: [event("a", "2026-01-05T08:00:01Z"), second],
    });
    expect(state.log.map((one) => one.id)).toEqual(["a", "b"]);
  });
});

describe("jobs", () => {
  const job = {
    job_id: "j1",
    state: "solving" as const,
    progress_ratio: 0.5,
    text: "",
    plan_id: null,
    problem: null,
    incumbent_s: null,
    bound_s: null,
  };

  it("follows only the job that was asked for here", () => {
    const state = ready({ job });
    const other = live(state, { type: "job", data: { ...job, job_id: "j2" } });
    expect(other.job).toBe(job);
    const mine = live(state, { type: "job", data: { ...job, progress_ratio: 0.9 } });
    expect(mine.job?.progress_ratio).toBe(0.9);
  });
});

describe("playbacks", () => {
  it("replaces a report by its later one", () => {
    const one: Playback = {
      id: "p",
      speaker_id: "sp1",
      key: "k",
      clip_sha256: "c",
      status: "started",
      start_utc: "2026-01-05T08:00:00Z",
      end_utc: null,
      cue_id: null,
      station: "S1",
      vehicle_id: "d1",
      repeats_done: 0,
      complete: false,
      reason: null,
    };
    let state = live(ready(), { type: "playback", data: one });
    state = live(state, { type: "playback", data: { ...one, status: "completed" } });
    expect(Object.values(state.playbacks).map((p) => p.status)).toEqual(["completed"]);
  });
});

describe("track", () => {
  it("never shortens what came live meanwhile", () => {
    const lived: PathPoint[] = [
      [117, 34, 1],
      [117.1, 34, 1],
      [117.2, 34, 1],
    ];
    const state = ready({
      paths: { d1: lived },
      runs: { r: run({ sorties: [share()] }) },
    });
    const point = {
      ts_utc: "t",
      vehicle_id: "d1",
      lat_deg: 34,
      lon_deg: 117,
      up_m: 1,
      heading_deg: 0,
    };
    const next = reduce(state, { type: "track", points: [point] });
    expect(next.paths.d1).toBe(lived);
  });
});
