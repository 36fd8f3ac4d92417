// Everything the console knows, and the pure function that changes it.

import type {
  Announcement,
  Evidence,
  FleetVehicle,
  Hello,
  Job,
  LiveMessage,
  Mission,
  Plan,
  PlanEntry,
  Playback,
  Problem,
  RunEvent,
  RunState,
  Schedule,
  SiteEntry,
  SpeakerState,
  Telemetry,
  TrackPoint,
  Vehicle,
  VehicleEvent,
  Violation,
} from "../domain";
import type { ExposureDay, Overview } from "../overview";
import type { Session } from "../said";
import type { Site } from "../site";

export type Tab =
  | "plan"
  | "announcements"
  | "run"
  | "evidence"
  | "schedules"
  | "overview";
export type Coverage = "plan" | "evidence" | "none";

export interface Live {
  phase: "connecting" | "open" | "lost";
  /** Failed attempts since the connection was last good. */
  attempt: number;
  /** Monotonic time of the last message, ms. */
  heard_ms: number | null;
  version: string;
  unreadable: number;
}

export interface VehicleView {
  entry: FleetVehicle;
  telemetry: Telemetry | null;
  sortie: string | null;
  /** Monotonic time at which the latest sample arrived, ms. */
  heard_ms: number | null;
}

/** One point of a flown path: lon, lat, height above home. */
export type PathPoint = readonly [number, number, number];

export interface OpenPlan {
  id: string;
  doc: Plan;
  /** null: the gate has not answered yet. */
  violations: Violation[] | null;
}

export interface LogLine {
  id: string;
  ts_utc: string;
  source: string;
  kind: string;
  text: string;
  severity: number;
  run_id: string | null;
}

export interface Notice {
  id: number;
  tone: "info" | "good" | "warn" | "bad";
  /** A key of the messages, or plain text from the service. */
  title: string;
  problem: Problem | null;
  lines: string[];
  /** Stays until it is dismissed. */
  sticky: boolean;
}

export interface State {
  live: Live;
  loaded: boolean;
  sites: SiteEntry[];
  site: Site | null;
  missions: Mission[];
  announcements: Announcement[];
  plans: PlanEntry[];
  plan: OpenPlan | null;
  /** Plans of the runs under way, whichever of them is chosen. */
  docs: Record<string, Plan>;
  job: Job | null;
  vehicles: Record<string, VehicleView>;
  paths: Record<string, PathPoint[]>;
  speakers: Record<string, SpeakerState>;
  runs: Record<string, RunState>;
  /** When the socket last told of a run, ms. */
  runs_told_ms: Record<string, number>;
  playbacks: Record<string, Playback>;
  log: LogLine[];
  schedules: Schedule[];
  evidence: Record<string, Evidence>;
  overview: Overview | null;
  /** The chosen site's day. */
  exposure: ExposureDay | null;
  /** Counts what was told of gaps and alerts: whoever shows them asks again. */
  followed: number;
  notices: Notice[];
  /** Commands under way, by name. */
  pending: Record<string, true>;
  mission_id: string | null;
  run_id: string | null;
  vehicle_id: string | null;
  building_id: string | null;
  tab: Tab;
  coverage: Coverage;
  /** null: not asked yet. */
  session: Session | null;
}

export const initialState: State = {
  live: { phase: "connecting", attempt: 0, heard_ms: null, version: "", unreadable: 0 },
  loaded: false,
  sites: [],
  site: null,
  missions: [],
  announcements: [],
  plans: [],
  plan: null,
  docs: {},
  job: null,
  vehicles: {},
  paths: {},
  speakers: {},
  runs: {},
  runs_told_ms: {},
  playbacks: {},
  log: [],
  schedules: [],
  evidence: {},
  overview: null,
  exposure: null,
  followed: 0,
  notices: [],
  pending: {},
  mission_id: null,
  run_id: null,
  vehicle_id: null,
  building_id: null,
  tab: "plan",
  coverage: "plan",
  session: null,
};

export type Action =
  | { type: "live"; message: LiveMessage; now_ms: number }
  | { type: "connecting"; attempt: number }
  | { type: "lost" }
  | { type: "unreadable" }
  | {
      type: "patch";
      patch: Partial<
        Pick<
          State,
          | "loaded"
          | "sites"
          | "site"
          | "missions"
          | "announcements"
          | "plans"
          | "plan"
          | "job"
          | "schedules"
          | "mission_id"
          | "run_id"
          | "vehicle_id"
          | "building_id"
          | "tab"
          | "coverage"
          | "session"
          | "overview"
          | "exposure"
        >
      >;
    }
  | { type: "violations"; plan_id: string; violations: Violation[] }
  | { type: "doc"; plan_id: string; doc: Plan }
  | { type: "runs"; runs: RunState[]; asked_ms: number }
  | { type: "run_events"; events: RunEvent[] }
  | { type: "track"; points: TrackPoint[] }
  | { type: "playbacks"; playbacks: Playback[] }
  | { type: "evidence"; evidence: Evidence }
  | { type: "followed" }
  | { type: "notice"; notice: Notice }
  | { type: "dismiss"; id: number }
  | { type: "pending"; name: string; on: boolean };

const LOG_LINES = 500;
const PLAYBACKS = 2_000;
const PATH_POINTS = 6_000;
const NOTICES = 6;
/** Below this the path is not worth another vertex, degrees (about 0.4 m). */
const PATH_STEP_DEG = 4e-6;
const PATH_STEP_UP_M = 0.5;

export function extendPath(path: PathPoint[], point: PathPoint): PathPoint[] {
  const last = path.at(-1);
  if (
    last &&
    Math.abs(last[0] - point[0]) < PATH_STEP_DEG &&
    Math.abs(last[1] - point[1]) < PATH_STEP_DEG &&
    Math.abs(last[2] - point[2]) < PATH_STEP_UP_M
  ) {
    return path;
  }
  return [...path.slice(-PATH_POINTS + 1), point];
}

function pathPoint(sample: Telemetry): PathPoint | null {
  if (sample.lat_deg === null || sample.lon_deg === null) return null;
  return [sample.lon_deg, sample.lat_deg, Math.max(0, sample.up_m ?? 0)];
}

/**
 * When the vehicle itself was last heard. The service goes on telling of
 * vehicles that it has lost; only a link that it calls live counts as heard.
 */
function heardAt(
  sample: Telemetry | null,
  before: VehicleView | undefined,
  now_ms: number,
): number | null {
  return sample?.link === "LIVE" ? now_ms : (before?.heard_ms ?? null);
}

function onTelemetry(state: State, sample: Telemetry, now_ms: number): State {
  const before = state.vehicles[sample.vehicle_id];
  const view: VehicleView = {
    entry: before?.entry ?? {
      id: sample.vehicle_id,
      kind: sample.kind,
      endpoint: null,
      autopilot: "",
      launch: null,
      speaker_id: null,
    },
    telemetry: sample,
    sortie: sample.sortie,
    heard_ms: heardAt(sample, before, now_ms),
  };
  const vehicles = { ...state.vehicles, [sample.vehicle_id]: view };
  const point = pathPoint(sample);
  // A path is drawn of what a vehicle does in a sortie, not of its waiting.
  if (!point || sample.sortie === null) return { ...state, vehicles };
  // A new sortie starts a new path.
  const old = before?.sortie === sample.sortie ? state.paths[sample.vehicle_id] : [];
  const path = extendPath(old ?? [], point);
  if (path === state.paths[sample.vehicle_id]) return { ...state, vehicles };
  return { ...state, vehicles, paths: { ...state.paths, [sample.vehicle_id]: path } };
}

function viewOf(vehicle: Vehicle, before: VehicleView | undefined, now_ms: number) {
  const view: VehicleView = {
    entry: vehicle.entry,
    telemetry: vehicle.telemetry,
    sortie: vehicle.sortie,
    heard_ms: heardAt(vehicle.telemetry, before, now_ms),
  };
  return view;
}

function onHello(state: State, hello: Hello, now_ms: number): State {
  const vehicles = Object.fromEntries(
    hello.vehicles.map((one) => [
      one.entry.id,
      viewOf(one, state.vehicles[one.entry.id], now_ms),
    ]),
  );
  const speakers = Object.fromEntries(
    hello.speakers.map((one) => [one.speaker_id, one]),
  );
  const live: Live = {
    ...state.live,
    phase: "open",
    attempt: 0,
    heard_ms: now_ms,
    version: hello.version,
  };
  return withTold({ ...state, live, vehicles, speakers }, hello.runs, now_ms);
}

/** The socket tells of runs in the order in which things happen. */
function withTold(state: State, runs: RunState[], now_ms: number): State {
  const told = Object.fromEntries(runs.map((one) => [one.id, now_ms]));
  const runs_told_ms = { ...state.runs_told_ms, ...told };
  return withRuns({ ...state, runs_told_ms }, runs);
}

/**
 * An answer over HTTP may be overtaken by the socket: what was told since it was
 * asked for is newer. Otherwise an ended run could come back to life.
 */
function withAnswer(state: State, runs: RunState[], asked_ms: number): State {
  const newer = (one: RunState) => (state.runs_told_ms[one.id] ?? -1) < asked_ms;
  return withRuns(state, runs.filter(newer));
}

/** Runs replace by id; the newest active one is shown when none is chosen. */
function withRuns(state: State, runs: RunState[]): State {
  if (runs.length === 0) return state;
  const all = { ...state.runs };
  for (const run of runs) all[run.id] = run;
  const chosen = state.run_id !== null && all[state.run_id] ? state.run_id : null;
  return {
    ...state,
    runs: all,
    run_id: chosen ?? newest(Object.values(all))?.id ?? null,
  };
}

/** Keep what is flown now; a plan with its receivers is large. */
function withDoc(state: State, plan_id: string, doc: Plan): State {
  const flown = new Set(
    Object.values(state.runs)
      .filter((one) => !ended(one))
      .map((one) => one.plan_id),
  );
  const kept = Object.entries(state.docs).filter(([id]) => flown.has(id));
  return { ...state, docs: { ...Object.fromEntries(kept), [plan_id]: doc } };
}

export function newest(runs: RunState[]): RunState | null {
  const order = [...runs].sort(byActivity);
  return order[0] ?? null;
}

export function ended(run: RunState): boolean {
  return run.phase === "FINISHED" || run.phase === "ABORTED" || run.phase === "FAILED";
}

/** Active before ended, then newest first. */
export function byActivity(a: RunState, b: RunState): number {
  const rank = Number(ended(a)) - Number(ended(b));
  return rank || b.created_utc.localeCompare(a.created_utc);
}

function withLog(state: State, lines: LogLine[]): State {
  const known = new Set(state.log.map((one) => one.id));
  const fresh = lines.filter((one) => !known.has(one.id));
  if (fresh.length === 0) return state;
  const log = [...state.log, ...fresh]
    .sort((a, b) => a.ts_utc.localeCompare(b.ts_utc))
    .slice(-LOG_LINES);
  return { ...state, log };
}

export function runLine(event: RunEvent): LogLine {
  const bad = event.phase === "FAILED" || event.phase === "ABORTED";
  return {
    id: event.id,
    ts_utc: event.ts_utc,
    source: event.sortie_id ?? "",
    kind: event.phase ?? "run",
    text: event.text,
    severity: bad ? 3 : 6,
    run_id: event.run_id,
  };
}

export function vehicleLine(event: VehicleEvent): LogLine {
  return {
    id: event.id,
    ts_utc: event.ts_utc,
    source: event.vehicle_id,
    kind: event.kind,
    text: event.text,
    severity: event.severity,
    run_id: null,
  };
}

function withPlaybacks(state: State, playbacks: Playback[]): State {
  const all = { ...state.playbacks };
  for (const one of playbacks) all[one.id] = one;
  const ids = Object.keys(all);
  for (const id of ids.slice(0, Math.max(0, ids.length - PLAYBACKS))) delete all[id];
  return { ...state, playbacks: all };
}

function onMessage(state: State, message: LiveMessage, now_ms: number): State {
  switch (message.type) {
    case "hello":
      return onHello(state, message.data, now_ms);
    case "telemetry":
      return onTelemetry(state, message.data, now_ms);
    case "vehicle_event":
      return withLog(state, [vehicleLine(message.data)]);
    case "run": {
      const next = withTold(state, [message.data.state], now_ms);
      return message.data.event ? withLog(next, [runLine(message.data.event)]) : next;
    }
    case "alert":
    case "gap":
      return { ...state, followed: state.followed + 1 };
    case "playback":
      return withPlaybacks(state, [message.data]);
    case "speaker": {
      const one = message.data;
      return { ...state, speakers: { ...state.speakers, [one.speaker_id]: one } };
    }
    case "job":
      // Only the job that this console asked for; others plan too.
      return state.job?.job_id === message.data.job_id
        ? { ...state, job: message.data }
        : state;
  }
}

function withTrack(state: State, points: TrackPoint[]): State {
  const paths: Record<string, PathPoint[]> = {};
  for (const one of points) {
    const path = paths[one.vehicle_id] ?? [];
    paths[one.vehicle_id] = path;
    path.push([one.lon_deg, one.lat_deg, Math.max(0, one.up_m)]);
  }
  // What came live meanwhile is longer than what was stored before.
  for (const [id, path] of Object.entries(state.paths)) {
    const stored = paths[id];
    if (stored && stored.length < path.length) paths[id] = path;
  }
  return { ...state, paths: { ...state.paths, ...paths } };
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "live": {
      const next = onMessage(state, action.message, action.now_ms);
      return { ...next, live: { ...next.live, heard_ms: action.now_ms } };
    }
    case "connecting":
      return {
        ...state,
        live: {
          ...state.live,
          phase: state.live.phase === "lost" ? "lost" : "connecting",
          attempt: action.attempt,
        },
      };
    case "lost":
      return { ...state, live: { ...state.live, phase: "lost" } };
    case "unreadable":
      return {
        ...state,
        live: { ...state.live, unreadable: state.live.unreadable + 1 },
      };
    case "patch":
      return { ...state, ...action.patch };
    case "violations":
      return state.plan?.id === action.plan_id
        ? { ...state, plan: { ...state.plan, violations: action.violations } }
        : state;
    case "doc":
      return withDoc(state, action.plan_id, action.doc);
    case "runs":
      return withAnswer(state, action.runs, action.asked_ms);
    case "run_events":
      return withLog(state, action.events.map(runLine));
    case "track":
      return withTrack(state, action.points);
    case "playbacks":
      return withPlaybacks(state, action.playbacks);
    case "followed":
      return { ...state, followed: state.followed + 1 };
    case "evidence":
      return {
        ...state,
        evidence: { ...state.evidence, [action.evidence.run_id]: action.evidence },
      };
    case "notice":
      return { ...state, notices: [...state.notices, action.notice].slice(-NOTICES) };
    case "dismiss":
      return { ...state, notices: state.notices.filter((one) => one.id !== action.id) };
    case "pending": {
      const pending = { ...state.pending };
      if (action.on) pending[action.name] = true;
      else delete pending[action.name];
      return { ...state, pending };
    }
  }
}
