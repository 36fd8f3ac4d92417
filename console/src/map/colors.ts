// Colours of the map. State colours differ in lightness as well as in hue, so
// that reached and not reached stay apart for colour-blind eyes.

export type Rgba = readonly [number, number, number, number];

export const MAP = {
  ground: "#11171d",
  road: "#26313b",
  roadCasing: "#1a232b",
  building: "#4a5866",
  buildingOther: "#313c47",
  obstacle: "#5b5046",
  geofence: "#8fa6ba",
  noFly: "#d8574f",
  sealed: "#d8574f",
  controlled: "#e0a23c",
  precaution: "#5f9fd6",
  reached: "#36b89b",
  missed: "#ef8a3d",
  reachedFloor: "#4b7a78",
  selected: "#dbe7f2",
} as const;

export const ZONE_COLORS: Record<string, string> = {
  sealed: MAP.sealed,
  controlled: MAP.controlled,
  precaution: MAP.precaution,
};

/** One hue for each vehicle; state is never told by these. */
const VEHICLES = ["#7cc4ff", "#c9a2ff", "#ffd479", "#8ee6c8", "#ff9fb2", "#b8c4d0"];

export function vehicleColor(index: number): string {
  return VEHICLES[index % VEHICLES.length] ?? "#b8c4d0";
}

export function rgba(hex: string, alpha = 1): Rgba {
  const value = Number.parseInt(hex.slice(1), 16);
  return [
    ((value >> 16) & 255) / 255,
    ((value >> 8) & 255) / 255,
    (value & 255) / 255,
    alpha,
  ];
}

/**
 * A floor by the share of it that is reached. What is reached recedes, what is
 * missed stands out: that is what is left to do.
 */
export function shareColor(ratio: number): string {
  const a = rgba(MAP.missed);
  const b = rgba(MAP.reachedFloor);
  const mix = (i: 0 | 1 | 2) => Math.round(255 * (a[i] + (b[i] - a[i]) * ratio));
  return `rgb(${mix(0)}, ${mix(1)}, ${mix(2)})`;
}
