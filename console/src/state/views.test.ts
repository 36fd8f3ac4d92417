import { describe, expect, it } from "vitest";
import type { Evidence } from "../domain";
import { plan, ready, run, share } from "../testing";
import { logOf, missedFloors, plansShown, sortieColors } from "./views";

describe("views", () => {
  it("gives a run the facts of its vehicles, while it lasted", () => {
    const line = (
      id: string,
      source: string,
      ts_utc: string,
      run_id: string | null,
    ) => ({
      id,
      ts_utc,
      source,
      kind: "text",
      text: "",
      severity: 6,
      run_id,
    });
    const step = line("step", "d1", "2026-01-05T08:01:30Z", null);
    const log = [
      line("before", "d1", "2026-01-05T07:59:00Z", null),
      line("mine", "d1", "2026-01-05T08:01:00Z", null),
      line("other", "d9", "2026-01-05T08:01:00Z", null),
      line("run", "s1", "2026-01-05T08:02:00Z", "run-1"),
      { ...step, kind: "step" },
      line("else", "s1", "2026-01-05T08:02:00Z", "run-2"),
      line("after", "d1", "2026-01-05T09:30:00Z", null),
    ];
    const ended = run({ phase: "FINISHED", ended_utc: "2026-01-05T08:10:00Z" });
    expect(logOf(ended, log).map((one) => one.id)).toEqual(["run", "mine"]);
  });

  it("colours a sortie as the vehicle that flies it", () => {
    const vehicles = { d0: ready().vehicles.d1, d1: ready().vehicles.d1 };
    const state = ready({ vehicles: vehicles as never, run_id: "run-1" });
    expect(sortieColors(state, "plan-1", plan())).toEqual([0]);
    const flown = run({ sorties: [share({ vehicle_id: "d1" })] });
    const flying = { ...state, runs: { "run-1": flown } };
    expect(sortieColors(flying, "plan-1", plan())).toEqual([1]);
    expect(sortieColors(flying, "plan-2", plan())).toEqual([0]);
  });

  it("draws the plans of all runs under way", () => {
    const runs = {
      a: run({ id: "a", plan_id: "p1" }),
      b: run({ id: "b", plan_id: "p2", phase: "FINISHED" }),
    };
    const docs = { p1: plan(), p2: plan() };
    expect(Object.keys(plansShown(ready({ runs, docs })))).toEqual(["p1", "plan-1"]);
  });

  it("gathers what was missed by floor", () => {
    const receiver = {
      id: "r",
      building_id: "b1",
      floor: 2,
      reached: false,
      sti: 0.3,
      level_db: 50,
      messages: 0,
      planned: true,
      reason: "too far",
    };
    const receivers = [
      receiver,
      { ...receiver, sti: 0.41 },
      { ...receiver, floor: 3, reached: true },
      { ...receiver, floor: 4, sti: null, reason: null },
    ];
    expect(missedFloors({ receivers } as Evidence)).toEqual([
      {
        building_id: "b1",
        floor: 2,
        receivers: 2,
        best_sti: 0.41,
        reasons: ["too far"],
      },
      { building_id: "b1", floor: 4, receivers: 1, best_sti: null, reasons: [] },
    ]);
  });
});
