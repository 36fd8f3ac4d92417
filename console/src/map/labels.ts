// The names on the map.

import type { Words } from "../i18n/i18n";
import { type Area, positions, type Site } from "../site";
import type { Frame, Vec3 } from "./frame";
import { pointMark, textMark } from "./marks";
import type { OverlayLabel } from "./overlay";

/** A label above a roof. */
const ABOVE_M = 4;

/** A zone's name stands at its northern edge, clear of what is inside. */
function northEdge(area: Area): [number, number] {
  const north = Math.max(...positions(area.geometry).map(([, lat = 0]) => lat));
  return [area.center[0] ?? 0, north];
}

export function siteLabels(site: Site, frame: Frame, words: Words): OverlayLabel[] {
  const label = (
    element: HTMLElement,
    [lon = 0, lat = 0]: readonly number[],
    up_m: number,
    priority: number,
    min_zoom: number,
  ): OverlayLabel => {
    const at: Vec3 = frame.local(lon, lat, up_m);
    return { element, at, priority, min_zoom, anchor: "bottom" };
  };
  const named = <T extends { name: string }>(all: T[]) => all.filter((one) => one.name);
  return [
    ...named(site.zones).map((one) =>
      label(
        textMark(`zone ${one.zone_class ?? ""}`, one.name),
        northEdge(one),
        0,
        50,
        14,
      ),
    ),
    ...site.points.map((one) => label(pointMark(one, words), one.at, 0, 40, 15.5)),
    ...named(site.no_fly).map((one) =>
      label(textMark("no-fly", one.name), one.center, ABOVE_M, 30, 15.5),
    ),
    ...named(site.buildings).map((one) => {
      // Of two towers in one place the higher keeps its name.
      const priority = 20 + one.height_m / 1000;
      const mark = textMark("building", one.name);
      return label(mark, one.center, one.height_m + ABOVE_M, priority, 15.8);
    }),
  ];
}
