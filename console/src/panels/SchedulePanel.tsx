import { useCallback, useEffect, useState } from "react";
import type { Schedule } from "../domain";
import { useWords } from "../i18n/i18n";
import {
  EXPORT,
  type Question,
  type ScheduleConflict,
  timetable,
  type WholeSchedule,
} from "../net/timetable";
import { commandSchedule, loadSchedules, pending } from "../state/actions";
import { useSelect } from "../state/store";
import { TwoStep } from "../ui/parts";
import { ConditionsBox } from "./ConditionsBox";
import { ScheduleForm } from "./ScheduleForm";

const NEXT_SHOWN = 3;
const CONFLICTS_SHOWN = 20;
const LOOK_MS = 15_000;

function One({ schedule, onEdit }: { schedule: Schedule; onEdit(): void }) {
  const { t, dateTime } = useWords();
  const busy = useSelect((s) =>
    Object.keys(s.pending).some((one) => one.startsWith(`schedule.${schedule.id}.`)),
  );
  const offline = useSelect((s) => s.live.phase !== "open");
  const next = schedule.next_utc.slice(0, NEXT_SHOWN);
  const { id, enabled } = schedule;
  const [last] = schedule.recent;
  return (
    <li className="card schedule" data-enabled={enabled}>
      <p>
        <b>{id}</b>
        <span className="chip">
          {t(enabled ? "schedules.enabled" : "schedules.paused")}
        </span>
      </p>
      <p className="muted">
        {[
          schedule.mission_id,
          ...schedule.work.map((one) => t(`kind.${one}`)),
          schedule.announcement,
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <p className="mono muted">{schedule.rrule}</p>
      <ul className="next">
        {next.length === 0 ? <li>{t("schedules.next.none")}</li> : null}
        {next.map((one) => (
          <li key={one} className="num">
            {dateTime(one, schedule.time_zone)}
          </li>
        ))}
      </ul>
      <p className="muted">{schedule.time_zone}</p>
      {schedule.fault ? <p className="fault">{schedule.fault}</p> : null}
      {last ? (
        <p>
          <span className="muted num">
            {t("schedules.recent")}: {dateTime(last.due_utc, schedule.time_zone)}
          </span>{" "}
          {last.outcome ?? ""}
        </p>
      ) : null}
      <footer>
        <TwoStep
          disabled={busy || offline}
          sure={t("schedules.run_now.sure")}
          onConfirm={() => void commandSchedule(id, "run_now")}
        >
          {t("schedules.run_now")}
        </TwoStep>
        <button
          type="button"
          disabled={busy || offline}
          onClick={() => void commandSchedule(id, enabled ? "pause" : "resume")}
        >
          {t(enabled ? "schedules.pause" : "schedules.resume")}
        </button>
        <button type="button" disabled={busy || offline} onClick={onEdit}>
          {t("schedules.edit")}
        </button>
        <TwoStep
          disabled={busy || offline}
          sure={t("schedules.delete.sure")}
          onConfirm={() =>
            void pending(`schedule.${id}.delete`, "failed.schedule", async () => {
              await timetable.remove(id);
              await loadSchedules();
            })
          }
        >
          {t("schedules.delete")}
        </TwoStep>
      </footer>
    </li>
  );
}

/** Missed occurrences that wait for a word, and what will clash. */
function Ahead() {
  const { t, dateTime } = useWords();
  const schedules = useSelect((s) => s.schedules);
  const [asked, setAsked] = useState<Question[]>([]);
  const [found, setFound] = useState<ScheduleConflict[]>([]);
  const load = useCallback(async () => {
    setAsked(await timetable.questions());
    setFound(await timetable.conflicts());
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: again when schedules change
  useEffect(() => {
    // Quietly: that the service does not answer is told at the top.
    const again = () => void load().catch(() => undefined);
    again();
    const timer = window.setInterval(again, LOOK_MS);
    return () => window.clearInterval(timer);
  }, [load, schedules]);
  const answer = (one: Question, run: boolean) =>
    pending(`schedule.${one.schedule_id}.answer`, "failed.schedule", async () => {
      await timetable.answer(one, run);
      await load();
      await loadSchedules();
    });
  return (
    <>
      {asked.map((one) => (
        <section key={one.schedule_id + one.due_utc} className="card question">
          <p>
            <b>{one.schedule_id}</b>{" "}
            <span className="num">{dateTime(one.due_utc, one.time_zone)}</span>
          </p>
          <p>{one.text}</p>
          <footer>
            <TwoStep
              disabled={false}
              sure={t("schedules.run_now.sure")}
              onConfirm={() => void answer(one, true)}
            >
              {t("schedules.run_now")}
            </TwoStep>
            <button type="button" onClick={() => void answer(one, false)}>
              {t("schedules.let_go")}
            </button>
          </footer>
        </section>
      ))}
      {found.length > 0 ? (
        <details className="card conflicts">
          <summary>{t("schedules.conflicts", { n: found.length })}</summary>
          <ul className="rows">
            {found.slice(0, CONFLICTS_SHOWN).map((one) => (
              <li key={one.kind + one.text + one.due_utc.join()}>
                <span className="num muted">{dateTime(one.due_utc[0] ?? "")}</span>{" "}
                {one.text}
                {one.assumed ? ` (${t("schedules.assumed")})` : ""}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </>
  );
}

/** Calendars of other programs, in and out. */
function Calendars() {
  const { t } = useWords();
  const mission = useSelect((s) => s.missions.find((one) => one.id === s.mission_id));
  const take = (file: File | undefined) =>
    pending("schedule.import", "failed.schedule", async () => {
      if (!file || !mission) return;
      await timetable.take(file, mission.id, mission.announcements[0] ?? "", "drone");
      await loadSchedules();
    });
  return (
    <details className="card">
      <summary>{t("schedules.calendars")}</summary>
      <p>
        <a href={EXPORT} download>
          {t("schedules.export")}
        </a>
      </p>
      <label className="field">
        <span>{t("schedules.import")}</span>
        <input
          type="file"
          accept=".ics,text/calendar"
          onChange={(event) => void take(event.target.files?.[0])}
        />
      </label>
    </details>
  );
}

export function SchedulePanel() {
  const { t } = useWords();
  const schedules = useSelect((s) => s.schedules);
  const [open, setOpen] = useState<WholeSchedule | "new" | null>(null);
  const edit = (id: string) =>
    void pending(`schedule.${id}.open`, "failed.schedule", async () =>
      setOpen(await timetable.schedule(id)),
    );
  return (
    <div className="scroll">
      <div className="schedules-side">
        <Ahead />
        {open === null ? (
          <p>
            <button type="button" onClick={() => setOpen("new")}>
              {t("schedules.new")}
            </button>
          </p>
        ) : (
          <ScheduleForm
            key={open === "new" ? "" : open.id}
            known={open === "new" ? null : open}
            onDone={() => setOpen(null)}
          />
        )}
      </div>
      {schedules.length === 0 ? <p className="empty">{t("schedules.none")}</p> : null}
      <ul className="cards">
        {schedules.map((one) => (
          <One key={one.id} schedule={one} onEdit={() => edit(one.id)} />
        ))}
      </ul>
      <div className="schedules-side">
        <ConditionsBox />
        <Calendars />
      </div>
    </div>
  );
}
