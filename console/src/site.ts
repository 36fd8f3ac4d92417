// A site as the console draws it: the features of GET /sites/{id}, by kind.

import type { Feature, FeatureCollection, Geometry, Position } from "geojson";
import type { feature, SiteEntry } from "./domain";
import type { Infer } from "./read";

type RawFeature = Infer<typeof feature>;

export interface Building {
  id: string;
  name: string;
  geometry: Geometry;
  center: Position;
  height_m: number;
  base_m: number;
  floors: number;
  floor_height_m: number;
  households: number | null;
  residential: boolean;
}

export interface Area {
  id: string;
  name: string;
  geometry: Geometry;
  center: Position;
  zone_class: string | null;
  bottom_m: number;
  top_m: number;
}

export type PointKind = "launch" | "rally" | "charger" | "sampling_point";

export interface SitePoint {
  id: string;
  name: string;
  kind: PointKind;
  at: Position;
}

export interface Site {
  id: string;
  name: string;
  bounds: [number, number, number, number];
  warnings: string[];
  buildings: Building[];
  zones: Area[];
  no_fly: Area[];
  geofences: Area[];
  obstacles: Area[];
  roads: Feature[];
  points: SitePoint[];
}

const GEOMETRIES = new Set([
  "Point",
  "MultiPoint",
  "LineString",
  "MultiLineString",
  "Polygon",
  "MultiPolygon",
]);

function numbersOnly(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(numbersOnly);
  return typeof value === "number" && Number.isFinite(value);
}

function geometryOf(raw: RawFeature): Geometry | null {
  const { type, coordinates } = raw.geometry;
  if (!GEOMETRIES.has(type) || !numbersOnly(coordinates)) return null;
  return { type, coordinates } as Geometry;
}

function flat(value: unknown): Position[] {
  if (!Array.isArray(value)) return [];
  if (typeof value[0] === "number") return [value as Position];
  return value.flatMap(flat);
}

export function positions(geometry: Geometry): Position[] {
  return geometry.type === "GeometryCollection" ? [] : flat(geometry.coordinates);
}

/** Middle of the bounding box: good enough for a label. */
function middle(points: Position[]): Position {
  const [west, south, east, north] = boundsOf(points);
  return [(west + east) / 2, (south + north) / 2];
}

export function boundsOf(points: Position[]): [number, number, number, number] {
  let [west, south, east, north] = [180, 90, -180, -90];
  for (const [lon = 0, lat = 0] of points) {
    west = Math.min(west, lon);
    east = Math.max(east, lon);
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  return [west, south, east, north];
}

type Properties = Record<string, unknown>;

function num(properties: Properties, name: string, fallback: number): number {
  const value = properties[name];
  return typeof value === "number" && Number.isFinite(value) ? value : fallback;
}

function str(properties: Properties, name: string): string {
  const value = properties[name];
  return typeof value === "string" ? value : "";
}

function buildingOf(id: string, geometry: Geometry, p: Properties): Building {
  const floor_height_m = Math.max(0.5, num(p, "floor_height_m", 3));
  const floors = Math.max(1, Math.round(num(p, "floors", 0)));
  const base_m = num(p, "base_m", 0);
  const height_m = num(p, "height_m", base_m + floors * floor_height_m);
  const told = num(p, "floors", 0) > 0;
  return {
    id,
    name: str(p, "name"),
    geometry,
    center: middle(positions(geometry)),
    height_m,
    base_m,
    floors: told
      ? floors
      : Math.max(1, Math.round((height_m - base_m) / floor_height_m)),
    floor_height_m,
    households: typeof p.households === "number" ? p.households : null,
    residential: p.residential !== false,
  };
}

function areaOf(id: string, geometry: Geometry, p: Properties): Area {
  return {
    id,
    name: str(p, "name"),
    geometry,
    center: middle(positions(geometry)),
    zone_class: str(p, "class") || null,
    bottom_m: num(p, "bottom_m", 0),
    top_m: num(p, "top_m", num(p, "height_m", 120)),
  };
}

const POINT_KINDS = new Set(["launch", "rally", "charger", "sampling_point"]);

function addPoint(site: Site, id: string, raw: RawFeature, geometry: Geometry): void {
  const kind = str(raw.properties, "kind");
  if (!POINT_KINDS.has(kind) || geometry.type !== "Point") return;
  site.points.push({
    id,
    name: str(raw.properties, "name"),
    kind: kind as PointKind,
    at: geometry.coordinates,
  });
}

function add(site: Site, raw: RawFeature): void {
  const geometry = geometryOf(raw);
  if (!geometry) return;
  const p = raw.properties;
  const id = String(raw.id ?? p.id ?? "");
  switch (str(p, "kind")) {
    case "building":
      site.buildings.push(buildingOf(id, geometry, p));
      break;
    case "zone":
      site.zones.push(areaOf(id, geometry, p));
      break;
    case "no_fly":
      site.no_fly.push(areaOf(id, geometry, p));
      break;
    case "geofence":
      site.geofences.push(areaOf(id, geometry, p));
      break;
    case "obstacle":
      site.obstacles.push(areaOf(id, geometry, p));
      break;
    case "road":
      site.roads.push({ type: "Feature", geometry, properties: { id } });
      break;
    default:
      addPoint(site, id, raw, geometry);
  }
}

function everyPosition(site: Site): Position[] {
  const areas = [...site.buildings, ...site.zones, ...site.geofences];
  return [
    ...areas.flatMap((one) => positions(one.geometry)),
    ...site.points.map((one) => one.at),
  ];
}

export function siteOf(entry: SiteEntry, features: RawFeature[]): Site {
  const site: Site = {
    id: entry.id,
    name: entry.name,
    bounds: [0, 0, 0, 0],
    warnings: entry.warnings,
    buildings: [],
    zones: [],
    no_fly: [],
    geofences: [],
    obstacles: [],
    roads: [],
    points: [],
  };
  for (const raw of features) add(site, raw);
  const [west, south, east, north] = entry.bounds;
  site.bounds =
    west !== undefined &&
    south !== undefined &&
    east !== undefined &&
    north !== undefined
      ? [west, south, east, north]
      : boundsOf(everyPosition(site));
  return site;
}

export function collection(features: Feature[]): FeatureCollection {
  return { type: "FeatureCollection", features };
}
