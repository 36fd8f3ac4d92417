"""How high the sun stands."""

from datetime import UTC, datetime
from math import asin, atan2, cos, degrees, radians, sin

from patrolctl.geo.position import LatLon

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_elevation_deg(at: LatLon, when_utc: datetime) -> float:
    """The sun's centre above the horizon, without refraction.

    Good to 0.02° from 1950 to 2050.

    Source: The Astronomical Almanac, "Low precision formulas for the Sun's
    coordinates", section C.
    """
    days = (when_utc - J2000).total_seconds() / 86400.0
    mean_anomaly = radians(357.528 + 0.9856003 * days)
    longitude = radians(
        280.460
        + 0.9856474 * days
        + 1.915 * sin(mean_anomaly)
        + 0.020 * sin(2.0 * mean_anomaly)
    )
    tilt = radians(23.439 - 0.0000004 * days)
    declination = asin(sin(tilt) * sin(longitude))
    ascension = atan2(cos(tilt) * sin(longitude), cos(longitude))
    sidereal = radians(280.46062 + 360.98564737 * days + at.lon_deg)
    hour_angle = sidereal - ascension
    latitude = radians(at.lat_deg)
    return degrees(
        asin(
            sin(latitude) * sin(declination)
            + cos(latitude) * cos(declination) * cos(hour_angle)
        )
    )
