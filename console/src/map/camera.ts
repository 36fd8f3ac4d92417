// A camera that has the whole site in view. MapLibre's own fitting looks
// straight down, and leaves half of a tilted picture empty.

import type { Map as GlMap } from "maplibre-gl";
import type { Site } from "../site";
import { positions } from "../site";
import type { Box } from "./overlay";

const PADDING_PX = 36;
const ROUNDS = 3;

interface Camera {
  center: [number, number];
  zoom: number;
  pitch: number;
  bearing: number;
}

function outline(site: Site): [number, number][] {
  // Not the geofence: it lies far outside, and what matters would be small.
  const areas = [...site.buildings, ...site.zones];
  const places = areas.flatMap((one) => positions(one.geometry));
  places.push(...site.points.map((one) => one.at));
  const [west, south, east, north] = site.bounds;
  if (places.length === 0) places.push([west, south], [east, north]);
  return places.map(([lon = 0, lat = 0]) => [lon, lat]);
}

function extent(map: GlMap, places: [number, number][]): Box {
  const box: Box = {
    left: Infinity,
    top: Infinity,
    right: -Infinity,
    bottom: -Infinity,
  };
  for (const place of places) {
    const { x, y } = map.project(place);
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

function tallest(site: Site): number {
  return Math.max(0, ...site.buildings.map((one) => one.height_m));
}

/** Pixels in a metre at the middle of the picture; 512 is MapLibre's tile. */
function pxPerMetre(map: GlMap): number {
  const { lat } = map.getCenter();
  return (512 * 2 ** map.getZoom()) / (40_030_173 * Math.cos((lat * Math.PI) / 180));
}

/** Try cameras on the map itself, then put it back where it was. */
export function fitted(map: GlMap, site: Site): Camera {
  const pitch = map.getPitch();
  const bearing = map.getBearing();
  const before = { center: map.getCenter(), zoom: map.getZoom(), pitch, bearing };
  const { clientWidth: width, clientHeight: height } = map.getCanvas();
  const [west, south, east, north] = site.bounds;
  const places = outline(site);
  map.jumpTo({ center: [(west + east) / 2, (south + north) / 2], zoom: 16.5 });
  for (let i = 0; i < ROUNDS; i++) {
    const box = extent(map, places);
    // Towers at the far edge stand above the outline on the ground.
    const rise = tallest(site) * pxPerMetre(map) * Math.sin((pitch * Math.PI) / 180);
    box.top -= rise * 0.6;
    const scale = Math.min(
      (width - 2 * PADDING_PX) / (box.right - box.left),
      (height - 2 * PADDING_PX) / (box.bottom - box.top),
    );
    const middle = map.unproject([
      (box.left + box.right) / 2,
      (box.top + box.bottom) / 2,
    ]);
    const zoom = Math.min(19, map.getZoom() + Math.log2(scale));
    map.jumpTo({ center: middle, zoom });
  }
  const { lng, lat } = map.getCenter();
  const found: Camera = { center: [lng, lat], zoom: map.getZoom(), pitch, bearing };
  map.jumpTo(before);
  return found;
}
