"""Time zones by the names that calendars give them."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Calendar
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON


def zone_name(tzid: str, calendar: Calendar) -> str | None:
    """The IANA name of a TZID; None where nothing tells it.

    IANA names, also with a prefix such as ``/mozilla.org/20050126_1/``;
    Windows names, as Outlook writes; and zones of the file's own that say
    where they are.
    """
    for name in (tzid, WINDOWS_TO_OLSON.get(tzid, ""), _tail(tzid)):
        if _is_zone(name):
            return name
    for zone in calendar.walk("VTIMEZONE"):
        if str(zone.get("TZID", "")) == tzid:
            for key in ("X-LIC-LOCATION", "X-MICROSOFT-CDO-TZID"):
                place = str(zone.get(key, ""))
                if _is_zone(place):
                    return place
    return None


def _tail(tzid: str) -> str:
    match = re.search(r"[A-Z][A-Za-z]+/[A-Z][\w+\-/]+$", tzid)
    return match[0] if match else ""


def _is_zone(name: str) -> bool:
    if not name:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
