// Writing an announcement: texts, fields, sound, validity, and the lint.

import { type FormEvent, useEffect, useRef, useState } from "react";
import { useWords } from "../i18n/i18n";
import {
  type Clip,
  type Draft,
  fieldsIn,
  type Lint,
  valueFor,
  type Wording,
  withValue,
} from "../said";
import { judge, listen, saveDraft, uploadRecording } from "../state/said";
import { LintView } from "./LintView";

const LANGUAGES = ["zh", "yue", "en"];
const LANGUAGE_NAMES: Record<string, string> = {
  zh: "普通话 zh",
  yue: "粤语 yue",
  en: "English en",
};
const LINT_PAUSE_MS = 400;

type Change = (part: Partial<Draft>) => void;

function TextField({
  one,
  at,
  texts,
  change,
}: {
  one: Wording;
  at: number;
  texts: Wording[];
  change(texts: Wording[]): void;
}) {
  const { t } = useWords();
  const set = (part: Partial<Wording>) =>
    change(texts.map((w, i) => (i === at ? { ...w, ...part } : w)));
  const earlier = () => {
    const next = [...texts];
    next.splice(at - 1, 0, ...next.splice(at, 1));
    change(next);
  };
  const known = LANGUAGES.includes(one.lang) ? LANGUAGES : [one.lang, ...LANGUAGES];
  return (
    <li className="said-text">
      <div className="said-text-head">
        <select
          aria-label={t("said.language")}
          value={one.lang}
          onChange={(event) => set({ lang: event.target.value })}
        >
          {known.map((lang) => (
            <option key={lang} value={lang}>
              {LANGUAGE_NAMES[lang] ?? lang}
            </option>
          ))}
        </select>
        <label>
          <input
            type="number"
            min={1}
            max={5}
            value={one.times}
            onChange={(event) => set({ times: Number(event.target.value) || 1 })}
          />
          {t("said.times")}
        </label>
        <button
          type="button"
          className="ghost"
          aria-label={t("said.up")}
          title={t("said.up")}
          disabled={at === 0}
          onClick={earlier}
        >
          ↑
        </button>
        <button
          type="button"
          className="ghost"
          aria-label={t("said.remove")}
          title={t("said.remove")}
          disabled={texts.length === 1}
          onClick={() => change(texts.filter((_, i) => i !== at))}
        >
          ✕
        </button>
      </div>
      <textarea
        aria-label={t("said.text", { lang: one.lang })}
        lang={one.lang}
        rows={3}
        value={one.text}
        onChange={(event) => set({ text: event.target.value })}
      />
    </li>
  );
}

function Texts({ draft, change }: { draft: Draft; change: Change }) {
  const { t } = useWords();
  const used = new Set(draft.texts.map((one) => one.lang));
  const next = LANGUAGES.find((lang) => !used.has(lang)) ?? "zh";
  const add = () =>
    change({ texts: [...draft.texts, { lang: next, text: "", times: 1 }] });
  return (
    <fieldset className="said-part">
      <legend>{t("said.texts")}</legend>
      <ol>
        {draft.texts.map((one, at) => (
          <TextField
            // biome-ignore lint/suspicious/noArrayIndexKey: a text is its place
            key={at}
            one={one}
            at={at}
            texts={draft.texts}
            change={(texts) => change({ texts })}
          />
        ))}
      </ol>
      <button
        type="button"
        className="ghost"
        disabled={draft.texts.length >= 8}
        onClick={add}
      >
        {t("said.add")}
      </button>
    </fieldset>
  );
}

function Fields({ draft, change }: { draft: Draft; change: Change }) {
  const { t } = useWords();
  const names = fieldsIn(draft.texts);
  const langs = [...new Set(draft.texts.map((one) => one.lang))];
  const input = (name: string, lang: string | null) => (
    <input
      key={lang ?? "all"}
      aria-label={lang === null ? `{${name}}` : `{${name}} ${lang}`}
      placeholder={lang === null ? t("said.fields.all") : lang}
      maxLength={120}
      value={valueFor(draft.fields, name, lang)}
      onChange={(event) =>
        change({ fields: withValue(draft.fields, name, lang, event.target.value) })
      }
    />
  );
  return (
    <fieldset className="said-part">
      <legend>{t("said.fields")}</legend>
      <small className="muted">{t("said.fields.help")}</small>
      <ul className="said-fields">
        {names.map((name) => (
          <li key={name}>
            <code>{`{${name}}`}</code>
            {[null, ...langs].map((lang) => input(name, lang))}
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

function NumberInput({
  label,
  value,
  change,
  ...limits
}: {
  label: string;
  value: number | null;
  change(value: number | null): void;
  min: number;
  max: number;
  step: number;
  placeholder?: string;
}) {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type="number"
        {...limits}
        value={value ?? ""}
        onChange={(event) =>
          change(event.target.value === "" ? null : Number(event.target.value))
        }
      />
    </label>
  );
}

function Settings({ draft, change }: { draft: Draft; change: Change }) {
  const { t } = useWords();
  const moment = (label: string, value: string, set: (value: string) => void) => (
    <label className="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={value}
        onChange={(event) => set(event.target.value)}
      />
    </label>
  );
  return (
    <details className="options">
      <summary>{t("said.settings")}</summary>
      <div className="grid-2">
        <NumberInput
          label={t("said.repeats")}
          min={1}
          max={20}
          step={1}
          value={draft.repeats}
          change={(n) => change({ repeats: n ?? 1 })}
        />
        <NumberInput
          label={t("said.pause")}
          min={0}
          max={10}
          step={0.1}
          value={draft.pause_s}
          change={(n) => change({ pause_s: n ?? 0.6 })}
        />
        <NumberInput
          label={t("said.rate")}
          min={80}
          max={300}
          step={5}
          placeholder={t("said.rate.auto")}
          value={draft.rate_wpm}
          change={(rate_wpm) => change({ rate_wpm })}
        />
        <label className="said-check">
          <input
            type="checkbox"
            checked={draft.chime}
            onChange={(event) => change({ chime: event.target.checked })}
          />
          {t("said.chime")}
        </label>
        {moment(t("said.from"), draft.from, (from) => change({ from }))}
        {moment(t("said.until"), draft.until, (until) => change({ until }))}
      </div>
    </details>
  );
}

function Recording({
  draft,
  change,
  heard,
}: {
  draft: Draft;
  change: Change;
  heard(clip: Clip | null): void;
}) {
  const { t } = useWords();
  const take = async (file: File | undefined) => {
    if (!file) return;
    const clip = await uploadRecording(file);
    heard(clip);
    if (clip) change({ recording: clip.sha256 });
  };
  return (
    <div className="said-recording">
      <label className="field">
        <span>{t("said.recording")}</span>
        <input
          type="file"
          accept=".wav,.flac,.mp3,.ogg,audio/*"
          onChange={(event) => {
            void take(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
        <small className="muted">{t("said.recording.help")}</small>
      </label>
      {draft.recording === null ? null : (
        <button type="button" onClick={() => change({ recording: null })}>
          {t("said.recording.remove")}
        </button>
      )}
    </div>
  );
}

/** The lint follows what is typed, after a moment's pause; late answers are dropped. */
function useLint(draft: Draft) {
  const [lint, setLint] = useState<Lint | null>(null);
  const asked = useRef(0);
  const look = async (render: boolean) => {
    asked.current += 1;
    const mine = asked.current;
    const found = await judge(draft, [], render);
    if (found && mine === asked.current) setLint(found);
  };
  const latest = useRef(look);
  latest.current = look;
  const typed = JSON.stringify(draft);
  useEffect(() => {
    if (typed === "") return;
    const timer = setTimeout(() => void latest.current(false), LINT_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return { lint, measure: () => look(true) };
}

export function AnnouncementEditor({
  first,
  close,
}: {
  first: Draft;
  close(id: string | null): void;
}) {
  const { t } = useWords();
  const [draft, setDraft] = useState(first);
  const [clip, setClip] = useState<Clip | null>(null);
  const [busy, setBusy] = useState<"listen" | "save" | null>(null);
  const { lint, measure } = useLint(draft);
  const change: Change = (part) => setDraft((before) => ({ ...before, ...part }));
  const hear = async () => {
    setBusy("listen");
    setClip(await listen(draft, []));
    await measure();
    setBusy(null);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy("save");
    const id = await saveDraft(draft);
    setBusy(null);
    if (id !== null) close(id);
  };
  return (
    <form className="said-editor" onSubmit={(event) => void submit(event)}>
      <label className="field">
        <span>{t("said.title")}</span>
        <input
          maxLength={200}
          value={draft.title}
          onChange={(event) => change({ title: event.target.value })}
        />
      </label>
      {draft.version === null ? (
        <label className="field">
          <span>{t("said.id")}</span>
          <input
            maxLength={60}
            pattern="[A-Za-z0-9][A-Za-z0-9_.\-]*"
            value={draft.id}
            onChange={(event) => change({ id: event.target.value })}
          />
          <small className="muted">{t("said.id.help")}</small>
        </label>
      ) : null}
      <Texts draft={draft} change={change} />
      <Fields draft={draft} change={change} />
      <Settings draft={draft} change={change} />
      <Recording draft={draft} change={change} heard={setClip} />
      {lint ? <LintView lint={lint} draft={draft} /> : null}
      {clip ? (
        // biome-ignore lint/a11y/useMediaCaption: its text stands above
        <audio controls autoPlay src={clip.url} data-testid="preview" />
      ) : null}
      <footer className="said-footer">
        <button type="button" onClick={() => close(null)}>
          {t("said.back")}
        </button>
        <button type="button" disabled={busy !== null} onClick={() => void hear()}>
          {t(busy === "listen" ? "said.rendering" : "said.listen")}
        </button>
        <button type="submit" className="primary" disabled={busy !== null}>
          {t("said.save")}
        </button>
      </footer>
    </form>
  );
}
