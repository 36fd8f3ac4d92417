// What runs leave behind: gaps, alerts, exposure, and all sites at a glance.
// The shapes of docs/http.md, read before they are used.

import { phase } from "./domain";
import { type Infer, list, nullable, number, object, oneOf, text } from "./read";

export const gapStep = object({
  ts_utc: text,
  actor: text,
  deed: oneOf(
    "opened",
    "acknowledged",
    "noted",
    "planned",
    "launched",
    "reached",
    "closed",
  ),
  text,
  run_id: nullable(text),
  plan_id: nullable(text),
});
export type GapStep = Infer<typeof gapStep>;

export const gapState = oneOf("open", "acknowledged", "closed");

export const gapHead = object({
  id: text,
  site_id: text,
  kind: oneOf("drone", "loop"),
  announcement: text,
  opened_utc: text,
  state: gapState,
  missed_receivers: number,
  missed_households: number,
  missing_receivers: number,
  missing_households: number,
  acknowledged_by: nullable(text),
  steps: list(gapStep),
});
export type GapHead = Infer<typeof gapHead>;

export const alert = object({
  id: text,
  ts_utc: text,
  site_id: text,
  kind: text,
  level: oneOf("urgent", "notice", "good"),
  text,
  run_id: nullable(text),
  vehicle_id: nullable(text),
});
export type Alert = Infer<typeof alert>;

const runNow = object({
  id: text,
  phase,
  progress_ratio: number,
  vehicles: list(text),
});

const trendDay = object({
  day: text,
  runs: number,
  finished: number,
  receivers: number,
  reached: number,
  households: number,
  households_reached: number,
  ratio: nullable(number),
});
export type TrendDay = Infer<typeof trendDay>;

const siteOverview = object({
  site_id: text,
  name: text,
  situation: object({
    runs: list(runNow),
    vehicles: number,
    vehicles_live: number,
    vehicles_out: number,
    gaps_open: number,
    households_missing: number,
  }),
  trend: list(trendDay),
});
export type SiteOverview = Infer<typeof siteOverview>;

export const overview = object({
  ts_utc: text,
  sites: list(siteOverview),
  gaps: list(gapHead),
  alerts: list(alert),
});
export type Overview = Infer<typeof overview>;

const householdDay = object({
  household: text,
  laeq_24h_db: number,
  repeats: number,
  loudest_db: number,
  runs: number,
});
export type HouseholdDay = Infer<typeof householdDay>;

export const exposureDay = object({
  site_id: text,
  day: text,
  caps: object({
    laeq_24h_db: number,
    repeats: number,
    excess: oneOf("refuse", "thin"),
  }),
  runs: number,
  households: list(householdDay),
});
export type ExposureDay = Infer<typeof exposureDay>;

/** How much of its share a household has had: the greater of both, 0 to … */
export function share(one: HouseholdDay, caps: ExposureDay["caps"]): number {
  // The level's share is that of the energy, not of the decibels.
  const energy = 10 ** ((one.laeq_24h_db - caps.laeq_24h_db) / 10);
  return Math.max(one.repeats / caps.repeats, energy);
}
