// Vehicles on the map: their marks, the paths behind them, and the plumb line
// under everything that flies.

import type { Words } from "../i18n/i18n";
import { freshness, trouble } from "../state/rules";
import type { PathPoint, State, VehicleView } from "../state/state";
import type { Store } from "../state/store";
import { rgba, vehicleColor } from "./colors";
import { type Frame, type Mat4, project, type Vec3 } from "./frame";
import { type VehicleMark, vehicleMark } from "./marks";
import { Motion } from "./motion";
import type { OverlayLabel } from "./overlay";
import type { Scene, SceneLine, ScenePoint } from "./scene";

/** Nowhere: below the ground and behind every camera. */
const NOWHERE: Vec3 = [0, 0, -1e6];

export class VehicleLayer {
  private readonly motion = new Motion();
  private readonly marks = new Map<string, VehicleMark>();
  private picture = "";

  constructor(
    private readonly store: Store,
    private readonly frame: () => Frame,
    private readonly paths: Scene,
    private readonly tails: Scene,
  ) {}

  /** New samples since the state before. */
  report(state: State, before: State | null): void {
    const now_ms = performance.now();
    for (const [id, view] of Object.entries(state.vehicles)) {
      const sample = view.telemetry;
      if (!sample || sample === before?.vehicles[id]?.telemetry) continue;
      const { lat_deg, lon_deg } = sample;
      if (lat_deg === null || lon_deg === null) continue;
      const up_m = Math.max(0, sample.up_m ?? 0);
      const heading_deg = sample.heading_deg ?? 0;
      this.motion.report(id, { lon_deg, lat_deg, up_m, heading_deg }, now_ms);
    }
  }

  /**
   * Take up a new state, or the passing of a second. False: all stand where
   * they stood, and the picture need not be drawn anew.
   */
  refresh(state: State, words: Words): boolean {
    for (const id of this.marks.keys()) {
      if (state.vehicles[id]) continue;
      this.marks.delete(id);
      this.motion.forget(id);
    }
    Object.entries(state.vehicles).forEach(([id, view], i) => {
      this.updateMark(state, id, view, i, words);
    });
    const picture = pictureOf(state);
    if (picture === this.picture) return false;
    this.picture = picture;
    this.drawPaths(state);
    this.drawTails(performance.now());
    return true;
  }

  labels(): OverlayLabel[] {
    const now_ms = performance.now();
    return [...this.marks].map(([id, mark]) => ({
      element: mark.root,
      at: this.here(id, now_ms) ?? NOWHERE,
      priority: Number.POSITIVE_INFINITY,
      min_zoom: 0,
      anchor: "needle",
    }));
  }

  /** Places at this moment; turns the needles on the way. */
  places(matrix: Mat4, width: number, height: number): Map<HTMLElement, Vec3> {
    const now_ms = performance.now();
    const places = new Map<HTMLElement, Vec3>();
    for (const [id, mark] of this.marks) {
      const pose = this.motion.at(id, now_ms);
      if (!pose) continue;
      const here = this.at([pose.lon_deg, pose.lat_deg, pose.up_m]);
      places.set(mark.root, here);
      mark.turn(screenTurn(matrix, here, pose.heading_deg, width, height));
    }
    if (this.motion.moving(now_ms)) this.drawTails(now_ms);
    return places;
  }

  private at([lon, lat, up]: PathPoint): Vec3 {
    return this.frame().local(lon, lat, up);
  }

  private here(id: string, now_ms: number): Vec3 | null {
    const pose = this.motion.at(id, now_ms);
    return pose ? this.at([pose.lon_deg, pose.lat_deg, pose.up_m]) : null;
  }

  private markOf(id: string, view: VehicleView): VehicleMark {
    const known = this.marks.get(id);
    if (known) return known;
    const mark = vehicleMark(view.entry.kind, () =>
      this.store.dispatch({ type: "patch", patch: { vehicle_id: id } }),
    );
    this.marks.set(id, mark);
    return mark;
  }

  private updateMark(
    state: State,
    id: string,
    view: VehicleView,
    index: number,
    words: Words,
  ): void {
    const sample = view.telemetry;
    const up_m = view.entry.kind === "copter" ? (sample?.up_m ?? null) : null;
    this.markOf(id, view).update({
      name: id,
      height: up_m === null ? "" : `${Math.round(up_m)} m`,
      color: vehicleColor(index),
      freshness: freshness(view, state.live, performance.now()),
      trouble: trouble(sample),
      status: words.t(`link.${sample?.link ?? "CONNECTING"}`),
      selected: state.vehicle_id === id,
      speaking: state.speakers[view.entry.speaker_id ?? ""]?.phase === "playing",
    });
  }

  /** Up to the sample before the last one: the mark glides to the last. */
  private drawPaths(state: State): void {
    const lines: SceneLine[] = [];
    Object.keys(state.vehicles).forEach((id, i) => {
      const path = (state.paths[id] ?? []).slice(0, -1);
      if (path.length < 2) return;
      const points = path.map((one) => this.at(one));
      lines.push({
        points,
        color: rgba(vehicleColor(i), 0.95),
        width_px: 3,
        dash_m: 0,
      });
    });
    this.paths.show(lines, []);
  }

  private drawTails(now_ms: number): void {
    const state = this.store.get();
    const lines: SceneLine[] = [];
    const points: ScenePoint[] = [];
    Object.keys(state.vehicles).forEach((id, i) => {
      const color = vehicleColor(i);
      const here = this.here(id, now_ms);
      if (!here) return;
      const last = state.paths[id]?.at(-2);
      if (last) {
        const tail = [this.at(last), here];
        lines.push({ points: tail, color: rgba(color, 0.95), width_px: 3, dash_m: 0 });
      }
      if (here[2] < 1) return;
      const foot: Vec3 = [here[0], here[1], 0.1];
      const plumb = [foot, here];
      lines.push({ points: plumb, color: rgba(color, 0.7), width_px: 1.5, dash_m: 0 });
      points.push({ at: foot, color: rgba(color, 0.6), size_px: 9, ring: false });
    });
    this.tails.show(lines, points);
  }
}

/** All that the picture of the vehicles depends on, to a decimetre or a degree. */
function pictureOf(state: State): string {
  const all = Object.entries(state.vehicles).map(([id, { telemetry: t }]) => [
    id,
    t?.lat_deg?.toFixed(6),
    t?.lon_deg?.toFixed(6),
    t?.up_m?.toFixed(1),
    t?.heading_deg?.toFixed(0),
    state.paths[id]?.length,
  ]);
  return JSON.stringify([state.site?.id, all]);
}

/** Where the nose points on the screen, seen in the map's perspective. */
function screenTurn(
  matrix: Mat4,
  here: Vec3,
  heading_deg: number,
  width: number,
  height: number,
): number {
  const rad = (heading_deg * Math.PI) / 180;
  const nose: Vec3 = [
    here[0] + 3 * Math.sin(rad),
    here[1] + 3 * Math.cos(rad),
    here[2],
  ];
  const a = project(matrix, here, width, height);
  const b = project(matrix, nose, width, height);
  return (Math.atan2(b.x - a.x, a.y - b.y) * 180) / Math.PI;
}
