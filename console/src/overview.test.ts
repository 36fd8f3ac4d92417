import { describe, expect, it } from "vitest";
import { readLiveMessage } from "./domain";
import { exposureDay, overview, share } from "./overview";
import { initialState, reduce } from "./state/state";

const caps = { laeq_24h_db: 70, repeats: 24, excess: "refuse" } as const;

const step = {
  ts_utc: "2026-01-05T08:00:00Z",
  actor: "li",
  deed: "acknowledged",
  text: "seen",
  run_id: null,
  plan_id: null,
};

const answer = {
  ts_utc: "2026-01-05T08:00:00Z",
  sites: [
    {
      site_id: "estate",
      name: "Estate",
      situation: {
        runs: [{ id: "r2", phase: "RUNNING", progress_ratio: 0.5, vehicles: ["d1"] }],
        vehicles: 2,
        vehicles_live: 1,
        vehicles_out: 1,
        gaps_open: 1,
        households_missing: 4,
      },
      trend: [
        {
          day: "2026-01-05",
          runs: 1,
          finished: 1,
          receivers: 10,
          reached: 9,
          households: 5,
          households_reached: 4,
          ratio: null,
        },
      ],
    },
  ],
  gaps: [
    {
      id: "r1",
      site_id: "estate",
      plan_id: "p1",
      kind: "drone",
      announcement: "a",
      opened_utc: "2026-01-05T08:00:00Z",
      state: "acknowledged",
      missed_receivers: 8,
      missed_households: 4,
      missing_receivers: 8,
      missing_households: 4,
      acknowledged_by: "li",
      steps: [step],
    },
  ],
  alerts: [
    {
      id: "a1",
      ts_utc: "2026-01-05T08:00:00Z",
      site_id: "estate",
      kind: "gap_opened",
      level: "notice",
      text: "r1 missed 8 receivers",
      run_id: "r1",
      vehicle_id: null,
    },
  ],
};

describe("overview", () => {
  it("is read as the service sends it, and refused with the place of a fault", () => {
    expect(overview(answer, "").gaps[0]?.acknowledged_by).toBe("li");
    expect(overview(answer, "").sites[0]?.trend[0]?.ratio).toBeNull();
    const gaps = [{ ...answer.gaps[0], state: "forgotten" }];
    expect(() => overview({ ...answer, gaps }, "")).toThrow("gaps[0].state");
  });

  it("is asked for again when a gap or an alert is told", () => {
    let state = initialState;
    for (const type of ["gap", "alert"]) {
      const message = readLiveMessage({ type, data: { id: "x" } });
      if (!message) throw new Error("not read");
      state = reduce(state, { type: "live", message, now_ms: 1 });
    }
    expect(state.followed).toBe(2);
    expect(reduce(state, { type: "followed" }).followed).toBe(3);
  });
});

describe("exposure", () => {
  const day = { site_id: "e", day: "2026-01-05", caps, runs: 1, households: [] };
  const home = (repeats: number, laeq_24h_db: number) => ({
    household: "b/1-1",
    laeq_24h_db,
    repeats,
    loudest_db: 80,
    runs: 1,
  });

  it("is read", () => {
    expect(exposureDay(day, "").caps.repeats).toBe(24);
  });

  it("shares are of messages and of energy, whichever is greater", () => {
    expect(share(home(12, 40), caps)).toBeCloseTo(0.5);
    expect(share(home(1, 70), caps)).toBeCloseTo(1);
    expect(share(home(1, 67), caps)).toBeCloseTo(0.5, 1);
    expect(share(home(30, 40), caps)).toBeGreaterThan(1);
  });
});
