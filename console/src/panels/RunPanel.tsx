import { useState } from "react";
import type { Playback, RunState, SortieRun } from "../domain";
import { useWords } from "../i18n/i18n";
import { chooseRun } from "../state/actions";
import { progressRatio } from "../state/rules";
import { byActivity, ended, type LogLine } from "../state/state";
import { store, useSelect } from "../state/store";
import { logOf, playbacksOf } from "../state/views";
import { PhaseChip, Progress, Segmented } from "../ui/parts";

const SHOWN = 120;

function RunChoice() {
  const { t, stamp } = useWords();
  const runs = useSelect((s) => s.runs);
  const run_id = useSelect((s) => s.run_id);
  const all = Object.values(runs).sort(byActivity);
  return (
    <label className="field">
      <span>{t("run.title")}</span>
      <select
        value={run_id ?? ""}
        onChange={(event) => void chooseRun(event.target.value)}
      >
        {all.map((one) => (
          <option key={one.id} value={one.id}>
            {`${t(`phase.${one.phase}`)} · ${stamp(one.created_utc)}`}
          </option>
        ))}
      </select>
    </label>
  );
}

function SortieRow({ one }: { one: SortieRun }) {
  const { t } = useWords();
  return (
    <li className="sortie">
      <p>
        <b>{one.vehicle_id}</b>
        <span className="muted">{one.sortie_id}</span>
        <PhaseChip phase={one.phase} />
      </p>
      <p className="num muted">
        {[
          one.steps > 0 ? t("run.step", { step: one.step, steps: one.steps }) : "",
          one.loops > 1
            ? t("run.loops", { done: one.loops_done, loops: one.loops })
            : "",
          one.cues > 0
            ? t("run.cues", { done: one.cues_done.length, cues: one.cues })
            : "",
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {one.waits ? (
        <p className="warn-text">{t("run.waits", { why: one.waits })}</p>
      ) : null}
      {one.cut ? <p className="warn-text">{t("run.cut", { why: one.cut })}</p> : null}
      {one.reason && one.reason !== one.cut ? (
        <p className="bad-text">{one.reason}</p>
      ) : null}
    </li>
  );
}

function Head({ run }: { run: RunState }) {
  const { t, time, percent } = useWords();
  const ratio = progressRatio(run);
  return (
    <div className="run-head">
      <p className="run-line">
        <PhaseChip phase={run.phase} />
        <span className="num run-percent">{percent(ratio)}</span>
      </p>
      <Progress ratio={ratio} label={t("run.progress")} />
      {run.parked ? (
        <p className="warn-text">{t("run.waits", { why: run.parked })}</p>
      ) : null}
      <p className="muted num">
        {run.started_utc ? `${t("run.started")} ${time(run.started_utc)}` : ""}
        {run.ended_utc ? ` · ${t("run.ended")} ${time(run.ended_utc)}` : ""}
        {run.schedule_id ? ` · ${t("run.scheduled", { id: run.schedule_id })}` : ""}
      </p>
      {run.authority ? (
        <p>
          <span className="muted">{t("run.authority")}: </span>
          {run.authority}
        </p>
      ) : null}
      {run.reason ? <p className="bad-text">{run.reason}</p> : null}
      {ended(run) ? (
        <button
          type="button"
          className="primary"
          onClick={() =>
            store.dispatch({
              type: "patch",
              patch: { tab: "evidence", coverage: "evidence" },
            })
          }
        >
          {t("run.evidence")}
        </button>
      ) : null}
    </div>
  );
}

function Events({ lines }: { lines: LogLine[] }) {
  const { t, time } = useWords();
  if (lines.length === 0) return <p className="empty">{t("run.events.none")}</p>;
  return (
    <div role="log" aria-label={t("run.events")}>
      <ol className="log">
        {lines.slice(0, SHOWN).map((one) => (
          <li key={one.id} data-severity={one.severity <= 4 ? "bad" : "calm"}>
            <time className="num">{time(one.ts_utc)}</time>
            <span>
              {one.source ? <b>{one.source} </b> : null}
              {one.text || one.kind}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Playbacks({ all }: { all: Playback[] }) {
  const { t, time } = useWords();
  if (all.length === 0) return <p className="empty">{t("run.playbacks.none")}</p>;
  return (
    <ol className="log">
      {all.slice(0, SHOWN).map((one) => (
        <li key={one.id} data-severity={one.status === "refused" ? "bad" : "calm"}>
          <time className="num">{time(one.start_utc)}</time>
          <span>
            <b>{one.vehicle_id} </b>
            {one.station ?? one.cue_id ?? ""}{" "}
            <span className="playback" data-status={one.status}>
              {t(`playback.${one.status}`)}
              {one.repeats_done > 0 ? ` ×${one.repeats_done}` : ""}
            </span>
            {one.reason ? <span className="muted"> {one.reason}</span> : null}
          </span>
        </li>
      ))}
    </ol>
  );
}

type Shown = "events" | "playbacks";

function Records({ run }: { run: RunState }) {
  const { t } = useWords();
  const [shown, setShown] = useState<Shown>("events");
  const log = useSelect((s) => s.log);
  const playbacks = useSelect((s) => s.playbacks);
  const played = playbacksOf(run, playbacks);
  return (
    <section className="records">
      <Segmented<Shown>
        label={t("run.events")}
        value={shown}
        options={[
          { value: "events", text: t("run.events") },
          { value: "playbacks", text: `${t("run.playbacks")} ${played.length}` },
        ]}
        onChange={setShown}
      />
      {shown === "events" ? (
        <Events lines={logOf(run, log)} />
      ) : (
        <Playbacks all={played} />
      )}
    </section>
  );
}

export function RunPanel() {
  const { t } = useWords();
  const run = useSelect((s) => (s.run_id === null ? undefined : s.runs[s.run_id]));
  if (!run) return <p className="empty">{t("run.none")}</p>;
  return (
    <div className="scroll">
      <section>
        <RunChoice />
        <Head run={run} />
        <ul className="sorties" aria-label={t("run.sorties")}>
          {run.sorties.map((one) => (
            <SortieRow key={one.sortie_id} one={one} />
          ))}
        </ul>
      </section>
      <Records run={run} />
    </div>
  );
}
