"""Closed airspace: kept for all nodes, laid over the sites."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from shapely import Polygon
from shapely.validation import explain_validity

from patrolctl.clock import Clock
from patrolctl.domain.conditions import NoFlyNotice
from patrolctl.domain.errors import Fault, InputError, NotFound
from patrolctl.domain.site import NoFlyArea, Site
from patrolctl.ports import Store
from patrolctl.ports.conditions import ConditionStore

PREFIX = "notice:"
CORNERS_MAX = 1000
NOTICES_MAX = 500
# A run that begins now is over by then; what closes later is looked at again
# before each upload.
AHEAD = timedelta(hours=2)
FAR_M = 100_000.0


class Notices:
    """What is closed, as this node knows it; :meth:`refresh` reads it anew."""

    def __init__(self, book: ConditionStore, audit: Store, clock: Clock) -> None:
        self._book = book
        self._audit = audit
        self._clock = clock
        self._known: tuple[NoFlyNotice, ...] = ()

    async def refresh(self) -> None:
        """Read what all nodes know.

        Raises:
            StoreFailed: it cannot be read.
        """
        self._known = await self._book.notices()

    @property
    def known(self) -> tuple[NoFlyNotice, ...]:
        """Those that are not over."""
        now = self._clock.utc()
        return tuple(n for n in self._known if n.until_utc > now)

    def over(self, site: Site) -> Site:
        """The site with what is closed now, or soon, among its no-fly areas."""
        closed = self.within(site, AHEAD)
        return replace(site, no_fly=site.no_fly + closed) if closed else site

    def within(self, site: Site, span: timedelta) -> tuple[NoFlyArea, ...]:
        """What is closed at some moment from now on for so long, near a site."""
        now = self._clock.utc()
        return tuple(
            area
            for notice in self.known
            if notice.in_force(now, now + span)
            and (area := _area(notice, site)) is not None
        )

    async def add(self, notice: NoFlyNotice, actor: str) -> NoFlyNotice:
        """Close airspace for a time.

        Raises:
            InputError: one line a fault.
        """
        if faults := _faults(notice, self._clock.utc()):
            raise InputError(faults)
        if len(self.known) >= NOTICES_MAX:
            raise InputError.one("notice", f"there are {NOTICES_MAX} already")
        kept = replace(
            notice, id=notice.id or f"nf-{uuid.uuid4().hex[:12]}", added_by=actor
        )
        await self._audit.audit(
            actor,
            "close airspace",
            f"{kept.id} {kept.name}, {kept.from_utc.isoformat()} to"
            f" {kept.until_utc.isoformat()}",
        )
        await self._book.save_notice(kept)
        await self.refresh()
        return kept

    async def remove(self, notice_id: str, actor: str) -> None:
        """Open it again; raises NotFound."""
        if not await self._book.remove_notice(notice_id):
            raise NotFound("no-fly notice", notice_id)
        await self._audit.audit(actor, "open airspace", notice_id)
        await self.refresh()

    async def take_in(
        self, found: Sequence[NoFlyNotice], actor: str
    ) -> tuple[NoFlyNotice, ...]:
        """Close several: all of them, or none.

        Raises:
            InputError: one line a fault.
        """
        now = self._clock.utc()
        faults = [f for n in found for f in _faults(n, now)]
        if faults:
            raise InputError(faults)
        return tuple([await self.add(n, actor) for n in found])


def _area(notice: NoFlyNotice, site: Site) -> NoFlyArea | None:
    """In the site's frame; None where it is far away."""
    ring = np.asarray(notice.ring)
    points = site.frame.to_en(ring[:, 1], ring[:, 0])
    if not np.isfinite(points).all() or np.abs(points).min() > FAR_M:
        return None
    until = f"{notice.until_utc:%Y-%m-%d %H:%M} UTC"
    return NoFlyArea(
        id=f"{PREFIX}{notice.id}",
        name=f"{notice.name} (closed until {until})",
        area=Polygon(points),
        bottom_m=notice.bottom_m,
        top_m=notice.top_m,
        temporary=True,
    )


def _faults(notice: NoFlyNotice, now: datetime) -> list[Fault]:
    place = f"notice {notice.name or notice.id}"
    faults = []
    if notice.until_utc <= notice.from_utc or notice.until_utc <= now:
        right = "until_utc after from_utc, and to come"
        faults.append(Fault(place, "is over before it begins, or already", right))
    if not notice.bottom_m < notice.top_m:
        right = "bottom_m below top_m"
        faults.append(Fault(place, f"{notice.bottom_m:g} to {notice.top_m:g} m", right))
    if not 3 <= len(notice.ring) <= CORNERS_MAX:
        right = f"3 to {CORNERS_MAX} corners"
        faults.append(Fault(place, f"has {len(notice.ring)} corners", right))
    elif not all(_on_earth(*corner) for corner in notice.ring):
        right = "longitude, latitude in degrees, as GeoJSON has them"
        faults.append(Fault(place, "has a corner that is not on Earth", right))
    elif not Polygon(notice.ring).is_valid:
        what = f"is no area ({explain_validity(Polygon(notice.ring))})"
        faults.append(Fault(place, what, "a ring that does not cross itself"))
    return faults


def _on_earth(lon_deg: float, lat_deg: float) -> bool:
    return (
        math.isfinite(lon_deg)
        and math.isfinite(lat_deg)
        and abs(lon_deg) <= 180.0
        and abs(lat_deg) <= 85.0
    )


def from_geojson(
    document: Mapping[str, object], from_utc: datetime, until_utc: datetime
) -> tuple[NoFlyNotice, ...]:
    """The areas of a GeoJSON document, all for one time.

    Raises:
        InputError: one line a fault.
    """
    features = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(features, list):
        what = f"is a {str(document.get('type'))[:40]}"
        raise InputError.one("geojson", what, "a FeatureCollection of Polygons")
    found, faults = [], []
    for number, feature in enumerate(features[:NOTICES_MAX]):
        try:
            found.append(_feature(feature, number, from_utc, until_utc))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            right = "a Polygon without holes; properties name, bottom_m, top_m"
            faults.append(Fault(f"feature {number}", "cannot be read", right))
    if not features:
        faults.append(Fault("geojson", "has no features"))
    if faults:
        raise InputError(faults)
    return tuple(found)


def _feature(
    feature: Mapping[str, object], number: int, from_utc: datetime, until_utc: datetime
) -> NoFlyNotice:
    geometry, properties = feature["geometry"], feature.get("properties") or {}
    if not isinstance(geometry, Mapping) or not isinstance(properties, Mapping):
        raise TypeError(geometry)
    rings = geometry["coordinates"]
    if geometry["type"] != "Polygon" or len(rings) != 1:
        raise ValueError(geometry["type"])
    ring = tuple((float(c[0]), float(c[1])) for c in rings[0])
    return NoFlyNotice(
        id="",
        name=str(properties.get("name") or f"area {number + 1}")[:100],
        ring=ring[:-1] if ring[0] == ring[-1] else ring,
        from_utc=from_utc,
        until_utc=until_utc,
        bottom_m=float(properties.get("bottom_m") or 0.0),
        top_m=float(properties.get("top_m") or 1.0e4),
    )
