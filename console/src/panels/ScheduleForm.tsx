// A schedule being written: made, changed, and looked at before it counts.

import { type FormEvent, useState } from "react";
import type { PlanKind } from "../domain";
import { useWords } from "../i18n/i18n";
import {
  MISSED,
  type Preview,
  RERUN,
  type ScheduleBody,
  timetable,
  type WholeSchedule,
} from "../net/timetable";
import { loadSchedules, pending } from "../state/actions";
import { useSelect } from "../state/store";

const KINDS: PlanKind[] = ["drone", "loop"];
const RULES = [
  "FREQ=DAILY",
  "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
  "FREQ=DAILY;BYHOUR=8,12,18;BYMINUTE=0",
  "FREQ=DAILY;COUNT=1",
];

/** The local time of a clock on the wall, as an input of that kind has it. */
export function wall(text: string | null): string {
  return (text ?? "").slice(0, 16);
}

/** What was written, as the service takes it. */
export function bodyOf(draft: Draft): ScheduleBody {
  const { name: _name, mission_id: _mission, holidays, ...rest } = draft;
  return {
    ...rest,
    authority: draft.authority || null,
    title: draft.title || null,
    holidays: holidays.split(/[\s,]+/).filter(Boolean),
    late_s: Number(draft.late_s),
  };
}

export interface Draft extends Omit<ScheduleBody, "holidays"> {
  name: string;
  mission_id: string;
  holidays: string;
}

const BLANK: Omit<Draft, "mission_id"> = {
  name: "",
  announcement: "",
  work: ["drone"],
  rrule: "FREQ=DAILY",
  start_local: "",
  time_zone: "",
  also_local: [],
  except_times: [],
  except_dates: [],
  holidays: "",
  late_s: 300,
  missed: "run_late",
  rerun: "offer",
  authority: "",
  title: "",
  enabled: true,
};

export function draftOf(known: WholeSchedule | null, mission_id: string): Draft {
  if (!known) return { ...BLANK, mission_id };
  const { id, fault: _fault, paused, ...rest } = known;
  return {
    ...rest,
    name: id,
    start_local: wall(known.start_local),
    holidays: known.holidays.join(" "),
    // A pause is no part of the schedule: changing it does not disable it.
    enabled: known.enabled || paused,
  };
}

export function ScheduleForm({
  known,
  onDone,
}: {
  known: WholeSchedule | null;
  onDone(): void;
}) {
  const { t, dateTime } = useWords();
  const mission_id = useSelect((s) => s.mission_id) ?? "";
  const mission = useSelect((s) => s.missions.find((one) => one.id === mission_id));
  const [draft, setDraft] = useState(() => draftOf(known, mission_id));
  const [next, setNext] = useState<Preview | null>(null);
  const busy = useSelect(
    (s) => "schedule.form" in s.pending && s.pending["schedule.form"],
  );
  const change = (part: Partial<Draft>) => {
    setDraft({ ...draft, ...part });
    setNext(null);
  };
  const body = (): ScheduleBody => {
    const { time_zone, ...rest } = bodyOf(draft);
    // Without one the service takes the site's.
    return (time_zone ? { ...rest, time_zone } : rest) as ScheduleBody;
  };
  const look = () =>
    pending("schedule.form", "failed.schedule", async () => {
      const found = await timetable.preview(
        draft.name || "preview",
        draft.mission_id,
        body(),
      );
      setNext(found);
    });
  const save = (event: FormEvent) => {
    event.preventDefault();
    void pending("schedule.form", "failed.schedule", async () => {
      if (known) await timetable.change(known.id, body());
      else await timetable.create(draft.name, draft.mission_id, body());
      await loadSchedules();
      onDone();
    });
  };
  return (
    <form className="card schedule-form" onSubmit={save}>
      {known ? <b>{known.id}</b> : null}
      {known ? null : (
        <label className="field">
          <span>{t("schedules.name")}</span>
          <input
            required
            pattern="[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}"
            value={draft.name}
            onChange={(event) => change({ name: event.target.value })}
          />
        </label>
      )}
      <label className="field">
        <span>{t("plan.announcement")}</span>
        <input
          required
          list="schedule-announcements"
          value={draft.announcement}
          onChange={(event) => change({ announcement: event.target.value })}
        />
        <datalist id="schedule-announcements">
          {(mission?.announcements ?? []).map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </label>
      <fieldset className="field">
        <legend>{t("schedules.work")}</legend>
        {KINDS.map((kind) => (
          <label key={kind}>
            <input
              type="checkbox"
              checked={draft.work.includes(kind)}
              onChange={(event) =>
                change({
                  work: KINDS.filter((one) =>
                    one === kind ? event.target.checked : draft.work.includes(one),
                  ),
                })
              }
            />{" "}
            {t(`kind.${kind}`)}
          </label>
        ))}
      </fieldset>
      <label className="field">
        <span>{t("schedules.rule")}</span>
        <input
          required
          list="schedule-rules"
          value={draft.rrule}
          onChange={(event) => change({ rrule: event.target.value })}
        />
        <datalist id="schedule-rules">
          {RULES.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </label>
      <label className="field">
        <span>{t("schedules.start")}</span>
        <input
          required
          type="datetime-local"
          value={draft.start_local}
          onChange={(event) => change({ start_local: event.target.value })}
        />
      </label>
      <label className="field">
        <span>{t("schedules.zone")}</span>
        <input
          placeholder={t("schedules.zone.site")}
          value={draft.time_zone}
          onChange={(event) => change({ time_zone: event.target.value })}
        />
      </label>
      <label className="field">
        <span>{t("schedules.missed")}</span>
        <select
          value={draft.missed}
          onChange={(event) =>
            change({
              missed: MISSED.find((m) => m === event.target.value) ?? "run_late",
            })
          }
        >
          {MISSED.map((one) => (
            <option key={one} value={one}>
              {t(`schedules.missed.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{t("schedules.rerun")}</span>
        <select
          name="rerun"
          value={draft.rerun}
          onChange={(event) =>
            change({ rerun: RERUN.find((r) => r === event.target.value) ?? "offer" })
          }
        >
          {RERUN.map((one) => (
            <option key={one} value={one}>
              {t(`schedules.rerun.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{t("schedules.holidays")}</span>
        <input
          value={draft.holidays}
          onChange={(event) => change({ holidays: event.target.value })}
        />
      </label>
      <label className="field">
        <span>{t("launch.authority")}</span>
        <input
          maxLength={300}
          value={draft.authority ?? ""}
          onChange={(event) => change({ authority: event.target.value })}
        />
      </label>
      {next ? (
        <ul className="next">
          {next.next_utc.map((one) => (
            <li key={one} className="num">
              {dateTime(one, next.time_zone)}
            </li>
          ))}
          <li className="muted">{next.time_zone}</li>
        </ul>
      ) : null}
      <footer>
        <button type="button" disabled={busy} onClick={() => void look()}>
          {t("schedules.preview")}
        </button>
        <button type="submit" className="primary" disabled={busy}>
          {t("schedules.save")}
        </button>
        <button type="button" onClick={onDone}>
          {t("schedules.cancel")}
        </button>
      </footer>
    </form>
  );
}
