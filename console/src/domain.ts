// The shapes of docs/http.md, which are the dataclasses of patrolctl.domain
// field for field (those that the console uses). Type and reader in one place.

import {
  boolean,
  type Infer,
  list,
  nullable,
  number,
  object,
  oneOf,
  record,
  text,
  unknown,
  withDefault,
} from "./read";

export const PHASES = [
  "DRAFT",
  "CHECKED",
  "UPLOADED",
  "RUNNING",
  "HELD",
  "RETURNING",
  "FINISHED",
  "ABORTED",
  "FAILED",
] as const;
export const phase = oneOf(...PHASES);
export type Phase = Infer<typeof phase>;

export const vehicleKind = oneOf("copter", "rover");
export type VehicleKind = Infer<typeof vehicleKind>;

export const planKind = oneOf("drone", "loop");
export type PlanKind = Infer<typeof planKind>;

export const linkState = oneOf("CONNECTING", "LIVE", "STALE", "LOST");
export type LinkState = Infer<typeof linkState>;

// --- vehicles -------------------------------------------------------------

export const telemetry = object({
  vehicle_id: text,
  kind: vehicleKind,
  ts_utc: text,
  link: linkState,
  link_quality_ratio: nullable(number),
  mode: nullable(text),
  armed: nullable(boolean),
  on_ground: nullable(boolean),
  lat_deg: nullable(number),
  lon_deg: nullable(number),
  amsl_m: nullable(number),
  up_m: nullable(number),
  heading_deg: nullable(number),
  ground_speed_m_s: nullable(number),
  climb_m_s: nullable(number),
  battery_ratio: nullable(number),
  battery_v: nullable(number),
  satellites: nullable(number),
  position_ok: nullable(boolean),
  ready_to_arm: nullable(boolean),
  wind_m_s: nullable(number),
  wind_from_deg: nullable(number),
  seq: nullable(number),
  mission_active: nullable(boolean),
  failsafe: nullable(text),
  sortie: nullable(text),
});
export type Telemetry = Infer<typeof telemetry>;

export const fleetVehicle = object({
  id: text,
  kind: vehicleKind,
  endpoint: nullable(text),
  autopilot: withDefault(text, ""),
  launch: nullable(text),
  speaker_id: nullable(text),
});
export type FleetVehicle = Infer<typeof fleetVehicle>;

export const vehicle = object({
  entry: fleetVehicle,
  telemetry: nullable(telemetry),
  sortie: nullable(text),
});
export type Vehicle = Infer<typeof vehicle>;

export const vehicleEvent = object({
  id: text,
  ts_utc: text,
  vehicle_id: text,
  kind: text,
  text: withDefault(text, ""),
  seq: nullable(number),
  severity: withDefault(number, 6),
});
export type VehicleEvent = Infer<typeof vehicleEvent>;

export const speakerState = object({
  speaker_id: text,
  phase: oneOf("unknown", "idle", "caching", "playing", "fault"),
  cached: withDefault(list(text), []),
  reason: nullable(text),
});
export type SpeakerState = Infer<typeof speakerState>;

// --- runs -----------------------------------------------------------------

export const sortieRun = object({
  sortie_id: text,
  vehicle_id: text,
  phase,
  step: withDefault(number, 0),
  steps: withDefault(number, 0),
  loops_done: withDefault(number, 0),
  loops: withDefault(number, 1),
  cues: withDefault(number, 0),
  cues_done: withDefault(list(text), []),
  reason: nullable(text),
  cut: nullable(text),
  waits: withDefault(nullable(text), null),
});
export type SortieRun = Infer<typeof sortieRun>;

export const runState = object({
  id: text,
  plan_id: text,
  created_utc: text,
  phase,
  sorties: withDefault(list(sortieRun), []),
  started_utc: nullable(text),
  ended_utc: nullable(text),
  authority: nullable(text),
  schedule_id: nullable(text),
  reason: nullable(text),
  parked: withDefault(nullable(text), null),
});
export type RunState = Infer<typeof runState>;

export const runEvent = object({
  id: text,
  ts_utc: text,
  run_id: text,
  text,
  sortie_id: nullable(text),
  phase: nullable(phase),
});
export type RunEvent = Infer<typeof runEvent>;

export const trackPoint = object({
  ts_utc: text,
  vehicle_id: text,
  lat_deg: number,
  lon_deg: number,
  up_m: number,
  heading_deg: nullable(number),
});
export type TrackPoint = Infer<typeof trackPoint>;

export const playback = object({
  id: text,
  speaker_id: text,
  key: text,
  clip_sha256: text,
  status: oneOf("started", "completed", "cut", "refused"),
  start_utc: text,
  end_utc: nullable(text),
  cue_id: nullable(text),
  station: nullable(text),
  vehicle_id: nullable(text),
  repeats_done: withDefault(number, 0),
  complete: withDefault(boolean, false),
  reason: nullable(text),
});
export type Playback = Infer<typeof playback>;

// --- plans ----------------------------------------------------------------

export const planSummary = object({
  receivers: withDefault(number, 0),
  reachable: withDefault(number, 0),
  reached: withDefault(number, 0),
  households: withDefault(number, 0),
  households_reached: withDefault(number, 0),
  stations: withDefault(number, 0),
  sorties: withDefault(number, 0),
  mission_time_s: nullable(number),
  lower_bound_s: nullable(number),
  gap: nullable(number),
  solve_s: nullable(number),
  loop_time_s: nullable(number),
  distance_m: nullable(number),
  deadhead_m: nullable(number),
  max_revisit_s: nullable(number),
  lower_bound_m: nullable(number),
  passes: withDefault(number, 0),
});
export type PlanSummary = Infer<typeof planSummary>;

export const planEntry = object({
  id: text,
  kind: planKind,
  site_id: nullable(text),
  created_utc: text,
  summary: planSummary,
});
export type PlanEntry = Infer<typeof planEntry>;

export const planItem = object({
  seq: number,
  type: oneOf("takeoff", "fly", "dwell", "pass", "drive", "return_home", "land"),
  lat_deg: number,
  lon_deg: number,
  alt_m: number,
  datum: withDefault(oneOf("HOME", "AMSL", "TERRAIN"), "HOME"),
  heading_deg: nullable(number),
  speed_m_s: nullable(number),
  duration_s: nullable(number),
  cue: nullable(object({ repeats: number })),
  station: nullable(text),
});
export type PlanItem = Infer<typeof planItem>;

const home = object({ lat_deg: number, lon_deg: number, amsl_m: number });

export const sortie = object({
  id: text,
  vehicle_kind: vehicleKind,
  items: list(planItem),
  duration_s: number,
  distance_m: number,
  energy_ratio: number,
  vehicle: nullable(text),
  start_s: withDefault(number, 0),
  loops: withDefault(number, 1),
  home: nullable(home),
});
export type Sortie = Infer<typeof sortie>;

export const planReceiver = object({
  id: text,
  building_id: nullable(text),
  household: nullable(text),
  floor: nullable(number),
  lat_deg: number,
  lon_deg: number,
  up_m: number,
  sti: nullable(number),
  level_db: nullable(number),
  reached: boolean,
  stations: withDefault(list(text), []),
  reason: nullable(text),
});
export type PlanReceiver = Infer<typeof planReceiver>;

export const plan = object({
  kind: planKind,
  site_id: nullable(text),
  created_utc: text,
  requirement: object({
    sti_min: number,
    window: text,
    reserve_ratio: number,
    zone: nullable(text),
  }),
  announcement: object({ id: text, duration_s: number, repeats: number }),
  home,
  sorties: list(sortie),
  receivers: list(planReceiver),
  summary: planSummary,
  defaults: withDefault(list(text), []),
  warnings: withDefault(list(text), []),
});
export type Plan = Infer<typeof plan>;

export const job = object({
  job_id: text,
  state: oneOf("queued", "solving", "done", "failed"),
  progress_ratio: nullable(number),
  text: withDefault(text, ""),
  plan_id: nullable(text),
  problem: nullable(
    object({ slug: withDefault(text, ""), lines: withDefault(list(text), []) }),
  ),
  incumbent_s: nullable(number),
  bound_s: nullable(number),
});
export type Job = Infer<typeof job>;

export const violation = object({
  sortie: nullable(text),
  seq: nullable(number),
  rule: text,
  reason: text,
  severity: withDefault(oneOf("refuse", "advise"), "refuse"),
  measured: nullable(number),
  limit: nullable(number),
  lat_deg: nullable(number),
  lon_deg: nullable(number),
  alt_m: nullable(number),
});
export type Violation = Infer<typeof violation>;

export const check = object({ violations: list(violation) });

// --- the rest -------------------------------------------------------------

export const siteEntry = object({
  id: text,
  name: text,
  buildings: withDefault(number, 0),
  households: withDefault(number, 0),
  bounds: list(number),
  warnings: withDefault(list(text), []),
});
export type SiteEntry = Infer<typeof siteEntry>;

export const feature = object({
  id: nullable(unknown),
  geometry: object({ type: text, coordinates: unknown }),
  properties: record(unknown),
});
export const featureCollection = object({ features: list(feature) });

export const mission = object({
  id: text,
  name: text,
  site_id: text,
  announcements: withDefault(list(text), []),
  vehicles: withDefault(list(text), []),
  schedules: withDefault(list(text), []),
});
export type Mission = Infer<typeof mission>;

export { type Announcement, announcement } from "./said";

export const schedule = object({
  id: text,
  rrule: text,
  time_zone: text,
  enabled: boolean,
  announcement: nullable(text),
  work: withDefault(list(planKind), []),
  mission_id: nullable(text),
  next_utc: withDefault(list(text), []),
  recent: withDefault(list(object({ due_utc: text, outcome: nullable(text) })), []),
  fault: nullable(text),
});
export type Schedule = Infer<typeof schedule>;

export const evidenceSummary = object({
  receivers: number,
  reachable: number,
  reached: number,
  households: number,
  households_reached: number,
  playbacks: number,
  playbacks_complete: number,
  loops_completed: number,
});

export const buildingEvidence = object({
  building_id: nullable(text),
  receivers: number,
  reached: number,
  households: number,
  households_reached: number,
});
export type BuildingEvidence = Infer<typeof buildingEvidence>;

export const receiverEvidence = object({
  id: text,
  building_id: nullable(text),
  floor: nullable(number),
  reached: boolean,
  sti: nullable(number),
  level_db: nullable(number),
  messages: withDefault(number, 0),
  planned: withDefault(boolean, false),
  reason: nullable(text),
});
export type ReceiverEvidence = Infer<typeof receiverEvidence>;

export const evidence = object({
  run_id: text,
  plan_id: text,
  created_utc: text,
  summary: evidenceSummary,
  buildings: list(buildingEvidence),
  receivers: list(receiverEvidence),
  notes: withDefault(list(text), []),
});
export type Evidence = Infer<typeof evidence>;

export const problem = object({
  title: withDefault(text, ""),
  status: nullable(number),
  detail: nullable(text),
  faults: withDefault(
    list(
      object({
        place: withDefault(text, ""),
        what: text,
        right: withDefault(text, ""),
      }),
    ),
    [],
  ),
  violations: withDefault(list(violation), []),
});
export type Problem = Infer<typeof problem>;

export const fleetAnswer = object({ vehicles: record(text) });

export const urgentAnswer = object({
  id: text,
  vehicles: record(text),
  advice: withDefault(list(text), []),
});

// --- the live socket --------------------------------------------------------

export const hello = object({
  version: withDefault(text, ""),
  vehicles: list(vehicle),
  runs: list(runState),
  speakers: withDefault(list(speakerState), []),
});
export type Hello = Infer<typeof hello>;

const runMessage = object({ state: runState, event: nullable(runEvent) });

export type LiveMessage =
  | { type: "hello"; data: Hello }
  | { type: "telemetry"; data: Telemetry }
  | { type: "vehicle_event"; data: VehicleEvent }
  | { type: "run"; data: Infer<typeof runMessage> }
  | { type: "playback"; data: Playback }
  | { type: "alert" | "gap"; data: unknown }
  | { type: "speaker"; data: SpeakerState }
  | { type: "job"; data: Job };

const envelope = object({ type: text, data: unknown });

/**
 * Read one message of the live socket. Types that this console does not know
 * are null (a newer service may send more); what cannot be read is a ReadError.
 */
export function readLiveMessage(raw: unknown): LiveMessage | null {
  const { type, data } = envelope(raw, "");
  switch (type) {
    case "hello":
      return { type, data: hello(data, type) };
    case "telemetry":
      return { type, data: telemetry(data, type) };
    case "vehicle_event":
      return { type, data: vehicleEvent(data, type) };
    case "run":
      return { type, data: runMessage(data, type) };
    case "playback":
      return { type, data: playback(data, type) };
    case "alert":
    case "gap":
      // Only that there is one: whoever shows them asks for the whole.
      return { type, data };
    case "speaker":
      return { type, data: speakerState(data, type) };
    case "job":
      return { type, data: job(data, type) };
    default:
      return null;
  }
}
