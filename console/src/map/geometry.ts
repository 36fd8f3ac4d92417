// What a plan, its evidence and a site look like in space. Pure.

import type { Feature, FeatureCollection } from "geojson";
import type { Evidence, Plan, PlanItem, Sortie } from "../domain";
import { type Building, collection, type Site } from "../site";
import { MAP, shareColor, ZONE_COLORS } from "./colors";

/** lon, lat, height above ground. */
export type Place = readonly [number, number, number];

/** Heights of other datums cannot be drawn over flat ground: shown at AMSL − home. */
function up_m(item: PlanItem, home_amsl_m: number): number {
  return item.datum === "AMSL" ? item.alt_m - home_amsl_m : item.alt_m;
}

/** The path of a sortie through space, from home back to home. */
export function sortiePath(sortie: Sortie, plan: Plan): Place[] {
  const home = sortie.home ?? plan.home;
  const rises = sortie.vehicle_kind === "copter";
  const path: Place[] = [[home.lon_deg, home.lat_deg, 0]];
  for (const item of sortie.items) {
    const up = rises ? Math.max(0, up_m(item, home.amsl_m)) : 0;
    path.push([item.lon_deg, item.lat_deg, up]);
  }
  return path.filter((one, i) => i === 0 || !samePlace(one, path[i - 1]));
}

function samePlace(a: Place, b: Place | undefined): boolean {
  return !!b && a[0] === b[0] && a[1] === b[1] && a[2] === b[2];
}

export interface StationMark {
  id: string;
  sortie: string;
  at: Place;
  heading_deg: number | null;
}

export function stationsOf(plan: Plan): StationMark[] {
  const marks = new Map<string, StationMark>();
  for (const sortie of plan.sorties) {
    const home = sortie.home ?? plan.home;
    for (const item of sortie.items) {
      if (item.type !== "dwell" && item.type !== "pass") continue;
      const id = item.station ?? `${sortie.id}·${item.seq}`;
      const up = sortie.vehicle_kind === "copter" ? up_m(item, home.amsl_m) : 0;
      marks.set(id, {
        id,
        sortie: sortie.id,
        at: [item.lon_deg, item.lat_deg, Math.max(0, up)],
        heading_deg: item.heading_deg,
      });
    }
  }
  return [...marks.values()];
}

/** Ways on which a message is said in flight, each with its two ends. */
export function passesOf(plan: Plan): { sortie: string; ends: [Place, Place] }[] {
  return plan.sorties.flatMap((sortie) => {
    const home = sortie.home ?? plan.home;
    const place = (item: PlanItem): Place => [
      item.lon_deg,
      item.lat_deg,
      Math.max(0, up_m(item, home.amsl_m)),
    ];
    return sortie.items.flatMap((item, i) => {
      const before = sortie.items[i - 1];
      if (item.type !== "pass" || !before) return [];
      const ends: [Place, Place] = [place(before), place(item)];
      return [{ sortie: sortie.id, ends }];
    });
  });
}

export interface Share {
  reached: number;
  receivers: number;
}

export interface ReachedReceiver {
  building_id: string | null;
  floor: number | null;
  reached: boolean;
}

function count(shares: Map<string, Share>, key: string, reached: boolean): void {
  const share = shares.get(key) ?? { reached: 0, receivers: 0 };
  shares.set(key, {
    reached: share.reached + Number(reached),
    receivers: share.receivers + 1,
  });
}

export const floorKey = (building: string, floor: number) => `${building}#${floor}`;

/** Receivers reached by building and by floor. */
export function shares(receivers: readonly ReachedReceiver[]): Map<string, Share> {
  const out = new Map<string, Share>();
  for (const one of receivers) {
    if (one.building_id === null) continue;
    count(out, one.building_id, one.reached);
    if (one.floor !== null) {
      count(out, floorKey(one.building_id, one.floor), one.reached);
    }
  }
  return out;
}

/**
 * Lowest floor number that the receivers use for a building: some count the
 * ground floor as 0 and some as 1.
 */
export function firstFloor(receivers: readonly ReachedReceiver[]): number {
  let first = 1;
  for (const one of receivers) {
    if (one.floor !== null && one.floor < first) first = one.floor;
  }
  return first;
}

function prism(
  building: Building,
  color: string,
  base_m: number,
  top_m: number,
): Feature {
  return {
    type: "Feature",
    geometry: building.geometry,
    properties: { id: building.id, color, base: base_m, height: top_m },
  };
}

/** Whole buildings, or one slab a floor in the colour of its reach. */
export function buildingPrisms(
  site: Site,
  receivers: readonly ReachedReceiver[] | null,
): FeatureCollection {
  const plain = (one: Building) => (one.residential ? MAP.building : MAP.buildingOther);
  if (!receivers) {
    return collection(
      site.buildings.map((one) => prism(one, plain(one), one.base_m, one.height_m)),
    );
  }
  const reach = shares(receivers);
  const first = firstFloor(receivers);
  return collection(
    site.buildings.flatMap((one) => {
      const slabs: Feature[] = [];
      const step_m = (one.height_m - one.base_m) / one.floors;
      for (let i = 0; i < one.floors; i++) {
        const share = reach.get(floorKey(one.id, first + i));
        const color = share ? shareColor(share.reached / share.receivers) : plain(one);
        const base_m = one.base_m + i * step_m;
        slabs.push(prism(one, color, base_m, base_m + step_m * (share ? 0.93 : 1)));
      }
      return slabs;
    }),
  );
}

export function areaFeatures(site: Site): FeatureCollection {
  return collection(
    site.zones.map((one) => ({
      type: "Feature",
      geometry: one.geometry,
      properties: { color: ZONE_COLORS[one.zone_class ?? ""] ?? MAP.geofence },
    })),
  );
}

export interface ReceiverMark {
  at: Place;
  reached: boolean;
}

export function plannedMarks(plan: Plan): ReceiverMark[] {
  return plan.receivers.map((one) => ({
    at: [one.lon_deg, one.lat_deg, one.up_m],
    reached: one.reached,
  }));
}

/** Evidence knows receivers by id; where they are is told by the plan. */
export function heardMarks(plan: Plan, evidence: Evidence): ReceiverMark[] {
  const heard = new Map(evidence.receivers.map((one) => [one.id, one.reached]));
  return plan.receivers.map((one) => ({
    at: [one.lon_deg, one.lat_deg, one.up_m],
    reached: heard.get(one.id) ?? false,
  }));
}
