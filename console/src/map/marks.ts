// The HTML of labels and vehicles on the map.

import type { Words } from "../i18n/i18n";
import type { SitePoint } from "../site";
import type { Freshness, Trouble } from "../state/rules";

const SVG = "http://www.w3.org/2000/svg";

function svg(viewBox: string, paths: readonly string[]): SVGSVGElement {
  const out = document.createElementNS(SVG, "svg");
  out.setAttribute("viewBox", viewBox);
  out.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    out.append(path);
  }
  return out;
}

function element(tag: "div" | "span" | "button", className: string, text = "") {
  const out = document.createElement(tag);
  out.className = className;
  out.textContent = text;
  return out;
}

/** A needle that points where the nose points. */
const NEEDLE = {
  copter: ["M20 3 L31 34 L20 27 L9 34 Z"],
  rover: ["M20 4 L30 15 L30 34 L10 34 L10 15 Z"],
} as const;

export interface VehicleMark {
  root: HTMLButtonElement;
  update(state: VehicleMarkState): void;
  /** Degrees clockwise from the top of the screen. */
  turn(screen_deg: number): void;
}

export interface VehicleMarkState {
  name: string;
  height: string;
  color: string;
  freshness: Freshness;
  trouble: Trouble;
  status: string;
  selected: boolean;
  speaking: boolean;
}

export function vehicleMark(kind: "copter" | "rover", pick: () => void): VehicleMark {
  const root = element("button", `mark-vehicle ${kind}`) as HTMLButtonElement;
  root.type = "button";
  root.addEventListener("click", pick);
  const icon = element("span", "mark-needle");
  const needle = svg("0 0 40 40", NEEDLE[kind]);
  icon.append(needle);
  const label = element("span", "mark-tag");
  const name = element("span", "mark-name");
  const height = element("span", "mark-height");
  // The space parts them for those who are read to.
  label.append(name, " ", height);
  root.append(icon, label);
  return {
    root,
    update(state) {
      name.textContent = state.name;
      height.textContent = state.height;
      root.style.setProperty("--vehicle", state.color);
      root.dataset.freshness = state.freshness;
      root.dataset.trouble = state.trouble ?? "";
      root.dataset.speaking = String(state.speaking);
      root.setAttribute("aria-pressed", String(state.selected));
      root.setAttribute("aria-label", `${state.name} ${state.height} ${state.status}`);
    },
    turn(screen_deg) {
      needle.style.transform = `rotate(${screen_deg.toFixed(1)}deg)`;
    },
  };
}

const POINT_GLYPHS: Record<SitePoint["kind"], string> = {
  launch: "M10 3 L16 16 L10 13 L4 16 Z",
  rally: "M5 3 V17 M5 4 H15 L12 7.500 L15 11 H5",
  charger: "M11 2 L5 11 H9.500 L8.500 18 L15 8.500 H10.500 Z",
  sampling_point: "M10 3 V17 M3 10 H17",
};

export function pointMark(point: SitePoint, words: Words): HTMLElement {
  const root = element("div", `mark-point ${point.kind}`);
  const name = point.name || words.t(`map.point.${point.kind}`);
  root.append(svg("0 0 20 20", [POINT_GLYPHS[point.kind]]), element("span", "", name));
  root.title = `${words.t(`map.point.${point.kind}`)}: ${name}`;
  return root;
}

export function textMark(className: string, text: string): HTMLElement {
  return element("div", `mark-text ${className}`, text);
}
