import type { Schedule } from "../domain";
import { useWords } from "../i18n/i18n";
import { commandSchedule } from "../state/actions";
import { useSelect } from "../state/store";
import { TwoStep } from "../ui/parts";

const NEXT_SHOWN = 3;

function One({ schedule }: { schedule: Schedule }) {
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
      </footer>
    </li>
  );
}

export function SchedulePanel() {
  const { t } = useWords();
  const schedules = useSelect((s) => s.schedules);
  if (schedules.length === 0) return <p className="empty">{t("schedules.none")}</p>;
  return (
    <div className="scroll">
      <ul className="cards">
        {schedules.map((one) => (
          <One key={one.id} schedule={one} />
        ))}
      </ul>
    </div>
  );
}
