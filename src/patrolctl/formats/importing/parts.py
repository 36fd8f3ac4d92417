"""Building parts and the outlines that they lie in.

Source: OpenStreetMap wiki, Simple 3D Buildings: where an outline is filled
by parts, the parts are the building.
"""

import numpy as np
import shapely

from patrolctl.formats.importing.found import Footprint, area_m2

FILLED_RATIO = 0.9
HOME_AREA_M2 = 100.0
_HIGHER_M = 0.5


def resolve_parts(footprints: list[Footprint], warnings: list[str]) -> list[Footprint]:
    """Decide what stands for a building: its outline or its parts.

    * Parts that fill nine tenths of the outline and reach its height replace
      it.
    * Otherwise the outline stays, and a part stays beside it only where it is
      higher: a tower on its podium, a lift head on the roof.
    * An outline without a height of its own takes the greatest of its parts'.
    * A part without an outline is a building.

    Parts of less than 100 m² are bays, stairs and lift heads, not homes.
    """
    outlines = [f for f in footprints if not f.part]
    parts = [f for f in footprints if f.part]
    if not parts or not outlines:
        return footprints
    alone, inside = _sorted_into(outlines, parts)
    kept: list[Footprint] = []
    replaced = beside = 0
    for index, outline in enumerate(outlines):
        stay, pieces = _resolve(outline, inside.get(index, []))
        kept += [outline] * stay + pieces
        replaced += not stay
        beside += len(pieces) if stay else 0
    absorbed = len(parts) - len(alone) - (len(kept) - len(outlines) + replaced)
    warnings.append(
        f"building parts: outlines replaced by parts that fill them {replaced}, "
        f"higher parts kept beside their outline {beside}, lower parts left out "
        f"{absorbed}, parts without an outline kept {len(alone)}"
    )
    return kept + alone


def _sorted_into(
    outlines: list[Footprint], parts: list[Footprint]
) -> tuple[list[Footprint], dict[int, list[Footprint]]]:
    tree = shapely.STRtree([f.shape for f in outlines])
    points = np.array([p.shape.representative_point() for p in parts])
    which, where = tree.query(points, "intersects")
    holder = dict(zip(which.tolist(), where.tolist(), strict=True))
    inside: dict[int, list[Footprint]] = {}
    alone = []
    for index, part in enumerate(parts):
        if index in holder:
            inside.setdefault(holder[index], []).append(part)
        else:
            alone.append(part)
    return alone, inside


def _resolve(
    outline: Footprint, parts: list[Footprint]
) -> tuple[bool, list[Footprint]]:
    """Whether the outline stays, and the parts that stay."""
    if not parts:
        return True, []
    tops_m = [_top_m(p) for p in parts]
    own_m = _top_m(outline)
    if own_m == 0.0:
        highest = parts[int(np.argmax(tops_m))]
        outline.height_m, outline.floors = _top_m(highest) or None, None
        return True, []
    shapes = [p.shape for p in parts]
    covered = shapely.union_all(shapes).intersection(outline.shape).area
    filled = covered >= FILLED_RATIO * outline.shape.area
    if filled and min(tops_m) > 0.0 and max(tops_m) >= own_m - 1.0:
        return False, [_homes(p, outline) for p in parts]
    higher = [
        p for p, top in zip(parts, tops_m, strict=True) if top > own_m + _HIGHER_M
    ]
    return True, [_homes(p, outline) for p in higher]


def _homes(part: Footprint, outline: Footprint) -> Footprint:
    large = float(area_m2(np.array([part.shape]))[0]) >= HOME_AREA_M2
    part.residential = outline.residential and large
    part.name = part.name or outline.name
    return part


def _top_m(f: Footprint) -> float:
    return f.height_m or (f.floors or 0) * (f.floor_height_m or 3.0)
