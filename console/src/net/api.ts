// The HTTP surface of docs/http.md, each answer read before it is used.

import * as d from "../domain";
import * as o from "../overview";
import { list, object, type Reader, text } from "../read";

const BASE = "/api/v1";
const READ_TIMEOUT_MS = 15_000;
const COMMAND_TIMEOUT_MS = 20_000;
const UPLOAD_TIMEOUT_MS = 120_000;

/** A refusal of the service, or no answer at all (status null). */
export class ApiError extends Error {
  readonly problem: d.Problem;

  constructor(problem: d.Problem) {
    super(problem.detail || problem.title || "request failed");
    this.name = "ApiError";
    this.problem = problem;
  }

  get unanswered(): boolean {
    return this.problem.status === null;
  }
}

function plainProblem(title: string, status: number | null): d.Problem {
  return { title, status, detail: null, faults: [], violations: [] };
}

export function readProblem(raw: unknown, status: number): d.Problem {
  try {
    return { ...d.problem(raw, ""), status };
  } catch {
    return plainProblem(`HTTP ${status}`, status);
  }
}

async function request(
  method: string,
  path: string,
  body: unknown,
  timeout_ms: number,
): Promise<unknown> {
  const json = body instanceof Blob ? body : JSON.stringify(body);
  const type = body instanceof Blob ? "application/octet-stream" : "application/json";
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(timeout_ms),
      ...(body === undefined
        ? {}
        : {
            headers: { "Content-Type": type },
            body: json,
          }),
    });
  } catch {
    throw new ApiError(plainProblem("", null));
  }
  const raw: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(readProblem(raw, response.status));
  return raw;
}

export async function get<T>(path: string, reader: Reader<T>): Promise<T> {
  return reader(await request("GET", path, undefined, READ_TIMEOUT_MS), path);
}

export async function send<T>(
  method: "PUT" | "DELETE",
  path: string,
  body: unknown,
  reader: Reader<T>,
): Promise<T> {
  return reader(await request(method, path, body, COMMAND_TIMEOUT_MS), path);
}

export async function upload<T>(
  path: string,
  file: File,
  reader: Reader<T>,
): Promise<T> {
  return reader(await request("POST", path, file, UPLOAD_TIMEOUT_MS), path);
}

export async function post<T>(
  path: string,
  body: unknown,
  reader: Reader<T>,
  timeout_ms = COMMAND_TIMEOUT_MS,
): Promise<T> {
  return reader(await request("POST", path, body, timeout_ms), path);
}

const id = encodeURIComponent;

export interface PlanOrder {
  mission_id: string;
  kind: d.PlanKind;
  announcement?: string;
  zone?: string;
  drones?: number;
  vehicles?: number;
  window?: string;
  time_limit_s?: number;
  seed?: number;
  fields?: { name: string; value: string }[];
}

export interface LaunchOrder {
  plan_id: string;
  authority: string;
  vehicles?: Record<string, string>;
  loops?: number;
  override?: string[];
  override_reason?: string;
}

export interface UrgentOrder {
  announcement_id: string;
  authority: string;
  key: string;
  vehicles?: string[];
}

export type RunCommand =
  | "hold"
  | "resume"
  | "return_home"
  | "change_battery"
  | "land"
  | "silence"
  | "stop";
export type FleetCommand = "silence" | "hold" | "return_home" | "stop";
export type ScheduleCommand = "run_now" | "pause" | "resume";

/** STOP is asked for again quickly rather than waited for long. */
const STOP_TIMEOUT_MS = 4_000;

export const api = {
  sites: () => get("/sites", list(d.siteEntry)),
  site: (site_id: string) => get(`/sites/${id(site_id)}`, d.featureCollection),
  missions: () => get("/missions", list(d.mission)),
  announcements: () => get("/announcements", list(d.announcement)),
  plans: () => get("/plans", list(d.planEntry)),
  plan: (plan_id: string) => get(`/plans/${id(plan_id)}`, d.plan),
  check: (plan_id: string) => get(`/plans/${id(plan_id)}/check`, d.check),
  startPlan: (order: PlanOrder) => post("/plans", order, object({ job_id: text })),
  job: (job_id: string) => get(`/plans/jobs/${id(job_id)}`, d.job),
  stopJob: (job_id: string) => post(`/plans/jobs/${id(job_id)}/stop`, {}, d.job),
  launch: (order: LaunchOrder) => post("/runs", order, d.runState),
  runs: () => get("/runs", list(d.runState)),
  run: (run_id: string) => get(`/runs/${id(run_id)}`, d.runState),
  runEvents: (run_id: string) => get(`/runs/${id(run_id)}/events`, list(d.runEvent)),
  track: (run_id: string) => get(`/runs/${id(run_id)}/track`, list(d.trackPoint)),
  playbacks: (run_id: string) => get(`/runs/${id(run_id)}/playbacks`, list(d.playback)),
  commandRun: (run_id: string, command: RunCommand) =>
    post(
      `/runs/${id(run_id)}/${command}`,
      {},
      d.runState,
      command === "stop" ? STOP_TIMEOUT_MS : COMMAND_TIMEOUT_MS,
    ),
  commandFleet: (command: FleetCommand) =>
    post(
      `/fleet/${command}`,
      {},
      d.fleetAnswer,
      command === "stop" ? STOP_TIMEOUT_MS : COMMAND_TIMEOUT_MS,
    ),
  announceUrgent: (order: UrgentOrder) =>
    post("/fleet/announce", order, d.urgentAnswer),
  schedules: () => get("/schedules", list(d.schedule)),
  commandSchedule: (schedule_id: string, command: ScheduleCommand) =>
    post(`/schedules/${id(schedule_id)}/${command}`, {}, (value) => value),
  overview: () => get("/overview", o.overview),
  exposure: (site_id: string) => get(`/exposure/${id(site_id)}`, o.exposureDay),
  gaps: () => get("/gaps", list(o.gapHead)),
  rerun: (run_id: string, launch: boolean) =>
    post(`/runs/${id(run_id)}/rerun`, { launch }, object({ job_id: text })),
  noteGap: (run_id: string, verb: "acknowledge" | "close", said: string) =>
    post(`/gaps/${id(run_id)}/${verb}`, { text: said }, (value) => value),
  evidence: (run_id: string) => get(`/evidence/${id(run_id)}`, d.evidence),
};
