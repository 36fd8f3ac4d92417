// The map: puts the state onto MapLibre and keeps it there.

import type { GeoJSONSource, MapMouseEvent } from "maplibre-gl";
import { Map as GlMap } from "maplibre-gl";
import type { Plan, Violation } from "../domain";
import type { Words } from "../i18n/i18n";
import type { Area, Site } from "../site";
import { collection } from "../site";
import type { State } from "../state/state";
import type { Store } from "../state/store";
import { activeRuns, plansShown, sortieColors } from "../state/views";
import { fitted } from "./camera";
import { MAP, rgba, vehicleColor } from "./colors";
import { Frame, type Mat4, type Vec3 } from "./frame";
import {
  areaFeatures,
  buildingPrisms,
  heardMarks,
  type Place,
  passesOf,
  plannedMarks,
  type ReachedReceiver,
  type ReceiverMark,
  sortiePath,
  stationsOf,
} from "./geometry";
import { siteLabels } from "./labels";
import { Overlay, type OverlayLabel } from "./overlay";
import { Scene, type SceneLine, type ScenePoint } from "./scene";
import { baseStyle } from "./style";
import { VehicleLayer } from "./vehicles";

const TILTED_DEG = 54;
const BEARING_DEG = -18;
/** An area without a top is drawn up to the usual ceiling. */
const NO_FLY_TOP_M = 120;
const CLOSE_ZOOM = 17.5;

export class SiteMap {
  private readonly map: GlMap;
  private readonly overlay: Overlay;
  private readonly plan: Scene;
  private readonly paths: Scene;
  private readonly tails: Scene;
  private readonly vehicles: VehicleLayer;
  private readonly unsubscribe: () => void;
  private readonly clock: ReturnType<typeof setInterval>;
  private frame = new Frame(0, 0);
  private shown: State | null = null;
  private labels: OverlayLabel[] = [];
  private site: Site | null = null;
  private ready = false;
  /** Runs under way, whose plans are drawn. */
  private flown = "";
  private closed = false;
  private frameAsked = false;

  constructor(
    container: HTMLElement,
    overlayRoot: HTMLElement,
    private readonly store: Store,
    private words: Words,
  ) {
    this.overlay = new Overlay(overlayRoot);
    this.map = new GlMap({
      container,
      style: baseStyle(),
      attributionControl: false,
      center: [0, 0],
      zoom: 16,
      pitch: TILTED_DEG,
      bearing: BEARING_DEG,
      maxPitch: 80,
      minZoom: 11,
      maxZoom: 21,
      canvasContextAttributes: { antialias: true },
      fadeDuration: 0,
    });
    const frame = () => this.frame;
    this.plan = new Scene("scene-plan", frame);
    this.paths = new Scene("scene-paths", frame);
    this.tails = new Scene("scene-tails", frame, (matrix) => this.placeOverlay(matrix));
    this.vehicles = new VehicleLayer(store, frame, this.paths, this.tails);
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

  // --- what the operator does with it ---------------------------------------

  home(duration_ms = 500): void {
    if (!this.site) return;
    const camera = fitted(this.map, this.site);
    this.map.easeTo({ ...camera, duration: duration_ms });
  }

  zoom(step: number): void {
    this.map.zoomTo(this.map.getZoom() + step, { duration: 200 });
  }

  tilted(): boolean {
    return this.map.getPitch() > 5;
  }

  toggleTilt(): void {
    const flat = this.tilted();
    const [pitch, bearing] = flat ? [0, 0] : [TILTED_DEG, BEARING_DEG];
    this.map.easeTo({ pitch, bearing, duration: 400 });
  }

  showPlace(lon_deg: number, lat_deg: number): void {
    const zoom = Math.max(CLOSE_ZOOM, this.map.getZoom());
    this.map.easeTo({ center: [lon_deg, lat_deg], zoom, duration: 500 });
  }

  showViolation({ lon_deg, lat_deg }: Violation): void {
    if (lat_deg !== null && lon_deg !== null) this.showPlace(lon_deg, lat_deg);
  }

  private pickBuilding(
    event: MapMouseEvent & { features?: { properties: unknown }[] },
  ): void {
    const properties = event.features?.[0]?.properties as { id?: unknown } | undefined;
    if (typeof properties?.id !== "string") return;
    this.store.dispatch({ type: "patch", patch: { building_id: properties.id } });
  }

  // --- from the state to the map --------------------------------------------

  private start(): void {
    // Below the no-fly volumes: those hide nothing, they tint what is behind.
    for (const layer of [this.plan, this.paths, this.tails]) {
      this.map.addLayer(layer, "no-fly");
    }
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
    const changed = (...names: (keyof State)[]) =>
      names.some((name) => state[name] !== before?.[name]);
    // A new list of violations makes a new `plan`, but nothing else to draw.
    const planned = state.plan?.doc !== before?.plan?.doc;
    const flown = activeRuns(state)
      .map((one) => one.id)
      .join();
    const reach =
      planned ||
      flown !== this.flown ||
      changed("site", "coverage", "evidence", "run_id", "docs");
    this.flown = flown;
    if (reach) this.showReach(state);
    if (changed("building_id", "site")) this.showSelected(state);
    if (changed("vehicles")) this.vehicles.report(state, before);
    if (reach || changed("vehicles", "paths", "live", "vehicle_id", "speakers")) {
      this.refreshVehicles(state);
    }
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.map.getSource<GeoJSONSource>(name);
  }

  private showSite(site: Site): void {
    this.site = site;
    const [west, south, east, north] = site.bounds;
    this.frame = new Frame((west + east) / 2, (south + north) / 2);
    this.source("zones")?.setData(areaFeatures(site));
    this.source("roads")?.setData(collection(site.roads));
    this.source("geofence")?.setData(collection(site.geofences.map(volume)));
    this.source("no_fly")?.setData(collection(site.no_fly.map(volume)));
    this.source("obstacles")?.setData(collection(site.obstacles.map(volume)));
    this.rebuildLabels();
    this.home(0);
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
    for (const [id, doc] of Object.entries(plansShown(state))) {
      if (isHere(state, doc)) {
        this.addPaths(doc, sortieColors(state, id, doc), lines, points);
      }
    }
    this.plan.show(lines, points);
  }

  private addPaths(
    doc: Plan,
    indexes: number[],
    lines: SceneLine[],
    points: ScenePoint[],
  ): void {
    const colors = indexes.map(vehicleColor);
    doc.sorties.forEach((sortie, i) => {
      lines.push({
        points: sortiePath(sortie, doc).map((one) => this.at(one)),
        color: rgba(colors[i] ?? MAP.geofence, 0.55),
        width_px: 2,
        dash_m: 7,
      });
    });
    for (const { sortie, ends } of passesOf(doc)) {
      const index = doc.sorties.findIndex((one) => one.id === sortie);
      const color = rgba(colors[index] ?? MAP.geofence, 0.9);
      const way = ends.map((one) => this.at(one));
      lines.push({ points: way, color, width_px: 5, dash_m: 0 });
    }
    for (const station of stationsOf(doc)) {
      const index = doc.sorties.findIndex((one) => one.id === station.sortie);
      const color = colors[index] ?? MAP.geofence;
      const at = this.at(station.at);
      points.push({ at, color: rgba(color), size_px: 13, ring: true });
      if (at[2] <= 0) continue;
      const stem = [[at[0], at[1], 0] as const, at];
      lines.push({ points: stem, color: rgba(color, 0.25), width_px: 1, dash_m: 0 });
    }
  }

  private at([lon, lat, up]: Place): Vec3 {
    return this.frame.local(lon, lat, up);
  }

  private receiverPoint(one: ReceiverMark): ScenePoint {
    return {
      at: this.at(one.at),
      color: rgba(one.reached ? MAP.reached : MAP.missed),
      size_px: one.reached ? 5 : 8,
      ring: !one.reached,
    };
  }

  // --- what lies over the canvas --------------------------------------------

  private rebuildLabels(): void {
    if (!this.site) return;
    this.labels = siteLabels(this.site, this.frame, this.words);
    this.setOverlay();
  }

  private setOverlay(): void {
    this.overlay.set([...this.vehicles.labels(), ...this.labels]);
    this.map.triggerRepaint();
  }

  private refreshVehicles(state: State): void {
    if (!this.ready) return;
    if (this.vehicles.refresh(state, this.words)) this.setOverlay();
  }

  private placeOverlay(matrix: Mat4): void {
    const { clientWidth, clientHeight } = this.map.getCanvas();
    this.overlay.move(this.vehicles.places(matrix, clientWidth, clientHeight));
    this.overlay.place(matrix, this.map.getZoom());
  }
}

function volume(one: Area) {
  return {
    type: "Feature" as const,
    geometry: one.geometry,
    properties: { base: one.bottom_m, height: Math.min(one.top_m, NO_FLY_TOP_M) },
  };
}

function isHere(state: State, doc: Plan): boolean {
  return doc.site_id === null || doc.site_id === state.site?.id;
}

/** The open plan, when it is one for the site on screen. */
function planHere(state: State): Plan | null {
  const doc = state.plan?.doc;
  return doc && isHere(state, doc) ? doc : null;
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
