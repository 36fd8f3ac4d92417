// A local frame for the graphics card: metres east, north and up of an origin.
// Mercator coordinates of a whole planet do not fit into 32-bit floats.

export type Vec3 = readonly [number, number, number];
/** Column-major, as WebGL has it. */
export type Mat4 = Float64Array;

const EARTH_CIRCUMFERENCE_M = 2 * Math.PI * 6_371_008.8;

export function mercatorX(lon_deg: number): number {
  return (180 + lon_deg) / 360;
}

export function mercatorY(lat_deg: number): number {
  const rad = (lat_deg * Math.PI) / 180;
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + rad / 2)) / (2 * Math.PI);
}

export class Frame {
  private readonly x0: number;
  private readonly y0: number;
  /** Mercator units in a metre at the origin; the same sphere as MapLibre's. */
  readonly per_m: number;

  constructor(lon_deg: number, lat_deg: number) {
    this.x0 = mercatorX(lon_deg);
    this.y0 = mercatorY(lat_deg);
    this.per_m = 1 / (EARTH_CIRCUMFERENCE_M * Math.cos((lat_deg * Math.PI) / 180));
  }

  local(lon_deg: number, lat_deg: number, up_m: number): Vec3 {
    return [
      (mercatorX(lon_deg) - this.x0) / this.per_m,
      -(mercatorY(lat_deg) - this.y0) / this.per_m,
      up_m,
    ];
  }

  /** MapLibre's matrix (from mercator) turned into one from local metres. */
  matrix(main: ArrayLike<number>): Mat4 {
    const s = this.per_m;
    const scale: Vec3 = [s, -s, s];
    const out = new Float64Array(16);
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 3; column++) {
        out[column * 4 + row] = at(main, column * 4 + row) * (scale[column] ?? 0);
      }
      out[12 + row] =
        at(main, row) * this.x0 + at(main, 4 + row) * this.y0 + at(main, 12 + row);
    }
    return out;
  }
}

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}

export interface ScreenPoint {
  x: number;
  y: number;
  /** Distance along the view; not positive: behind the camera. */
  w: number;
}

export function project(
  m: Mat4,
  [x, y, z]: Vec3,
  width: number,
  height: number,
): ScreenPoint {
  const row = (i: number) =>
    at(m, i) * x + at(m, 4 + i) * y + at(m, 8 + i) * z + at(m, 12 + i);
  const w = row(3);
  return {
    x: ((row(0) / w + 1) / 2) * width,
    y: ((1 - row(1) / w) / 2) * height,
    w,
  };
}
