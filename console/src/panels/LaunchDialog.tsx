import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useWords } from "../i18n/i18n";
import type { LaunchOrder } from "../net/api";
import { launch } from "../state/actions";
import { freeVehicles, launchBlock } from "../state/rules";
import type { OpenPlan } from "../state/state";
import { useSelect } from "../state/store";
import {
  isSettled,
  NOTHING_ASIDE,
  OverrideBox,
  overrideOf,
  useAgainst,
} from "./OverrideBox";

const AUTHORITY_MAX = 200;

function Message({ plan }: { plan: OpenPlan }) {
  const { t } = useWords();
  const said = useSelect((s) =>
    s.announcements.find((one) => one.id === plan.doc.announcement.id),
  );
  if (!said) return null;
  return (
    <div className="launch-message">
      <h3>
        {t("launch.message")}{" "}
        <span className="muted num">
          {t("launch.repeats", { n: plan.doc.announcement.repeats })}
        </span>
      </h3>
      <blockquote className="message">
        {said.utterances.map((one) => (
          <p key={one.lang} lang={one.lang}>
            {one.text}
          </p>
        ))}
      </blockquote>
    </div>
  );
}

function Assignment({
  plan,
  chosen,
  choose,
}: {
  plan: OpenPlan;
  chosen: Record<string, string>;
  choose(sortie: string, vehicle: string): void;
}) {
  const { t, duration } = useWords();
  const free = useSelect((s) => freeVehicles(s, plan));
  return (
    <ul className="rows launch-rows">
      {plan.doc.sorties.map((one) => (
        <li key={one.id}>
          <b>{one.id}</b>
          <span className="num muted">{duration(one.duration_s)}</span>
          <select
            aria-label={`${t("launch.vehicle")} ${one.id}`}
            value={chosen[one.id] ?? ""}
            onChange={(event) => choose(one.id, event.target.value)}
          >
            <option value="">
              {one.vehicle
                ? `${one.vehicle} · ${t("launch.vehicle.auto")}`
                : t("launch.vehicle.auto")}
            </option>
            {free
              .filter((v) => v.entry.kind === one.vehicle_kind)
              .map((v) => (
                <option key={v.entry.id} value={v.entry.id}>
                  {v.entry.id}
                </option>
              ))}
          </select>
        </li>
      ))}
    </ul>
  );
}

function orderOf(
  plan: OpenPlan,
  authority: string,
  chosen: Record<string, string>,
  loops: string,
): LaunchOrder {
  const vehicles = Object.fromEntries(
    Object.entries(chosen).filter(([, v]) => v !== ""),
  );
  return {
    plan_id: plan.id,
    authority,
    ...(Object.keys(vehicles).length > 0 ? { vehicles } : {}),
    ...(plan.doc.kind === "loop" && loops !== "" ? { loops: Number(loops) } : {}),
  };
}

function Dialog({ plan, close }: { plan: OpenPlan; close(): void }) {
  const { t, duration } = useWords();
  const [authority, setAuthority] = useState("");
  const [missing, setMissing] = useState(false);
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const [loops, setLoops] = useState("");
  const [aside, setAside] = useState(NOTHING_ASIDE);
  const against = useAgainst(plan.id);
  const settled = isSettled(against, aside);
  const blocked = useSelect(launchBlock);
  const summary = plan.doc.summary;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    input.current?.focus();
  }, []);
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const named = authority.trim();
    setMissing(named === "");
    if (named === "" || blocked || !settled) return;
    const order = orderOf(plan, named, chosen, loops);
    void launch({ ...order, ...overrideOf(against, aside) });
    close();
  };
  return (
    <div className="scrim">
      {/* Not modal: STOP must stay within reach of a finger at all times. */}
      <dialog open className="launch" aria-labelledby="launch-title" onKeyDown={press}>
        <form onSubmit={submit} noValidate>
          <h2 id="launch-title">{t("launch.title")}</h2>
          <p className="muted">
            {t("launch.what", {
              sorties: plan.doc.sorties.length,
              time: duration(summary.mission_time_s ?? summary.loop_time_s ?? 0),
            })}
          </p>
          <Message plan={plan} />
          <Assignment
            plan={plan}
            chosen={chosen}
            choose={(sortie, vehicle) => setChosen({ ...chosen, [sortie]: vehicle })}
          />
          {plan.doc.kind === "loop" ? (
            <label className="field">
              <span>{t("launch.loops")}</span>
              <input
                type="number"
                min={1}
                max={1000}
                placeholder={String(plan.doc.sorties[0]?.loops ?? 1)}
                value={loops}
                onChange={(event) => setLoops(event.target.value)}
              />
            </label>
          ) : null}
          <label className="field authority">
            <span>{t("launch.authority")}</span>
            <input
              ref={input}
              name="authority"
              required
              maxLength={AUTHORITY_MAX}
              autoComplete="off"
              aria-invalid={missing}
              aria-describedby="authority-help"
              value={authority}
              onChange={(event) => setAuthority(event.target.value)}
            />
            <small id="authority-help" data-bad={missing}>
              {missing ? t("launch.authority.missing") : t("launch.authority.help")}
            </small>
          </label>
          <OverrideBox against={against} aside={aside} change={setAside} />
          {blocked ? <p className="blocked">{t(`launch.block.${blocked}`)}</p> : null}
          <footer>
            <button type="button" onClick={close}>
              {t("launch.cancel")}
            </button>
            <button
              type="submit"
              className="launch-now"
              disabled={blocked !== null || !settled}
            >
              {t("launch.confirm")}
            </button>
          </footer>
        </form>
      </dialog>
    </div>
  );
}

/** The launch button, and why it cannot be pressed when it cannot. */
export function LaunchBar() {
  const { t } = useWords();
  const plan = useSelect((s) => s.plan);
  const blocked = useSelect(launchBlock);
  const busy = useSelect((s) => s.pending.launch === true);
  const [open, setOpen] = useState(false);
  return (
    <div className="launch-bar">
      <p className={blocked ? "muted" : "good-text"} id="launch-why">
        {blocked
          ? t(`launch.block.${blocked}`)
          : `${t("gate.title")}: ${t("gate.clear")}`}
      </p>
      <button
        type="button"
        className="launch-now"
        aria-describedby="launch-why"
        disabled={blocked !== null || busy}
        onClick={() => setOpen(true)}
      >
        {t("launch.button")}
      </button>
      {open && plan
        ? createPortal(
            <Dialog plan={plan} close={() => setOpen(false)} />,
            document.querySelector(".app") ?? document.body,
          )
        : null}
    </div>
  );
}
