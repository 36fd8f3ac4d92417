// Labels over the canvas, placed at their true height in each frame. They are
// HTML: any script is drawn with the machine's own fonts, nothing is fetched,
// and text from outside stays text.

import { type Mat4, project, type Vec3 } from "./frame";

export interface OverlayLabel {
  element: HTMLElement;
  at: Vec3;
  /** Higher wins the place; Infinity is always shown. */
  priority: number;
  /** Below this zoom it is not shown. */
  min_zoom: number;
  /** What of the element is on its place: its bottom edge, or its needle. */
  anchor: "needle" | "bottom";
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const GAP_PX = 3;
/** From the left edge of a vehicle's mark to the middle of its needle. */
const NEEDLE_PX = 22;

export function overlaps(a: Box, b: Box): boolean {
  return (
    a.left < b.right + GAP_PX &&
    b.left < a.right + GAP_PX &&
    a.top < b.bottom + GAP_PX &&
    b.top < a.bottom + GAP_PX
  );
}

export class Overlay {
  private labels: OverlayLabel[] = [];
  private readonly sizes = new WeakMap<
    HTMLElement,
    readonly [number, number, string]
  >();

  constructor(private readonly root: HTMLElement) {}

  set(labels: OverlayLabel[]): void {
    const keep = new Set(labels.map((one) => one.element));
    for (const old of this.labels) {
      if (!keep.has(old.element)) old.element.remove();
    }
    for (const one of labels) {
      if (!one.element.isConnected) this.root.append(one.element);
    }
    this.labels = [...labels].sort((a, b) => b.priority - a.priority);
  }

  /** New places for some of the labels. */
  move(places: ReadonlyMap<HTMLElement, Vec3>): void {
    for (const one of this.labels) one.at = places.get(one.element) ?? one.at;
  }

  place(matrix: Mat4, zoom: number): void {
    const width = this.root.clientWidth;
    const height = this.root.clientHeight;
    const taken: Box[] = [];
    for (const one of this.labels) {
      const point = project(matrix, one.at, width, height);
      const [w, h] = this.size(one.element);
      const bottom = one.anchor === "bottom";
      const top = bottom ? point.y - h : point.y - h / 2;
      const left = bottom ? point.x - w / 2 : besideNeedle(one, point.x, w, width);
      const box = { left, top, right: left + w, bottom: top + h };
      const inside =
        point.w > 0 &&
        box.right > 0 &&
        box.left < width &&
        box.bottom > 0 &&
        box.top < height;
      const always = one.priority === Number.POSITIVE_INFINITY;
      const free = always || !taken.some((other) => overlaps(box, other));
      const shown = inside && free && zoom >= one.min_zoom;
      if (shown) taken.push(box);
      show(one.element, shown, box);
    }
  }

  /** Measuring lays out the page, so it is done once for each text. */
  private size(element: HTMLElement): readonly [number, number] {
    const text = element.textContent ?? "";
    const known = this.sizes.get(element);
    if (known && known[2] === text) return [known[0], known[1]];
    const size = [element.offsetWidth, element.offsetHeight] as const;
    if (size[0] > 0) this.sizes.set(element, [...size, text]);
    return size;
  }
}

/** The tag goes to the left of the needle where the right has no room. */
function besideNeedle(one: OverlayLabel, x: number, w: number, width: number): number {
  const flip = x - NEEDLE_PX + w > width;
  one.element.dataset.flip = String(flip);
  return flip ? x + NEEDLE_PX - w : x - NEEDLE_PX;
}

function show(element: HTMLElement, shown: boolean, box: Box): void {
  // `visibility` keeps the size measurable, and takes hidden ones out of the
  // order of the Tab key.
  element.style.visibility = shown ? "visible" : "hidden";
  if (!shown) return;
  element.style.transform = `translate(${box.left.toFixed(1)}px, ${box.top.toFixed(1)}px)`;
}
