"""Many blocks: how long a whole city takes, and what its haste costs.

A sample of blocks of ten buildings each is planned twice: as ``plan city``
does (two workers, files in and out), and one by one as ``plan drone`` does
within 10 s. Told are blocks a second, CPU seconds a block, the time that
9,570 blocks would take on two cores, and how much longer the city's missions
are. CPU time is what two quiet cores would need; wall time has whatever else
the machine did in it.
"""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from shapely import MultiPolygon, box

from benchmarks.coverage import BLOCKS, LIMIT_S, order, site_at
from patrolctl.cli.city import load_block
from patrolctl.domain.site import Building, Site
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.planning.drone import CITY_EFFORT, CityOrder, plan_city, plan_drone
from patrolctl.sites import site_geojson

CITY_BLOCKS = 9570
SAMPLE = 40
COMPARED = 16
BUILDINGS = 10
WORKERS = 2


def sampled(count: int) -> tuple[str, list[Site]]:
    """Blocks of neighbouring real buildings, or of fictional ones."""
    rng = np.random.default_rng(4)
    paths = [p for name, p in BLOCKS.items() if "-" in name and p.exists()]
    real = [p for p in paths if p.parent.parent.name != "missions"]
    if not real:
        return "fictional slabs and towers", [fictional(rng) for _ in range(count)]
    sites = [site_at(p) for p in real]
    blocks = [neighbours(sites[k % len(sites)], rng) for k in range(count)]
    return "real neighbours in " + ", ".join(p.stem for p in real), blocks


def neighbours(site: Site, rng: np.random.Generator) -> Site:
    """A building by chance and the nine nearest to it."""
    centres = shapely.centroid([b.footprint for b in site.buildings])
    at = shapely.get_coordinates(centres)
    gap = np.linalg.norm(at - at[rng.integers(len(at))], axis=1)
    chosen = tuple(site.buildings[k] for k in np.argsort(gap)[:BUILDINGS])
    return replace(site, buildings=chosen, geofence=None, launches=())


def fictional(rng: np.random.Generator) -> Site:
    """Ten slabs and towers along two streets, turned by chance."""
    turn, buildings = float(rng.uniform(0, 180)), []
    for k in range(BUILDINGS):
        length, deep = (60, 14) if rng.random() < 0.7 else (24, 24)
        x, y = (k % 5) * 80 + rng.uniform(-6, 6), (k // 5) * 65 + rng.uniform(-6, 6)
        shape = box(x, y, x + length, y + deep)
        floors = int(rng.choice([5, 6, 9, 12, 18]))
        buildings.append(
            Building(
                id=f"b{k}",
                name=f"b{k}",
                footprint=MultiPolygon([shapely.affinity.rotate(shape, turn, (0, 0))]),
                height_m=3.0 * floors,
                floor_height_m=3.0,
                floors=floors,
            )
        )
    frame = LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2))
    return Site("block", "block", "0" * 64, frame, buildings=tuple(buildings))


def _cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def _hasty(folder: Path, files: list[Path]) -> tuple[dict[str, float], float, float]:
    """Mission times by file, and wall and CPU seconds of all of it."""
    out = folder / "plans"
    out.mkdir(exist_ok=True)
    city = CityOrder(replace(order(), effort=CITY_EFFORT), load_block, WORKERS)
    wall_s, cpu_s = time.perf_counter(), _cpu_s()
    done = {b.name: b.mission_time_s for b in plan_city(files, out, city) if b.reached}
    return done, time.perf_counter() - wall_s, _cpu_s() - cpu_s


def main() -> None:
    what, blocks = sampled(SAMPLE)
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), []
        for k, block in enumerate(blocks):
            files.append(folder / f"block{k:03}.geojson")
            files[-1].write_bytes(site_geojson(block))
        first, _, start_s = _hasty(folder, files[:WORKERS])  # two processes' start
        rest, wall_s, cpu_s = _hasty(folder, files[WORKERS:])
        count = len(files) - WORKERS
        per_block_s = max(cpu_s - start_s, 0.0) / count + start_s / CITY_BLOCKS
        print(
            f"{count} blocks of {BUILDINGS} buildings ({what}): {wall_s:.1f} s wall, "
            f"{per_block_s:.3f} s CPU a block\n  {CITY_BLOCKS} blocks on {WORKERS} "
            f"cores: {CITY_BLOCKS * per_block_s / WORKERS / 60:.1f} min of CPU time "
            f"(wall at this load: {CITY_BLOCKS * wall_s / count / 60:.1f} min)",
            flush=True,
        )
        hasty = first | rest
        losses = []
        for path in files[:COMPARED]:
            alone = plan_drone(load_block(path), order()).summary
            if path.name in hasty and alone.mission_time_s:
                losses.append(hasty[path.name] / alone.mission_time_s - 1.0)
        print(
            f"  missions longer than with the {LIMIT_S:.0f} s setting by "
            f"{np.mean(losses):.1%} on average, {np.median(losses):.1%} in the middle, "
            f"{np.max(losses):.1%} at worst ({len(losses)} blocks)",
            flush=True,
        )


if __name__ == "__main__":
    main()
