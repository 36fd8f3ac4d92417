import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import type { Announcement } from "../domain";
import { useWords } from "../i18n/i18n";
import { announceUrgent } from "../state/actions";
import { useSelect } from "../state/store";
import { Icon } from "../ui/Icon";
import { TwoStep } from "../ui/parts";

const AUTHORITY_MAX = 200;

function Words({ said }: { said: Announcement }) {
  return (
    <blockquote className="message">
      {said.utterances.map((one) => (
        <p key={one.lang} lang={one.lang}>
          {one.text}
        </p>
      ))}
    </blockquote>
  );
}

function Choice({
  all,
  off,
  flip,
}: {
  all: string[];
  off: ReadonlySet<string>;
  flip(id: string): void;
}) {
  const { t } = useWords();
  return (
    <fieldset className="urgent-vehicles">
      <legend>{t("urgent.vehicles")}</legend>
      {all.map((id) => (
        <label key={id}>
          <input type="checkbox" checked={!off.has(id)} onChange={() => flip(id)} />
          {id}
        </label>
      ))}
    </fieldset>
  );
}

function Authority({
  missing,
  value,
  change,
}: {
  missing: boolean;
  value: string;
  change(value: string): void;
}) {
  const { t } = useWords();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <label className="field authority">
      <span>{t("launch.authority")}</span>
      <input
        ref={input}
        name="authority"
        required
        maxLength={AUTHORITY_MAX}
        autoComplete="off"
        aria-invalid={missing}
        value={value}
        onChange={(event) => change(event.target.value)}
      />
      <small data-bad={missing}>
        {missing ? t("launch.authority.missing") : t("launch.authority.help")}
      </small>
    </label>
  );
}

function Dialog({ close }: { close(): void }) {
  const { t } = useWords();
  const announcements = useSelect((s) => s.announcements);
  const vehicles = useSelect((s) => s.vehicles);
  const speaking = Object.values(vehicles)
    .filter((one) => one.entry.speaker_id)
    .map((one) => one.entry.id);
  const [chosen, choose] = useState(announcements[0]?.id ?? "");
  const [off, setOff] = useState<ReadonlySet<string>>(new Set());
  const [authority, setAuthority] = useState("");
  const [missing, setMissing] = useState(false);
  // One dialog is one order: asked for again after a lost answer, it is said once.
  const [key] = useState(() => crypto.randomUUID());
  const said = announcements.find((one) => one.id === chosen);
  const on = speaking.filter((id) => !off.has(id));
  const flip = (id: string) => {
    const next = new Set(off);
    if (!next.delete(id)) next.add(id);
    setOff(next);
  };
  const confirm = () => {
    const named = authority.trim();
    setMissing(named === "");
    if (named === "" || !said || on.length === 0) return;
    void announceUrgent({
      announcement_id: said.id,
      authority: named,
      key,
      ...(off.size > 0 ? { vehicles: on } : {}),
    });
    close();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  };
  return (
    <div className="scrim">
      {/* Not modal: STOP and silence must stay within reach at all times. */}
      <dialog open className="launch" aria-labelledby="urgent-title" onKeyDown={press}>
        <form onSubmit={(event) => event.preventDefault()} noValidate>
          <h2 id="urgent-title">{t("urgent.title")}</h2>
          <p className="muted">{t("urgent.what")}</p>
          <label className="field">
            <span>{t("urgent.message")}</span>
            <select value={chosen} onChange={(event) => choose(event.target.value)}>
              {announcements.map((one) => (
                <option key={one.id}>{one.id}</option>
              ))}
            </select>
          </label>
          {said ? <Words said={said} /> : <p className="empty">{t("urgent.none")}</p>}
          <Choice all={speaking} off={off} flip={flip} />
          <Authority missing={missing} value={authority} change={setAuthority} />
          {on.length === 0 ? (
            <p className="blocked">{t("urgent.vehicles.none")}</p>
          ) : null}
          <footer>
            <button type="button" onClick={close}>
              {t("launch.cancel")}
            </button>
            <TwoStep
              className="launch-now"
              disabled={!said || on.length === 0}
              sure={t("urgent.sure", { n: on.length })}
              onConfirm={confirm}
            >
              {t("urgent.confirm")}
            </TwoStep>
          </footer>
        </form>
      </dialog>
    </div>
  );
}

/** Two steps: the dialog, and its button pressed twice. */
export function UrgentButton() {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  const busy = useSelect((s) => s.pending["fleet.announce"] === true);
  const none = useSelect((s) => Object.keys(s.vehicles).length === 0);
  return (
    <>
      <button
        type="button"
        className="dock-button"
        disabled={busy || none}
        title={t("dock.urgent.help")}
        onClick={() => setOpen(true)}
      >
        <Icon name="speaker" />
        {t("dock.urgent")}
      </button>
      {open
        ? createPortal(
            <Dialog close={() => setOpen(false)} />,
            document.querySelector(".app") ?? document.body,
          )
        : null}
    </>
  );
}
