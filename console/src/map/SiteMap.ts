// The map: puts the state onto MapLibre and keeps it there.

import type { GeoJSONSource, MapMouseEvent } from "maplibre-gl";
import { Map as GlMap } from "maplibre-gl";
import type { Plan, Violation } from "../domain";
import type { Words } from "../i18n/i18n";
import type { Area, Site } from "../site";
import { collection, positions } from "../site";
import { freshness, trouble } from "../state/rules";
import type { State, VehicleView } from "../state/state";
import type { Store } from "../state/store";
import { MAP, rgba, vehicleColor } from "./colors";
import { Frame, type Mat4, project, type Vec3 } from "./frame";
import {
  areaFeatures,
  buildingPrisms,
  heardMarks,
  type Place,
  plannedMarks,
  type ReachedReceiver,
  type ReceiverMark,
  sortiePath,
  stationsOf,
} from "./geometry";
import { pointMark, textMark, type VehicleMark, vehicleMark } from "./marks";
import { Motion } from "./motion";
import { Overlay, type OverlayLabel } from "./overlay";
import { Scene, type SceneLine, type ScenePoint } from "./scene";
import { baseStyle } from "./style";

const TILTED_DEG = 58;
const PADDING_PX = 56;
/** A label above a roof. */
const ABOVE_M = 4;

export class SiteMap {
  private readonly map: GlMap;
  private readonly overlay: Overlay;
  private readonly plan: Scene;
  private readonly live: Scene;
  private readonly tails: Scene;
  private readonly motion = new Motion();
  private readonly marks = new Map<string, VehicleMark>();
  private frame = new Frame(0, 0);
  private shown: State | null = null;
  private words: Words;
  private labels: OverlayLabel[] = [];
  private matrix: Mat4 | null = null;
  private readonly unsubscribe: () => void;
  private readonly clock: ReturnType<typeof setInterval>;
  private ready = false;
  private closed = false;
  private frameAsked = false;
  private site: Site | null = null;

  constructor(
    container: HTMLElement,
    overlayRoot: HTMLElement,
    private readonly store: Store,
    words: Words,
  ) {
    this.words = words;
    this.overlay = new Overlay(overlayRoot);
    this.map = new GlMap({
      container,
      style: baseStyle(),
      attributionControl: false,
      center: [0, 0],
      zoom: 16,
      pitch: TILTED_DEG,
      bearing: -18,
      maxPitch: 80,
      minZoom: 11,
      maxZoom: 21,
      canvasContextAttributes: { antialias: true },
      fadeDuration: 0,
    });
    this.plan = new Scene("scene-plan", () => this.frame);
    this.live = new Scene("scene-live", () => this.frame);
    this.tails = new Scene(
      "scene-tails",
      () => this.frame,
      (matrix) => this.placeOverlay(matrix),
    );
    this.map.on("load", () => this.start());
    this.map.on("click", "buildings", (event) => this.pickBuilding(event));
    this.unsubscribe = store.subscribe(() => this.refreshSoon());
    // Age makes things stale without any message: look again each second.
    this.clock = setInterval(() => this.refreshVehicles(store.get()), 1_000);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.clock);
    this.unsubscribe();
    this.map.remove();
  }

  setWords(words: Words): void {
    if (words === this.words) return;
    this.words = words;
    this.rebuildLabels();
    this.refreshVehicles(this.store.get());
  }

  home(animate = true): void {
    if (!this.site) return;
    const [west, south, east, north] = this.site.bounds;
    this.map.fitBounds([west, south, east, north], {
      padding: PADDING_PX,
      pitch: this.map.getPitch(),
      bearing: this.map.getBearing(),
      maxZoom: 18.5,
      duration: animate ? 500 : 0,
    });
  }

  zoom(step: number): void {
    this.map.zoomTo(this.map.getZoom() + step, { duration: 200 });
  }

  tilted(): boolean {
    return this.map.getPitch() > 5;
  }

  toggleTilt(): void {
    const flat = this.tilted();
    this.map.easeTo({
      pitch: flat ? 0 : TILTED_DEG,
      bearing: flat ? 0 : -18,
      duration: 400,
    });
  }

  showPlace(lon_deg: number, lat_deg: number): void {
    this.map.easeTo({
      center: [lon_deg, lat_deg],
      zoom: Math.max(17.5, this.map.getZoom()),
      duration: 500,
    });
  }

  showViolation(one: Violation): void {
    if (one.lat_deg !== null && one.lon_deg !== null) {
      this.showPlace(one.lon_deg, one.lat_deg);
    }
  }

  // --- from the state to the map -------------------------------------------

  private start(): void {
    this.map.addLayer(this.plan);
    this.map.addLayer(this.live);
    this.map.addLayer(this.tails);
    this.ready = true;
    this.refresh();
  }

  /** Many samples in one frame are drawn once. */
  private refreshSoon(): void {
    if (this.frameAsked) return;
    this.frameAsked = true;
    requestAnimationFrame(() => {
      this.frameAsked = false;
      if (!this.closed) this.refresh();
    });
  }

  private refresh(): void {
    if (!this.ready) return;
    const state = this.store.get();
    const before = this.shown;
    this.shown = state;
    if (state.site && state.site !== before?.site) this.showSite(state.site);
    const reach =
      state.site !== before?.site ||
      state.plan?.doc !== before?.plan?.doc ||
      state.coverage !== before?.coverage ||
      state.evidence !== before?.evidence ||
      state.run_id !== before?.run_id;
    if (reach) this.showReach(state);
    if (state.building_id !== before?.building_id) this.showSelected(state);
    if (state.vehicles !== before?.vehicles) this.reportMotion(state, before);
    const moved =
      state.vehicles !== before?.vehicles ||
      state.paths !== before?.paths ||
      state.live.phase !== before?.live.phase ||
      state.vehicle_id !== before?.vehicle_id ||
      state.speakers !== before?.speakers;
    if (moved || reach) this.refreshVehicles(state);
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>(name);
  }

  private showSite(site: Site): void {
    this.site = site;
    const [west, south, east, north] = site.bounds;
    this.frame = new Frame((west + east) / 2, (south + north) / 2);
    const volume = (one: Area) => ({
      type: "Feature" as const,
      geometry: one.geometry,
      properties: { base: one.bottom_m, height: Math.min(one.top_m, 150) },
    });
    const outline = (one: Area) => ({
      type: "Feature" as const,
      geometry: one.geometry,
      properties: {},
    });
    this.source("zones")?.setData(areaFeatures(site));
    this.source("roads")?.setData(collection(site.roads));
    this.source("geofence")?.setData(collection(site.geofences.map(outline)));
    this.source("no_fly")?.setData(collection(site.no_fly.map(volume)));
    this.source("obstacles")?.setData(collection(site.obstacles.map(volume)));
    this.rebuildLabels();
    this.home(false);
  }

  private showSelected(state: State): void {
    const one = state.site?.buildings.find((b) => b.id === state.building_id);
    const features = one
      ? [{ type: "Feature" as const, geometry: one.geometry, properties: {} }]
      : [];
    this.source("selected")?.setData(collection(features));
  }

  /** Buildings in the colours of their reach, receivers, stations and paths. */
  private showReach(state: State): void {
    const { site } = state;
    if (!site) return;
    const { receivers, marks } = reachOf(state);
    this.source("buildings")?.setData(buildingPrisms(site, receivers));
    const lines: SceneLine[] = [];
    const points = marks.map((one) => this.receiverPoint(one));
    const doc = planHere(state);
    doc?.sorties.forEach((sortie, i) => {
      lines.push({
        points: sortiePath(sortie, doc).map((one) => this.at(one)),
        color: rgba(vehicleColor(i), 0.55),
        width_px: 2,
        dash_m: 7,
      });
    });
    if (doc) this.addStations(doc, lines, points);
    this.plan.show(lines, points);
  }

  private addStations(doc: Plan, lines: SceneLine[], points: ScenePoint[]): void {
    for (const station of stationsOf(doc)) {
      const index = doc.sorties.findIndex((one) => one.id === station.sortie);
      const at = this.at(station.at);
      points.push({ at, color: rgba(vehicleColor(index), 1), size_px: 13, ring: true });
      if (at[2] <= 0) continue;
      const foot: Vec3 = [at[0], at[1], 0];
      const color = rgba(vehicleColor(index), 0.25);
      lines.push({ points: [foot, at], color, width_px: 1, dash_m: 0 });
    }
  }

  private at([lon, lat, up]: Place): Vec3 {
    return this.frame.local(lon, lat, up);
  }

  private receiverPoint(one: ReceiverMark): ScenePoint {
    return {
      at: this.at(one.at),
      color: rgba(one.reached ? MAP.reached : MAP.missed, 1),
      size_px: one.reached ? 5 : 8,
      ring: !one.reached,
    };
  }

  // --- labels -----------------------------------------------------------------

  private rebuildLabels(): void {
    const { site } = this;
    if (!site) return;
    const label = (
      element: HTMLElement,
      at: Vec3,
      priority: number,
      min_zoom: number,
    ): OverlayLabel => ({ element, at, priority, min_zoom, anchor: "bottom" });
    const place = ([lon = 0, lat = 0]: readonly number[], up: number) =>
      this.frame.local(lon, lat, up);
    this.labels = [
      ...site.zones
        .filter((one) => one.name)
        .map((one) =>
          label(
            textMark(`zone ${one.zone_class ?? ""}`, one.name),
            place(topEdge(one), 0),
            50,
            14,
          ),
        ),
      ...site.points.map((one) =>
        label(pointMark(one, this.words), place(one.at, 0), 40, 15.5),
      ),
      ...site.no_fly
        .filter((one) => one.name)
        .map((one) =>
          label(textMark("no-fly", one.name), place(one.center, ABOVE_M), 30, 15.5),
        ),
      ...site.buildings
        .filter((one) => one.name)
        .map((one) =>
          label(
            textMark("building", one.name),
            place(one.center, one.height_m + ABOVE_M),
            20 + one.height_m / 100,
            15.8,
          ),
        ),
    ];
    this.setOverlay();
  }

  private setOverlay(): void {
    const now_ms = performance.now();
    const vehicles = [...this.marks].map(([id, mark]): OverlayLabel => {
      const pose = this.motion.at(id, now_ms);
      return {
        element: mark.root,
        at: pose ? this.at([pose.lon_deg, pose.lat_deg, pose.up_m]) : [0, 0, -1e6],
        priority: Number.POSITIVE_INFINITY,
        min_zoom: 0,
        anchor: "middle",
      };
    });
    this.overlay.set([...vehicles, ...this.labels]);
    this.map.triggerRepaint();
  }

  private placeOverlay(matrix: Mat4): void {
    this.matrix = matrix;
    const now_ms = performance.now();
    this.setVehiclePlaces(now_ms);
    this.overlay.place(matrix, this.map.getZoom());
    if (this.motion.moving(now_ms)) {
      this.drawTails(now_ms);
    }
  }

  // --- vehicles ---------------------------------------------------------------

  private reportMotion(state: State, before: State | null): void {
    const now_ms = performance.now();
    for (const [id, view] of Object.entries(state.vehicles)) {
      const sample = view.telemetry;
      if (!sample || sample === before?.vehicles[id]?.telemetry) continue;
      if (sample.lat_deg === null || sample.lon_deg === null) continue;
      this.motion.report(
        id,
        {
          lon_deg: sample.lon_deg,
          lat_deg: sample.lat_deg,
          up_m: Math.max(0, sample.up_m ?? 0),
          heading_deg: sample.heading_deg ?? 0,
        },
        now_ms,
      );
    }
  }

  private refreshVehicles(state: State): void {
    if (!this.ready) return;
    const ids = Object.keys(state.vehicles);
    for (const [id] of this.marks) {
      if (state.vehicles[id]) continue;
      this.marks.delete(id);
      this.motion.forget(id);
    }
    ids.forEach((id, i) => {
      const view = state.vehicles[id];
      if (view) this.updateMark(state, id, view, i);
    });
    this.drawPaths(state);
    this.drawTails(performance.now());
    this.setOverlay();
  }

  private updateMark(state: State, id: string, view: VehicleView, index: number): void {
    const known = this.marks.get(id);
    const mark =
      known ??
      vehicleMark(view.entry.kind, () =>
        this.store.dispatch({ type: "patch", patch: { vehicle_id: id } }),
      );
    if (!known) this.marks.set(id, mark);
    const sample = view.telemetry;
    const fresh = freshness(view, state.live, performance.now());
    const speaker = state.speakers[view.entry.speaker_id ?? ""];
    const flies = view.entry.kind === "copter" && sample?.up_m != null;
    mark.update({
      name: id,
      height: flies ? `${Math.round(sample.up_m ?? 0)} m` : "",
      color: vehicleColor(index),
      freshness: fresh,
      trouble: trouble(sample),
      status: this.words.t(`link.${sample?.link ?? "CONNECTING"}`),
      selected: state.vehicle_id === id,
      speaking: speaker?.phase === "playing",
    });
  }

  /** Flown paths up to the sample before the last one. */
  private drawPaths(state: State): void {
    const lines: SceneLine[] = [];
    Object.keys(state.vehicles).forEach((id, i) => {
      const path = (state.paths[id] ?? []).slice(0, -1);
      if (path.length < 2) return;
      lines.push({
        points: path.map((one) => this.at(one)),
        color: rgba(vehicleColor(i), 0.95),
        width_px: 3,
        dash_m: 0,
      });
    });
    this.live.show(lines, []);
  }

  /** The path's last piece, and a plumb line under everything that flies. */
  private drawTails(now_ms: number): void {
    const state = this.store.get();
    const lines: SceneLine[] = [];
    const points: ScenePoint[] = [];
    Object.keys(state.vehicles).forEach((id, i) => {
      const color = vehicleColor(i);
      const pose = this.motion.at(id, now_ms);
      if (!pose) return;
      const here = this.at([pose.lon_deg, pose.lat_deg, pose.up_m]);
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

  private setVehiclePlaces(now_ms: number): void {
    const [width, height] = [
      this.map.getCanvas().clientWidth,
      this.map.getCanvas().clientHeight,
    ];
    const places = new Map<HTMLElement, Vec3>();
    for (const [id, mark] of this.marks) {
      const pose = this.motion.at(id, now_ms);
      if (!pose) continue;
      const here = this.at([pose.lon_deg, pose.lat_deg, pose.up_m]);
      places.set(mark.root, here);
      if (this.matrix)
        mark.turn(screenTurn(this.matrix, here, pose.heading_deg, width, height));
    }
    this.overlay.move(places);
  }

  private pickBuilding(
    event: MapMouseEvent & { features?: { properties: unknown }[] },
  ): void {
    const properties = event.features?.[0]?.properties as { id?: unknown } | undefined;
    if (typeof properties?.id !== "string") return;
    this.store.dispatch({ type: "patch", patch: { building_id: properties.id } });
  }
}

/** The open plan, when it is one for the site on screen. */
function planHere(state: State): Plan | null {
  const doc = state.plan?.doc;
  if (!doc) return null;
  return doc.site_id === null || doc.site_id === state.site?.id ? doc : null;
}

interface Reach {
  receivers: readonly ReachedReceiver[] | null;
  marks: ReceiverMark[];
}

/** Who is reached, as planned or as proved. */
function reachOf(state: State): Reach {
  const doc = planHere(state);
  const evidence = state.run_id === null ? undefined : state.evidence[state.run_id];
  if (state.coverage === "plan" && doc) {
    return { receivers: doc.receivers, marks: plannedMarks(doc) };
  }
  if (state.coverage === "evidence" && evidence) {
    const marks = doc ? heardMarks(doc, evidence) : [];
    return { receivers: evidence.receivers, marks };
  }
  return { receivers: null, marks: [] };
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

/** A zone's name stands at its northern edge, clear of what is inside. */
function topEdge(area: Area): [number, number] {
  const points = positions(area.geometry);
  const north = Math.max(...points.map(([, lat = 0]) => lat));
  return [area.center[0] ?? 0, north];
}
