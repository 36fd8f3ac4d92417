import { describe, expect, it } from "vitest";
import { PHASES } from "../domain";
import { plan, ready, run, sample, share, view, violation } from "../testing";
import {
  activeRun,
  freshness,
  launchBlock,
  mayCommand,
  progressRatio,
  STALE_MS,
  trouble,
} from "./rules";

const COMMANDS = [
  "hold",
  "resume",
  "return_home",
  "change_battery",
  "land",
  "silence",
  "stop",
] as const;

describe("buttons by phase", () => {
  const enabled = Object.fromEntries(
    PHASES.map((phase) => [
      phase,
      COMMANDS.filter((one) => mayCommand(run({ phase }), one)).join(" "),
    ]),
  );

  it("offers exactly what the run's states allow", () => {
    expect(enabled).toEqual({
      DRAFT: "stop",
      CHECKED: "stop",
      UPLOADED: "stop",
      RUNNING: "hold return_home change_battery land silence stop",
      HELD: "resume return_home change_battery land silence stop",
      RETURNING: "land silence stop",
      FINISHED: "",
      ABORTED: "",
      FAILED: "",
    });
  });

  it("resumes what waits on the ground while others fly", () => {
    const flies = run({ phase: "RUNNING" });
    expect(mayCommand(flies, "resume")).toBe(false);
    const waits = { ...flies, sorties: [share({ waits: "battery" }), share()] };
    expect(mayCommand(waits, "resume")).toBe(true);
    expect(mayCommand({ ...flies, parked: "it is quiet" }, "resume")).toBe(true);
  });

  it("offers nothing without a run", () => {
    expect(COMMANDS.some((one) => mayCommand(null, one))).toBe(false);
  });
});

describe("freshness", () => {
  const live = ready().live;

  it("goes stale with age, with the link and with the connection", () => {
    const heard = view({ heard_ms: 1000 });
    expect(freshness(heard, live, 1000 + STALE_MS)).toBe("fresh");
    expect(freshness(heard, live, 1001 + STALE_MS)).toBe("stale");
    expect(freshness(heard, { ...live, phase: "lost" }, 1000)).toBe("stale");
    expect(freshness(heard, { ...live, phase: "connecting" }, 1000)).toBe("stale");
    const stale = view({ telemetry: sample({ link: "STALE" }), heard_ms: 1000 });
    expect(freshness(stale, live, 1000)).toBe("stale");
  });

  it("tells lost from never heard", () => {
    expect(freshness(view({ telemetry: sample({ link: "LOST" }) }), live, 0)).toBe(
      "lost",
    );
    expect(freshness(view({ telemetry: null }), live, 0)).toBe("unheard");
    const nowhere = view({ telemetry: sample({ lat_deg: null }) });
    expect(freshness(nowhere, live, 0)).toBe("unheard");
  });
});

describe("trouble", () => {
  it("puts the failsafe first", () => {
    expect(trouble(sample({ failsafe: "battery", battery_ratio: 0.1 }))).toBe(
      "failsafe",
    );
    expect(trouble(sample({ battery_ratio: 0.29 }))).toBe("battery");
    expect(trouble(sample({ position_ok: false }))).toBe("position");
    expect(trouble(sample({ battery_ratio: null, position_ok: null }))).toBeNull();
  });
});

describe("launch", () => {
  it("is possible when all is well", () => {
    expect(launchBlock(ready())).toBeNull();
  });

  it("waits for the gate, and obeys it", () => {
    const doc = plan();
    const open = (violations: ReturnType<typeof violation>[] | null) =>
      launchBlock(ready({ plan: { id: "plan-1", doc, violations } }));
    expect(open(null)).toBe("checking");
    expect(open([violation()])).toBe("refused");
    expect(open([violation({ severity: "advise" })])).toBeNull();
  });

  it("says what is missing", () => {
    expect(launchBlock(ready({ plan: null }))).toBe("no_plan");
    const lost = { ...ready().live, phase: "lost" as const };
    expect(launchBlock(ready({ live: lost }))).toBe("offline");
    expect(launchBlock(ready({ runs: { r: run() } }))).toBe("running");
    const other = run({ plan_id: "plan-2" });
    expect(launchBlock(ready({ runs: { r: other } }))).toBe("no_vehicle");
    const unheard = view({ telemetry: sample({ link: "LOST" }) });
    expect(launchBlock(ready({ vehicles: { d1: unheard } }))).toBe("no_vehicle");
    const empty = { id: "plan-1", doc: plan({ sorties: [] }), violations: [] };
    expect(launchBlock(ready({ plan: empty }))).toBe("no_sorties");
  });

  it("can follow a run that has ended", () => {
    expect(launchBlock(ready({ runs: { r: run({ phase: "FINISHED" }) } }))).toBeNull();
  });
});

describe("progress", () => {
  it("is the service's own sum", () => {
    const sorties = [
      share({ phase: "FINISHED", step: 3, steps: 10 }),
      share({ step: 5, steps: 10, loops: 2, loops_done: 1 }),
    ];
    expect(progressRatio(run({ sorties }))).toBeCloseTo((10 + 15) / 30);
    expect(progressRatio(run({ sorties: [] }))).toBe(0);
  });
});

describe("the run that the dock acts on", () => {
  it("is the chosen one while it is active", () => {
    const runs = { a: run({ id: "a" }), b: run({ id: "b" }) };
    expect(activeRun(ready({ runs, run_id: "b" }))?.id).toBe("b");
  });

  it("is never guessed among several", () => {
    const runs = {
      a: run({ id: "a" }),
      b: run({ id: "b" }),
      c: run({ id: "c", phase: "FINISHED" }),
    };
    expect(activeRun(ready({ runs, run_id: "c" }))).toBeNull();
    expect(activeRun(ready({ runs: { a: runs.a, c: runs.c }, run_id: "c" }))?.id).toBe(
      "a",
    );
  });
});
