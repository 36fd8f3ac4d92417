// One gap: whom a run missed, what was done, and what can be done now.

import { type FormEvent, useState } from "react";
import { useWords } from "../i18n/i18n";
import type { GapHead, GapStep } from "../overview";
import { flyRest, noteGap, planRest } from "../state/overview";
import { useSelect } from "../state/store";
import { shortId } from "../state/views";
import { TwoStep } from "../ui/parts";

const STEPS_SHOWN = 6;

function Step({ step }: { step: GapStep }) {
  const { t, dateTime } = useWords();
  return (
    <li>
      <span className="num muted">{dateTime(step.ts_utc)}</span>{" "}
      <b>{t(`gap.deed.${step.deed}`)}</b>{" "}
      <span className="muted">
        {step.actor === "service" ? "" : `${step.actor}: `}
        {step.text}
      </span>
    </li>
  );
}

function Note({ gap }: { gap: GapHead }) {
  const { t } = useWords();
  const [text, setText] = useState("");
  const busy = useSelect((s) => s.pending[`gap.${gap.id}`] === true);
  const said = text.trim();
  const say = (verb: "acknowledge" | "close") => {
    void noteGap(gap.id, verb, said);
    setText("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (said) say("acknowledge");
  };
  return (
    <form className="gap-note" onSubmit={submit}>
      <input
        value={text}
        maxLength={500}
        aria-label={t("gap.note")}
        placeholder={t("gap.note")}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" disabled={busy || !said}>
        {t(gap.state === "open" ? "gap.acknowledge" : "gap.add_note")}
      </button>
      <TwoStep
        disabled={busy || !said}
        title={t("gap.close.help")}
        sure={t("gap.close.sure")}
        onConfirm={() => say("close")}
      >
        {t("gap.close")}
      </TwoStep>
    </form>
  );
}

export function GapBox({ gap, titled = true }: { gap: GapHead; titled?: boolean }) {
  const { t, dateTime } = useWords();
  const busy = useSelect((s) => s.pending[`rerun.${gap.id}`] === true);
  const steps = gap.steps.slice(-STEPS_SHOWN);
  return (
    <div className="card gap" data-state={gap.state} data-testid="gap">
      <p>
        <b>{titled ? shortId(gap.id) : t("gap.title")}</b>{" "}
        <span className="chip">{t(`gap.state.${gap.state}`)}</span>
        {titled ? <span className="muted num"> {dateTime(gap.opened_utc)}</span> : null}
      </p>
      <p>
        {t("gap.missing", {
          households: gap.missing_households,
          receivers: gap.missing_receivers,
        })}{" "}
        <span className="muted">
          {t("gap.missed", {
            households: gap.missed_households,
            receivers: gap.missed_receivers,
          })}
        </span>
      </p>
      <ul className="gap-steps">
        {steps.map((one) => (
          <Step key={one.ts_utc + one.deed + one.text} step={one} />
        ))}
      </ul>
      {gap.state === "closed" ? null : (
        <>
          <footer>
            <button
              type="button"
              disabled={busy}
              title={t("gap.plan.help")}
              onClick={() => void planRest(gap.id)}
            >
              {t(busy ? "plan.making" : "gap.plan")}
            </button>
            <TwoStep
              disabled={busy}
              title={t("gap.fly.help")}
              sure={t("gap.fly.sure")}
              onConfirm={() => void flyRest(gap.id)}
            >
              {t("gap.fly")}
            </TwoStep>
          </footer>
          <Note gap={gap} />
        </>
      )}
    </div>
  );
}
