import { describe, expect, it } from "vitest";
import { siteOf } from "../site";
import { plan } from "../testing";
import { MAP, shareColor } from "./colors";
import { Frame, mercatorX, mercatorY, project } from "./frame";
import {
  buildingPrisms,
  floorKey,
  passesOf,
  shares,
  sortiePath,
  stationsOf,
} from "./geometry";
import { Motion, turn } from "./motion";
import { overlaps } from "./overlay";
import { packLines } from "./scene";

const square = [
  [
    [117, 34],
    [117.001, 34],
    [117.001, 34.001],
    [117, 34.001],
    [117, 34],
  ],
];

function site(properties: Record<string, unknown>, id = "b1") {
  const entry = {
    id: "s",
    name: "S",
    buildings: 1,
    households: 0,
    bounds: [117, 34, 117.001, 34.001],
    warnings: [],
  };
  const geometry = { type: "Polygon", coordinates: square };
  return siteOf(entry, [{ id, geometry, properties }]);
}

const receiver = (floor: number, reached: boolean) => ({
  building_id: "b1",
  floor,
  reached,
});

describe("frame", () => {
  it("is in metres", () => {
    const frame = new Frame(117, 34);
    const [east, north, up] = frame.local(117.001, 34.001, 12);
    // A degree of latitude is 111.2 km; of longitude that times cos 34°.
    expect(east).toBeCloseTo(111.195 * Math.cos((34 * Math.PI) / 180), 1);
    expect(north).toBeCloseTo(111.195, 1);
    expect(up).toBe(12);
  });

  it("turns a matrix of mercator coordinates into one of metres", () => {
    const main = [3, 0, 0, 0, 0, 5, 0, 0, 0, 0, 7, 0, 0.1, 0.2, 0.3, 1];
    const frame = new Frame(117, 34);
    const point = project(
      frame.matrix(main),
      frame.local(117.002, 33.998, 30),
      200,
      100,
    );
    const x = 3 * mercatorX(117.002) + 0.1;
    const y = 5 * mercatorY(33.998) + 0.2;
    expect(point.x).toBeCloseTo(((x + 1) / 2) * 200, 4);
    expect(point.y).toBeCloseTo(((1 - y) / 2) * 100, 4);
  });
});

describe("plans in space", () => {
  it("start at home and do not stand still", () => {
    const doc = plan();
    const [sortie] = doc.sorties;
    if (!sortie) throw new Error("no sortie");
    expect(sortiePath(sortie, doc)).toEqual([
      [117, 34, 0],
      [117, 34, 20],
      [117, 34.001, 20],
      [117, 34, 0],
    ]);
    expect(stationsOf(doc).map((one) => one.id)).toEqual(["S1"]);
  });

  it("show the ways on which something is said in flight", () => {
    const doc = plan();
    const [sortie] = doc.sorties;
    const item = sortie?.items[2];
    if (!sortie || !item) throw new Error("no station");
    const past = { ...item, type: "pass" as const, lon_deg: 117.002, station: "P1" };
    const items = [...sortie.items.slice(0, 2), past, ...sortie.items.slice(3)];
    const flown = { ...doc, sorties: [{ ...sortie, items }] };
    expect(passesOf(flown)).toEqual([
      {
        sortie: "s1",
        ends: [
          [117, 34.001, 20],
          [117.002, 34.001, 20],
        ],
      },
    ]);
    expect(stationsOf(flown).map((one) => one.id)).toEqual(["P1"]);
    expect(passesOf(doc)).toEqual([]);
  });

  it("take heights above sea level down to the ground at home", () => {
    const doc = plan();
    const [sortie] = doc.sorties;
    if (!sortie) throw new Error("no sortie");
    const items = sortie.items.map((one) => ({
      ...one,
      datum: "AMSL" as const,
      alt_m: 75,
    }));
    expect(sortiePath({ ...sortie, items }, doc)[1]?.[2]).toBe(35);
  });

  it("keep patrol vehicles on the ground", () => {
    const doc = plan();
    const [sortie] = doc.sorties;
    if (!sortie) throw new Error("no sortie");
    const path = sortiePath({ ...sortie, vehicle_kind: "rover" }, doc);
    expect(path.every(([, , up]) => up === 0)).toBe(true);
  });
});

describe("reach", () => {
  it("is counted by building and floor", () => {
    const counted = shares([receiver(1, true), receiver(1, false), receiver(2, true)]);
    expect(counted.get("b1")).toEqual({ reached: 2, receivers: 3 });
    expect(counted.get(floorKey("b1", 1))).toEqual({ reached: 1, receivers: 2 });
  });

  it("colours one slab a floor", () => {
    const one = site({ kind: "building", floors: 3, height_m: 9 });
    const prisms = buildingPrisms(one, [receiver(1, true), receiver(2, false)]);
    const [first, second, third] = prisms.features;
    expect(prisms.features).toHaveLength(3);
    expect(first?.properties?.color).toBe(shareColor(1));
    expect(second?.properties?.color).toBe(shareColor(0));
    expect(second?.properties?.base).toBe(3);
    expect(third?.properties?.color).toBe(MAP.building);
  });

  it("understands floors that are counted from zero", () => {
    const one = site({ kind: "building", floors: 2, height_m: 6 });
    const prisms = buildingPrisms(one, [receiver(0, false), receiver(1, true)]);
    expect(prisms.features[0]?.properties?.color).toBe(shareColor(0));
  });
});

describe("site", () => {
  it("takes heights from floors where there is no height", () => {
    expect(site({ kind: "building", floors: 6 }).buildings[0]?.height_m).toBe(18);
    expect(site({ kind: "building", height_m: 31 }).buildings[0]?.floors).toBe(10);
  });

  it("leaves out what it cannot draw", () => {
    expect(site({ kind: "wormhole" }).buildings).toEqual([]);
    const entry = {
      id: "s",
      name: "",
      buildings: 0,
      households: 0,
      bounds: [],
      warnings: [],
    };
    const broken = { type: "Polygon", coordinates: [[["a", "b"]]] };
    const properties = { kind: "building" };
    expect(siteOf(entry, [{ id: 1, geometry: broken, properties }]).buildings).toEqual(
      [],
    );
  });
});

describe("motion", () => {
  const pose = (lat_deg: number, heading_deg = 0) => ({
    lon_deg: 117,
    lat_deg,
    up_m: 10,
    heading_deg,
  });

  it("glides to the last sample and never past it", () => {
    const motion = new Motion();
    motion.report("d", pose(34), 0);
    motion.report("d", pose(34.0002), 200);
    expect(motion.at("d", 300)?.lat_deg).toBeCloseTo(34.0001, 8);
    expect(motion.at("d", 5000)?.lat_deg).toBe(34.0002);
    expect(motion.moving(399)).toBe(true);
    expect(motion.moving(400)).toBe(false);
  });

  it("shows a jump as a jump", () => {
    const motion = new Motion();
    motion.report("d", pose(34), 0);
    motion.report("d", pose(34.5), 200);
    expect(motion.at("d", 200)?.lat_deg).toBe(34.5);
  });

  it("turns the short way", () => {
    expect(turn(350, 10, 0.5)).toBeCloseTo(0);
    expect(turn(10, 350, 0.5)).toBeCloseTo(0);
    expect(turn(90, 180, 0.5)).toBeCloseTo(135);
  });
});

describe("labels and lines", () => {
  it("keep a gap between labels", () => {
    const box = { left: 0, top: 0, right: 10, bottom: 10 };
    expect(overlaps(box, { ...box, left: 12, right: 20 })).toBe(true);
    expect(overlaps(box, { ...box, left: 14, right: 20 })).toBe(false);
  });

  it("carry the distance along the line, for dashes", () => {
    const points = [
      [0, 0, 0],
      [3, 4, 0],
      [3, 4, 5],
    ] as const;
    const line = { points, color: [1, 1, 1, 1], width_px: 2, dash_m: 7 } as const;
    const packed = packLines([line]);
    expect(packed).toHaveLength(26);
    expect([packed[11], packed[24]]).toEqual([0, 5]);
  });
});
