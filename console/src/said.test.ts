import { expect, test } from "vitest";
import {
  announcement,
  bodyOf,
  draftOf,
  EMPTY,
  fieldsIn,
  isoOf,
  localInput,
  withValue,
} from "./said";

test("fields are found in the texts, doubled braces are none", () => {
  const texts = [
    { lang: "zh", text: "{block}号楼 {{x}} { time }", times: 1 },
    { lang: "en", text: "block {block} {3}", times: 1 },
  ];
  expect(fieldsIn(texts)).toEqual(["block", "time"]);
});

test("only what is filled in and asked for is sent", () => {
  let { fields } = EMPTY;
  fields = withValue(fields, "block", null, "3");
  fields = withValue(fields, "place", "zh", "东门");
  fields = withValue(fields, "gone", null, "x");
  fields = withValue(fields, "block", null, "4");
  const texts = [
    { lang: "zh", text: "{block} {place}", times: 2 },
    { lang: "en", text: "  ", times: 1 },
  ];
  const body = bodyOf({ ...EMPTY, texts, fields, until: "2026-01-05T09:30" });
  expect(body.texts).toHaveLength(1);
  expect(body.fields).toEqual([
    { name: "place", value: "东门", lang: "zh" },
    { name: "block", value: "4" },
  ]);
  expect(body.valid_from_utc).toBeNull();
  expect(localInput(body.valid_until_utc)).toBe("2026-01-05T09:30");
});

test("dates that are none are not sent", () => {
  expect(isoOf("")).toBeNull();
  expect(isoOf("soon")).toBeNull();
  expect(localInput(null)).toBe("");
});

test("an announcement of an older service is a mission's", () => {
  const read = announcement({ id: "a", utterances: [{ lang: "en", text: "x" }] }, "");
  expect([read.origin, read.standing, read.why_not]).toEqual([
    "mission",
    "approved",
    null,
  ]);
  expect(draftOf(read).texts).toEqual([]);
});
