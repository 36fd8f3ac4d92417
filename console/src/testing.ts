// Builders for the unit tests.

import type { Plan, RunState, SortieRun, Telemetry, Violation } from "./domain";
import { initialState, type State, type VehicleView } from "./state/state";

export function sample(more: Partial<Telemetry> = {}): Telemetry {
  return {
    vehicle_id: "d1",
    kind: "copter",
    ts_utc: "2026-01-05T08:00:00Z",
    link: "LIVE",
    link_quality_ratio: 1,
    mode: "AUTO",
    armed: true,
    on_ground: false,
    lat_deg: 34,
    lon_deg: 117,
    amsl_m: 60,
    up_m: 20,
    heading_deg: 90,
    ground_speed_m_s: 5,
    climb_m_s: 0,
    battery_ratio: 0.8,
    battery_v: 22,
    satellites: 15,
    position_ok: true,
    ready_to_arm: true,
    wind_m_s: null,
    wind_from_deg: null,
    seq: 1,
    mission_active: true,
    failsafe: null,
    sortie: "s1",
    ...more,
  };
}

export function view(more: Partial<VehicleView> = {}): VehicleView {
  const telemetry = more.telemetry === undefined ? sample() : more.telemetry;
  return {
    entry: {
      id: telemetry?.vehicle_id ?? "d1",
      kind: telemetry?.kind ?? "copter",
      endpoint: null,
      autopilot: "ardupilot",
      launch: null,
      speaker_id: "sp1",
    },
    telemetry,
    sortie: null,
    heard_ms: 0,
    ...more,
  };
}

export function share(more: Partial<SortieRun> = {}): SortieRun {
  return {
    sortie_id: "s1",
    vehicle_id: "d1",
    phase: "RUNNING",
    step: 0,
    steps: 10,
    loops_done: 0,
    loops: 1,
    cues: 0,
    cues_done: [],
    reason: null,
    cut: null,
    waits: null,
    ...more,
  };
}

export function run(more: Partial<RunState> = {}): RunState {
  return {
    id: "run-1",
    plan_id: "plan-1",
    created_utc: "2026-01-05T08:00:00Z",
    phase: "RUNNING",
    sorties: [share()],
    started_utc: "2026-01-05T08:00:05Z",
    ended_utc: null,
    authority: "test",
    schedule_id: null,
    reason: null,
    parked: null,
    ...more,
  };
}

export function plan(more: Partial<Plan> = {}): Plan {
  const item = { lat_deg: 34, lon_deg: 117, alt_m: 20, datum: "HOME" as const };
  const none = { heading_deg: null, speed_m_s: null, duration_s: null, cue: null };
  return {
    kind: "drone",
    site_id: "site",
    created_utc: "2026-01-05T07:00:00Z",
    requirement: { sti_min: 0.5, window: "open", reserve_ratio: 0.3, zone: null },
    announcement: { id: "a", duration_s: 20, repeats: 1 },
    home: { lat_deg: 34, lon_deg: 117, amsl_m: 40 },
    sorties: [
      {
        id: "s1",
        vehicle_kind: "copter",
        items: [
          { ...item, ...none, seq: 1, type: "takeoff", station: null },
          { ...item, ...none, seq: 2, type: "fly", lat_deg: 34.001, station: null },
          { ...item, ...none, seq: 3, type: "dwell", lat_deg: 34.001, station: "S1" },
          { ...item, ...none, seq: 4, type: "land", alt_m: 0, station: null },
        ],
        duration_s: 100,
        distance_m: 220,
        energy_ratio: 0.2,
        vehicle: null,
        start_s: 0,
        loops: 1,
        home: null,
      },
    ],
    receivers: [],
    summary: {
      receivers: 0,
      reachable: 0,
      reached: 0,
      households: 0,
      households_reached: 0,
      stations: 1,
      sorties: 1,
      mission_time_s: 100,
      lower_bound_s: null,
      gap: null,
      solve_s: null,
      loop_time_s: null,
      distance_m: null,
      deadhead_m: null,
      max_revisit_s: null,
      lower_bound_m: null,
      passes: 0,
    },
    defaults: [],
    warnings: [],
    ...more,
  };
}

export function violation(more: Partial<Violation> = {}): Violation {
  return {
    sortie: "s1",
    seq: 2,
    rule: "no-fly",
    reason: "crosses the school",
    severity: "refuse",
    measured: null,
    limit: null,
    lat_deg: null,
    lon_deg: null,
    alt_m: null,
    ...more,
  };
}

/** Connected, one vehicle that is heard, one plan that the gate let pass. */
export function ready(more: Partial<State> = {}): State {
  return {
    ...initialState,
    live: { phase: "open", attempt: 0, heard_ms: 0, version: "1", unreadable: 0 },
    vehicles: { d1: view() },
    plan: { id: "plan-1", doc: plan(), violations: [] },
    ...more,
  };
}
