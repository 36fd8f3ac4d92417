import { describe, expect, it } from "vitest";
import { readLiveMessage } from "./domain";
import { readProblem } from "./net/api";
import { ReadError } from "./read";
import { sample } from "./testing";

describe("live messages", () => {
  it("reads telemetry, and takes what is missing as not known", () => {
    const data = { vehicle_id: "d1", kind: "copter", ts_utc: "t", link: "LIVE" };
    const message = readLiveMessage({ type: "telemetry", data });
    expect(message?.type).toBe("telemetry");
    if (message?.type !== "telemetry") return;
    expect(message.data.lat_deg).toBeNull();
    expect(message.data.sortie).toBeNull();
  });

  it("names the field that cannot be read", () => {
    const data = { ...sample(), lat_deg: "34" };
    expect(() => readLiveMessage({ type: "telemetry", data })).toThrow(
      /telemetry\.lat_deg: expected a number/,
    );
  });

  it("refuses what is no number at all", () => {
    for (const lat_deg of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const data = { ...sample(), lat_deg };
      expect(() => readLiveMessage({ type: "telemetry", data })).toThrow(ReadError);
    }
  });

  it("refuses a phase that the buttons do not know", () => {
    const state = { id: "r", plan_id: "p", created_utc: "t", phase: "FLYING" };
    expect(() => readLiveMessage({ type: "run", data: { state } })).toThrow(
      /run\.state\.phase/,
    );
  });

  it("passes over types of a newer service", () => {
    expect(readLiveMessage({ type: "weather", data: {} })).toBeNull();
  });

  it.each([[null], [[]], ["hello"], [{ type: 3 }], [{ type: "hello", data: [] }]])(
    "refuses %j",
    (raw) => {
      expect(() => readLiveMessage(raw)).toThrow(ReadError);
    },
  );

  it("keeps hostile keys out of objects", () => {
    const raw = JSON.parse(
      '{"type":"speaker","data":{"speaker_id":"s","phase":"idle","__proto__":{"x":1}}}',
    );
    const message = readLiveMessage(raw);
    expect(message?.data).toEqual({
      speaker_id: "s",
      phase: "idle",
      cached: [],
      reason: null,
    });
    expect({}).not.toHaveProperty("x");
  });
});

describe("problem documents", () => {
  it("keeps faults and the status of the answer", () => {
    const faults = [{ place: "site.geojson: b1", what: "has no height" }];
    const problem = readProblem({ title: "Bad input", status: 200, faults }, 422);
    expect(problem.status).toBe(422);
    expect(problem.faults[0]?.place).toBe("site.geojson: b1");
  });

  it("makes do with an answer that is none", () => {
    expect(readProblem("<html>", 502).title).toBe("HTTP 502");
  });
});
