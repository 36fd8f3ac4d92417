import { describe, expect, it } from "vitest";
import { wholeSchedule } from "../net/timetable";
import { bodyOf, draftOf, wall } from "./ScheduleForm";

const RAW = {
  id: "morning",
  mission_id: "estate",
  announcement: "stay-home",
  work: ["drone"],
  rrule: "FREQ=DAILY",
  start_local: "2026-01-05T07:30:00",
  time_zone: "Asia/Shanghai",
  holidays: ["cn", "school"],
  missed: "ask",
  rerun: "launch",
  enabled: false,
  paused: true,
  except_dates: ["2026-02-17"],
};

describe("a schedule being changed", () => {
  it("keeps what the form does not show", () => {
    const known = wholeSchedule(RAW, "");
    const body = bodyOf(draftOf(known, "other"));
    expect(body).toEqual({
      announcement: "stay-home",
      work: ["drone"],
      rrule: "FREQ=DAILY",
      start_local: "2026-01-05T07:30",
      time_zone: "Asia/Shanghai",
      also_local: [],
      except_times: [],
      except_dates: ["2026-02-17"],
      holidays: ["cn", "school"],
      late_s: 300,
      missed: "ask",
      rerun: "launch",
      authority: null,
      title: null,
      // A pause is no part of the schedule: changing it does not disable it.
      enabled: true,
    });
  });

  it("begins empty, with the mission that is open", () => {
    const draft = draftOf(null, "estate");
    expect(draft).toMatchObject({
      name: "",
      mission_id: "estate",
      rrule: "FREQ=DAILY",
    });
    expect(wall(null)).toBe("");
  });
});
