// What of weather, light and airspace stands against a launch now, and what of
// it an operator may set aside with a reason. Hard refusals have no box.

import { useEffect, useState } from "react";
import type { Violation } from "../domain";
import { useWords } from "../i18n/i18n";
import { timetable } from "../net/timetable";

export interface Against {
  /** Refusals that nobody may set aside. */
  hard: Violation[];
  /** Those that may be, with a reason. */
  soft: Violation[];
}

export interface Aside {
  rules: ReadonlySet<string>;
  reason: string;
}

export const NOTHING_ASIDE: Aside = { rules: new Set(), reason: "" };
const REASON_MAX = 500;
const NAMED = [
  "wind",
  "rain",
  "weather-unknown",
  "daylight",
  "airspace",
  "disk",
] as const;

/** A rule as people call it; one that we do not know by its own name. */
function useRuleName(): (rule: string) => string {
  const { t } = useWords();
  return (rule) => {
    const known = NAMED.find((one) => one === rule);
    return known ? t(`override.rule.${known}`) : rule;
  };
}

/** The dialog asks for the authority itself. */
export function sorted(found: Violation[], overridable: string[]): Against {
  const refusing = found.filter(
    (one) => one.severity === "refuse" && one.rule !== "authority",
  );
  const may = new Set(overridable);
  return {
    hard: refusing.filter((one) => !may.has(one.rule)),
    soft: refusing.filter((one) => may.has(one.rule)),
  };
}

export function isSettled(against: Against | null, aside: Aside): boolean {
  if (against === null) return true; // the service has the last word
  if (against.hard.length > 0) return false;
  if (against.soft.length === 0) return true;
  const all = against.soft.every((one) => aside.rules.has(one.rule));
  return all && aside.reason.trim() !== "";
}

export function overrideOf(
  against: Against | null,
  aside: Aside,
): { override?: string[]; override_reason?: string } {
  const soft = new Set((against?.soft ?? []).map((one) => one.rule));
  const override = [...aside.rules].filter((rule) => soft.has(rule)).sort();
  return override.length === 0
    ? {}
    : { override, override_reason: aside.reason.trim() };
}

/** Asked once when the dialog opens; null: not known (yet). */
export function useAgainst(plan_id: string): Against | null {
  const [against, setAgainst] = useState<Against | null>(null);
  useEffect(() => {
    let gone = false;
    Promise.all([timetable.against(plan_id), timetable.rules()])
      .then(([found, rules]) => {
        if (!gone) setAgainst(sorted(found, rules.overridable));
      })
      .catch(() => undefined);
    return () => {
      gone = true;
    };
  }, [plan_id]);
  return against;
}

export function OverrideBox({
  against,
  aside,
  change,
}: {
  against: Against | null;
  aside: Aside;
  change(aside: Aside): void;
}) {
  const { t } = useWords();
  const named = useRuleName();
  if (against === null || against.hard.length + against.soft.length === 0) return null;
  const rules = [...new Set(against.soft.map((one) => one.rule))];
  const toggle = (rule: string, on: boolean) => {
    const next = new Set(aside.rules);
    if (on) next.add(rule);
    else next.delete(rule);
    change({ ...aside, rules: next });
  };
  const reasons = (rule: string) =>
    against.soft.filter((one) => one.rule === rule).map((one) => one.reason);
  return (
    <fieldset className="override">
      <legend>{t("override.title")}</legend>
      {against.hard.map((one) => (
        <p key={`${one.rule} ${one.reason}`} className="blocked">
          <b>{named(one.rule)}</b>: {one.reason} <small>{t("override.hard")}</small>
        </p>
      ))}
      {rules.map((rule) => (
        <label key={rule} className="check override-rule">
          <input
            type="checkbox"
            checked={aside.rules.has(rule)}
            onChange={(event) => toggle(rule, event.target.checked)}
          />
          <span>
            <b>{t("override.aside", { rule: named(rule) })}</b>
            {reasons(rule).map((reason) => (
              <small key={reason}>{reason}</small>
            ))}
          </span>
        </label>
      ))}
      {rules.length > 0 ? (
        <label className="field">
          <span>{t("override.reason")}</span>
          <input
            name="override_reason"
            maxLength={REASON_MAX}
            autoComplete="off"
            value={aside.reason}
            onChange={(event) => change({ ...aside, reason: event.target.value })}
          />
          <small>{t("override.reason.help")}</small>
        </label>
      ) : null}
    </fieldset>
  );
}
