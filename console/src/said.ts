// Announcements as they are written, judged and approved (docs/http.md).

import {
  boolean,
  type Infer,
  list,
  nullable,
  number,
  object,
  oneOf,
  text,
  withDefault,
} from "./read";

export const fieldValue = object({ name: text, value: text, lang: nullable(text) });
export type FieldValue = Infer<typeof fieldValue>;

export const wording = object({
  lang: text,
  text,
  times: withDefault(number, 1),
});
export type Wording = Infer<typeof wording>;

export const announcement = object({
  id: text,
  utterances: withDefault(list(object({ lang: text, text })), []),
  repeats: withDefault(number, 1),
  chime: withDefault(boolean, true),
  pause_s: withDefault(number, 0.6),
  rate_wpm: nullable(number),
  recording: nullable(text),
  version: nullable(number),
  clip_sha256: nullable(text),
  duration_s: nullable(number),
  title: withDefault(text, ""),
  origin: withDefault(oneOf("mission", "written", "alert"), "mission"),
  standing: withDefault(oneOf("draft", "approved", "withdrawn"), "approved"),
  why_not: nullable(text),
  wordings: withDefault(list(wording), []),
  fields: withDefault(list(fieldValue), []),
  open_fields: withDefault(list(text), []),
  valid_from_utc: nullable(text),
  valid_until_utc: nullable(text),
  written_by: nullable(text),
  approved_by: nullable(text),
  reason: nullable(text),
  areas: withDefault(list(text), []),
});
export type Announcement = Infer<typeof announcement>;

export const finding = object({
  rule: text,
  level: oneOf("fault", "warn", "note"),
  what: text,
  right: withDefault(text, ""),
  text: nullable(number),
  lang: nullable(text),
  start: nullable(number),
  end: nullable(number),
  says: nullable(text),
});
export type Finding = Infer<typeof finding>;

export const lint = object({
  duration_s: number,
  total_s: number,
  measured: boolean,
  texts: list(object({ lang: text, syllables: number, syllables_s: number })),
  findings: list(finding),
});
export type Lint = Infer<typeof lint>;

export const clip = object({ sha256: text, url: text, duration_s: number });
export type Clip = Infer<typeof clip>;

const user = object({
  id: text,
  name: text,
  role: oneOf("viewer", "operator", "approver"),
  actor: text,
});
export const session = object({
  log_in: boolean,
  second_person: boolean,
  user: nullable(user),
});
export type Session = Infer<typeof session>;

/** What the editor holds; dates as a datetime-local input has them. */
export interface Draft {
  id: string;
  version: number | null;
  title: string;
  texts: Wording[];
  fields: FieldValue[];
  repeats: number;
  chime: boolean;
  pause_s: number;
  rate_wpm: number | null;
  recording: string | null;
  from: string;
  until: string;
}

export const EMPTY: Draft = {
  id: "",
  version: null,
  title: "",
  texts: [
    { lang: "zh", text: "", times: 1 },
    { lang: "en", text: "", times: 1 },
  ],
  fields: [],
  repeats: 1,
  chime: true,
  pause_s: 0.6,
  rate_wpm: null,
  recording: null,
  from: "",
  until: "",
};

const two = (n: number) => String(n).padStart(2, "0");

/** A moment in the browser's time zone, for a datetime-local input. */
export function localInput(iso: string | null): string {
  const d = new Date(iso ?? "");
  if (Number.isNaN(d.getTime())) return "";
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

export function isoOf(input: string): string | null {
  const d = new Date(input);
  return input === "" || Number.isNaN(d.getTime()) ? null : d.toISOString();
}

export function draftOf(one: Announcement): Draft {
  return {
    id: one.id,
    version: one.version,
    title: one.title,
    texts: one.wordings.map((w) => ({ ...w })),
    fields: one.fields.map((f) => ({ ...f })),
    repeats: one.repeats,
    chime: one.chime,
    pause_s: one.pause_s,
    rate_wpm: one.rate_wpm,
    recording: one.recording,
    from: localInput(one.valid_from_utc),
    until: localInput(one.valid_until_utc),
  };
}

const FIELD = /\{\{|\}\}|\{\s*([^\W\d]\w{0,29})\s*\}/gu;

/** The names of the fields in the texts, each once, in their order. */
export function fieldsIn(texts: readonly Wording[]): string[] {
  const names = texts.flatMap((one) =>
    [...one.text.matchAll(FIELD)].flatMap((m) => m[1] ?? []),
  );
  return [...new Set(names)];
}

/** Values that are filled in, of fields that there are. */
export function valuesOf(fields: readonly FieldValue[], names: readonly string[]) {
  return fields
    .filter((one) => one.value.trim() !== "" && names.includes(one.name))
    .map((one) => (one.lang === null ? { name: one.name, value: one.value } : one));
}

/** The body of a draft; texts that are empty are left out. */
export function bodyOf(draft: Draft) {
  const texts = draft.texts.filter((one) => one.text.trim() !== "");
  return {
    title: draft.title,
    texts,
    fields: valuesOf(draft.fields, fieldsIn(texts)),
    repeats: draft.repeats,
    chime: draft.chime,
    pause_s: draft.pause_s,
    rate_wpm: draft.rate_wpm,
    recording: draft.recording,
    valid_from_utc: isoOf(draft.from),
    valid_until_utc: isoOf(draft.until),
  };
}

/** Set or clear one value, for a language or (null) for all. */
export function withValue(
  fields: readonly FieldValue[],
  name: string,
  lang: string | null,
  value: string,
): FieldValue[] {
  const others = fields.filter((one) => one.name !== name || one.lang !== lang);
  return value === "" ? others : [...others, { name, value, lang }];
}

export function valueFor(
  fields: readonly FieldValue[],
  name: string,
  lang: string | null,
): string {
  return fields.find((one) => one.name === name && one.lang === lang)?.value ?? "";
}
