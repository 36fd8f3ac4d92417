"""Sites and missions."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Response

from patrolctl.domain.brief import Brief
from patrolctl.domain.site import Site
from patrolctl.sites import site_geojson
from patrolctl.web.answers import (
    Center,
    FeatureCollection,
    MissionHead,
    SiteHead,
    json,
)
from patrolctl.web.services import WebServices, services

router = APIRouter(tags=["places"])
Services = Annotated[WebServices, Depends(services)]


def site_bounds(site: Site) -> tuple[float, float, float, float]:
    """West, south, east, north of everything on the site."""
    corners = [b.footprint.bounds for b in site.buildings]
    corners += [z.area.bounds for z in site.zones]
    corners += [r.line.bounds for r in site.roads]
    corners += [] if site.geofence is None else [site.geofence.bounds]
    if not corners:
        origin = site.frame.origin
        return origin.lon_deg, origin.lat_deg, origin.lon_deg, origin.lat_deg
    lows = np.min([c[:2] for c in corners], axis=0)
    highs = np.max([c[2:] for c in corners], axis=0)
    (south, west), (north, east) = site.frame.to_latlon_deg(np.array([lows, highs]))
    return float(west), float(south), float(east), float(north)


def site_head(site: Site) -> SiteHead:
    """A site in numbers."""
    west, south, east, north = site_bounds(site)
    return SiteHead(
        id=site.id,
        name=site.name,
        buildings=len(site.buildings),
        households=sum(b.households or 0 for b in site.buildings),
        center=Center(lat_deg=(south + north) / 2, lon_deg=(west + east) / 2),
        bounds=(west, south, east, north),
        warnings=site.warnings,
    )


@router.get("/sites", response_model=list[SiteHead])
async def list_sites(by: Services) -> Response:
    """All sites."""
    return json([site_head(s) for s in by.library.sites.values()])


@router.get("/sites/{site_id}", response_model=FeatureCollection)
async def get_site(site_id: str, by: Services) -> Response:
    """One site as GeoJSON."""
    return json(site_geojson(by.library.site(site_id)))


def mission_head(mission_id: str, brief: Brief) -> MissionHead:
    """A mission by the names of its parts."""
    return MissionHead(
        id=mission_id,
        name=brief.name,
        site_id=brief.site.id,
        announcements=tuple(a.id for a in brief.announcements),
        vehicles=tuple(v.id for v in brief.fleet),
        schedules=tuple(s.id for s in brief.schedules),
        defaults=brief.defaults,
    )


@router.get("/missions", response_model=list[MissionHead])
async def list_missions(by: Services) -> Response:
    """All missions."""
    return json([mission_head(i, b) for i, b in by.library.briefs.items()])
