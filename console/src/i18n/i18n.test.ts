import { describe, expect, it } from "vitest";
import { ageText, durationText, fill, honestPercent, wordsOf } from "./i18n";
import { en, type MessageKey } from "./messages";
import { zh } from "./zh";

const names = (text: string) =>
  [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe("messages", () => {
  it("take the same values in both languages", () => {
    for (const key of Object.keys(en) as MessageKey[]) {
      expect(names(zh[key]), key).toEqual(names(en[key]));
      expect(zh[key].trim(), key).not.toBe("");
    }
  });

  it("are all translated", () => {
    const same = (Object.keys(en) as MessageKey[]).filter((key) => en[key] === zh[key]);
    expect(same).toEqual(["evidence.sti"]);
  });
});

describe("words", () => {
  it("fills in what it has and leaves what it has not", () => {
    expect(fill("{a} of {b}", { a: 1 })).toBe("1 of {b}");
  });

  it("never rounds up to a whole, nor down to nothing", () => {
    expect(honestPercent(1)).toBe("100 %");
    expect(honestPercent(0.9999)).toBe("99.9 %");
    expect(honestPercent(0.004)).toBe("0.4 %");
    expect(honestPercent(0)).toBe("0 %");
    expect(honestPercent(0.836)).toBe("83 %");
  });

  it("tells durations and ages", () => {
    expect(durationText(75)).toBe("1:15");
    expect(durationText(4000)).toBe("1:06:40");
    expect(ageText(12.4, "en")).toBe("12 s");
    expect(ageText(600, "zh")).toBe("10 分");
    expect(ageText(null, "en")).toBe("—");
  });

  it("survives times and zones that are none", () => {
    const { time, dateTime } = wordsOf("en");
    expect(time("yesterday")).toBe("—");
    expect(dateTime("2026-01-05T00:00:00Z", "Mars/Olympus")).toContain("Jan");
    expect(dateTime("2026-01-05T00:00:00Z", "Asia/Shanghai")).toContain("08:00");
  });
});
