// Schedules and the conditions of a launch, over HTTP.

import { planKind, violation } from "../domain";
import {
  boolean,
  type Infer,
  list,
  nullable,
  number,
  object,
  oneOf,
  text,
  unknown,
  withDefault,
} from "../read";
import { get, post, send, upload } from "./api";

export const MISSED = ["run_late", "skip", "ask"] as const;
const missed = oneOf(...MISSED);
export const RERUN = ["offer", "launch", "off"] as const;
const rerun = oneOf(...RERUN);

export const wholeSchedule = object({
  id: text,
  mission_id: text,
  announcement: text,
  work: list(planKind),
  rrule: text,
  start_local: nullable(text),
  time_zone: text,
  also_local: withDefault(list(text), []),
  except_times: withDefault(list(text), []),
  except_dates: withDefault(list(text), []),
  holidays: withDefault(list(text), []),
  late_s: withDefault(number, 300),
  missed: withDefault(missed, "run_late"),
  rerun: withDefault(rerun, "offer"),
  authority: nullable(text),
  title: nullable(text),
  enabled: boolean,
  paused: withDefault(boolean, false),
  fault: nullable(text),
});
export type WholeSchedule = Infer<typeof wholeSchedule>;

const question = object({
  schedule_id: text,
  due_utc: text,
  text,
  time_zone: text,
});
export type Question = Infer<typeof question>;

const conflict = object({
  kind: text,
  schedules: list(text),
  due_utc: list(text),
  text,
  assumed: boolean,
});
export type ScheduleConflict = Infer<typeof conflict>;

const weather = object({
  ts_utc: text,
  source: text,
  wind_m_s: nullable(number),
  gust_m_s: nullable(number),
  rain_mm_h: nullable(number),
});
export type Weather = Infer<typeof weather>;

const notice = object({
  id: text,
  name: text,
  from_utc: text,
  until_utc: text,
  bottom_m: number,
  top_m: number,
});
export type Notice = Infer<typeof notice>;

const id = encodeURIComponent;
const preview = object({ next_utc: list(text), time_zone: text });
export type Preview = Infer<typeof preview>;
const imported = object({ schedules: list(text) });

export type ScheduleBody = Omit<
  WholeSchedule,
  "id" | "mission_id" | "fault" | "paused" | "start_local"
> & { start_local: string };

export const timetable = {
  schedule: (name: string) => get(`/schedules/${id(name)}`, wholeSchedule),
  questions: () => get("/schedules/questions", list(question)),
  conflicts: () => get("/schedules/conflicts?days=7", list(conflict)),
  preview: (name: string, mission_id: string, body: ScheduleBody) =>
    post("/schedules/preview?count=5", { ...body, id: name, mission_id }, preview),
  create: (name: string, mission_id: string, body: ScheduleBody) =>
    post("/schedules", { ...body, id: name, mission_id }, wholeSchedule),
  change: (name: string, body: ScheduleBody) =>
    send("PUT", `/schedules/${id(name)}`, body, wholeSchedule),
  remove: (name: string) =>
    send("DELETE", `/schedules/${id(name)}`, undefined, unknown),
  answer: (one: Question, run: boolean) =>
    post(
      `/schedules/${id(one.schedule_id)}/answer`,
      { due_utc: one.due_utc, run },
      unknown,
    ),
  take: (file: File, mission_id: string, announcement: string, work: string) =>
    upload(
      `/schedules/calendar.ics?mission_id=${id(mission_id)}` +
        `&announcement=${id(announcement)}&work=${id(work)}`,
      file,
      imported,
    ),
  weather: (site_id: string) =>
    get(`/conditions/weather/${id(site_id)}`, list(weather)),
  enterWeather: (site_id: string, body: Record<string, number>) =>
    send("PUT", `/conditions/weather/${id(site_id)}`, body, weather),
  against: (plan_id: string) =>
    get(`/conditions/plans/${id(plan_id)}`, list(violation)),
  rules: () => get("/conditions/rules", object({ overridable: list(text) })),
  notices: () => get("/conditions/no_fly", list(notice)),
  close: (geojson: unknown, from_utc: string, until_utc: string) =>
    post("/conditions/no_fly/geojson", { geojson, from_utc, until_utc }, list(notice)),
  open: (notice_id: string) =>
    send("DELETE", `/conditions/no_fly/${id(notice_id)}`, undefined, unknown),
};

export const EXPORT = "/api/v1/schedules/calendar.ics";
