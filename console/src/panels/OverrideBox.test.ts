import { describe, expect, it } from "vitest";
import type { Violation } from "../domain";
import {
  type Aside,
  isSettled,
  NOTHING_ASIDE,
  overrideOf,
  sorted,
} from "./OverrideBox";

function found(rule: string, severity: "refuse" | "advise" = "refuse"): Violation {
  return {
    sortie: null,
    seq: null,
    rule,
    reason: `too much ${rule}`,
    severity,
    measured: null,
    limit: null,
    lat_deg: null,
    lon_deg: null,
    alt_m: null,
  };
}

const aside = (rules: string[], reason = ""): Aside => ({
  rules: new Set(rules),
  reason,
});

describe("what stands against a launch", () => {
  it("is nothing where it is only advised, or asked for in the dialog", () => {
    const against = sorted([found("daylight", "advise"), found("authority")], []);
    expect(against).toEqual({ hard: [], soft: [] });
    expect(isSettled(against, NOTHING_ASIDE)).toBe(true);
    expect(overrideOf(against, NOTHING_ASIDE)).toEqual({});
  });

  it("is hard where the settings do not name it, whatever is ticked", () => {
    const against = sorted([found("airspace"), found("wind")], ["wind"]);
    expect(against.hard.map((one) => one.rule)).toEqual(["airspace"]);
    expect(isSettled(against, aside(["wind", "airspace"], "sure"))).toBe(false);
  });

  it("is set aside one by one, with a reason", () => {
    const against = sorted([found("wind"), found("rain")], ["wind", "rain"]);
    expect(isSettled(against, aside(["wind"], "drizzle"))).toBe(false);
    expect(isSettled(against, aside(["wind", "rain"], "  "))).toBe(false);
    const all = aside(["wind", "rain"], " gauge is broken ");
    expect(isSettled(against, all)).toBe(true);
    expect(overrideOf(against, all)).toEqual({
      override: ["rain", "wind"],
      override_reason: "gauge is broken",
    });
  });

  it("says nothing of what is not against it any more", () => {
    expect(overrideOf(sorted([], ["wind"]), aside(["wind"], "x"))).toEqual({});
    expect(isSettled(null, NOTHING_ASIDE)).toBe(true);
  });
});
