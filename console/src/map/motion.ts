// Vehicles glide from one sample to the next. They are never drawn ahead of
// what was reported: a guess would look like knowledge.

export interface Pose {
  lon_deg: number;
  lat_deg: number;
  up_m: number;
  heading_deg: number;
}

interface Glide {
  from: Pose;
  to: Pose;
  start_ms: number;
  length_ms: number;
}

const LONGEST_GLIDE_MS = 1_000;
/** Farther than this between two samples is a jump and is shown as one. */
const JUMP_DEG = 0.002;

/** Turn the short way round. */
export function turn(from_deg: number, to_deg: number, ratio: number): number {
  const delta = ((((to_deg - from_deg) % 360) + 540) % 360) - 180;
  return (from_deg + delta * ratio + 360) % 360;
}

export class Motion {
  private readonly glides = new Map<string, Glide>();

  /** A sample arrived. */
  report(id: string, pose: Pose, now_ms: number): void {
    const before = this.glides.get(id);
    if (!before) {
      this.glides.set(id, { from: pose, to: pose, start_ms: now_ms, length_ms: 0 });
      return;
    }
    const jumped =
      Math.abs(before.to.lon_deg - pose.lon_deg) > JUMP_DEG ||
      Math.abs(before.to.lat_deg - pose.lat_deg) > JUMP_DEG;
    const since_ms = now_ms - before.start_ms;
    this.glides.set(id, {
      from: jumped ? pose : (this.at(id, now_ms) ?? pose),
      to: pose,
      start_ms: now_ms,
      length_ms: jumped ? 0 : Math.min(LONGEST_GLIDE_MS, since_ms),
    });
  }

  forget(id: string): void {
    this.glides.delete(id);
  }

  at(id: string, now_ms: number): Pose | null {
    const glide = this.glides.get(id);
    if (!glide) return null;
    const ratio =
      glide.length_ms <= 0
        ? 1
        : Math.min(1, Math.max(0, (now_ms - glide.start_ms) / glide.length_ms));
    const mix = (a: number, b: number) => a + (b - a) * ratio;
    return {
      lon_deg: mix(glide.from.lon_deg, glide.to.lon_deg),
      lat_deg: mix(glide.from.lat_deg, glide.to.lat_deg),
      up_m: mix(glide.from.up_m, glide.to.up_m),
      heading_deg: turn(glide.from.heading_deg, glide.to.heading_deg, ratio),
    };
  }

  moving(now_ms: number): boolean {
    for (const glide of this.glides.values()) {
      if (now_ms < glide.start_ms + glide.length_ms) return true;
    }
    return false;
  }
}
