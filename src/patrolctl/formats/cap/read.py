"""CAP 1.2 messages, strictly: what is missing or odd is told with its place."""

import math
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from patrolctl.domain.cap import (
    CapAlert,
    CapArea,
    CapCircle,
    CapInfo,
    CapMsgType,
    CapReference,
    CapStatus,
)
from patrolctl.domain.errors import Fault, InputError
from patrolctl.formats.cap.xml import parsed
from patrolctl.sites.faults import shown

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
LARGEST_BYTES = 2 * 2**20
MOST_INFOS = 32
MOST_POINTS = 20_000
DEFAULT_LANGUAGE = "en-US"  # CAP 1.2, 3.2.2
_RIGHT = "a CAP 1.2 alert"
_SCOPES = {"Public", "Restricted", "Private"}


class _Reader:
    """Reads one document and collects what is wrong with it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []

    def fault(self, place: str, what: str, right: str = "") -> None:
        """Note a fault."""
        self.faults.append(Fault(f"{self.source}: {place}", what, right))

    def text(
        self, parent: Element, name: str, place: str, *, must: bool = False
    ) -> str:
        """The text of a child, its white space joined."""
        child = parent.find(f"{{{NAMESPACE}}}{name}")
        text = " ".join((child.text or "").split()) if child is not None else ""
        if must and not text:
            self.fault(f"{place}.{name}", "is missing", "CAP 1.2 requires it")
        return text

    def choice(self, parent: Element, name: str, place: str, known: set[str]) -> str:
        """The text of a child that has to be one of some."""
        text = self.text(parent, name, place, must=True)
        if text and text not in known:
            right = f"one of {', '.join(sorted(known))}"
            self.fault(f"{place}.{name}", f"is {shown(text)!r}", right)
        return text

    def moment(self, text: str, place: str) -> datetime | None:
        """A dateTime with its offset, as UTC."""
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        right = "such as 2026-01-05T09:00:00+08:00"
        self.fault(place, f"is {shown(text)!r}", right)
        return None

    def number(self, text: str, place: str, limit: float) -> float:
        """A number within ±``limit``; 0 and a fault where it is none."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not abs(value) <= limit:
            self.fault(place, f"{shown(text)!r} is no coordinate", f"within ±{limit:g}")
            return 0.0
        return value

    def point(self, text: str, place: str) -> tuple[float, float]:
        """``lat,lon`` in degrees."""
        lat, comma, lon = text.partition(",")
        if not comma:
            self.fault(place, f"{shown(text)!r} is no point", "lat,lon")
            return 0.0, 0.0
        return self.number(lat, place, 90.0), self.number(lon, place, 180.0)


def read_cap(raw: bytes, source: str) -> CapAlert:
    """Read one message.

    Raises:
        InputError: no CAP 1.2, or with faults; one line each.
    """
    root = parsed(raw, source, largest=LARGEST_BYTES, right=_RIGHT)
    if root.tag != f"{{{NAMESPACE}}}alert":
        what = f"begins with {shown(root.tag)!r}"
        raise InputError.one(source, what, f"alert in {NAMESPACE}")
    reader = _Reader(source)
    alert = _alert(root, reader)
    if reader.faults or alert is None:
        raise InputError(reader.faults)
    return alert


def _alert(root: Element, by: _Reader) -> CapAlert | None:
    identifier = _name(root, "identifier", by)
    sender = _name(root, "sender", by)
    sent = by.moment(by.text(root, "sent", "alert", must=True), "alert.sent")
    status = by.choice(root, "status", "alert", {s.value for s in CapStatus})
    kind = by.choice(root, "msgType", "alert", {m.value for m in CapMsgType})
    scope = by.choice(root, "scope", "alert", _SCOPES)
    references = _references(by.text(root, "references", "alert"), by)
    infos = root.findall(f"{{{NAMESPACE}}}info")
    if len(infos) > MOST_INFOS:
        by.fault("alert", f"has {len(infos)} infos", f"at most {MOST_INFOS}")
        infos = []
    read = tuple(_info(e, f"info[{n}]", by) for n, e in enumerate(infos))
    if kind in {"Update", "Cancel"} and not references:
        by.fault("alert.references", "is missing", f"what the {kind} is about")
    if kind in {"Alert", "Update"} and not read:
        by.fault("alert", "has no info", "at least one")
    if by.faults or sent is None:
        return None
    return CapAlert(
        name=CapReference(sender, identifier, sent),
        status=CapStatus(status),
        msg_type=CapMsgType(kind),
        scope=scope,
        references=references,
        infos=read,
    )


def _name(root: Element, name: str, by: _Reader) -> str:
    """An identifier or sender: no spaces, commas, ``<`` or ``&`` (3.2.1)."""
    text = by.text(root, name, "alert", must=True)
    odd = any(c in " ,<&" or not c.isprintable() for c in text)
    if odd or len(text) > 500:
        by.fault(f"alert.{name}", f"is {shown(text)!r}", "no space, comma, < or &")
    return text


def _references(text: str, by: _Reader) -> tuple[CapReference, ...]:
    found = []
    for number, triple in enumerate(text.split()):
        place = f"alert.references[{number}]"
        parts = triple.split(",")
        if len(parts) != 3 or not all(parts):
            by.fault(place, f"is {shown(triple)!r}", "sender,identifier,sent")
            continue
        sent = by.moment(parts[2], place)
        if sent is not None:
            found.append(CapReference(parts[0], parts[1], sent))
    return tuple(found)


def _info(info: Element, place: str, by: _Reader) -> CapInfo:
    areas = info.findall(f"{{{NAMESPACE}}}area")
    return CapInfo(
        lang=by.text(info, "language", place) or DEFAULT_LANGUAGE,
        event=by.text(info, "event", place, must=True),
        headline=by.text(info, "headline", place),
        description=by.text(info, "description", place),
        instruction=by.text(info, "instruction", place),
        effective_utc=by.moment(
            by.text(info, "effective", place), f"{place}.effective"
        ),
        expires_utc=by.moment(by.text(info, "expires", place), f"{place}.expires"),
        areas=tuple(_area(a, f"{place}.area[{n}]", by) for n, a in enumerate(areas)),
    )


def _area(area: Element, place: str, by: _Reader) -> CapArea:
    polygons = [e.text or "" for e in area.findall(f"{{{NAMESPACE}}}polygon")]
    circles = [e.text or "" for e in area.findall(f"{{{NAMESPACE}}}circle")]
    return CapArea(
        text=by.text(area, "areaDesc", place, must=True),
        polygons=tuple(_ring(t, f"{place}.polygon", by) for t in polygons),
        circles=tuple(_circle(t, f"{place}.circle", by) for t in circles),
    )


def _ring(text: str, place: str, by: _Reader) -> tuple[tuple[float, float], ...]:
    words = text.split()
    if len(words) > MOST_POINTS:
        by.fault(place, f"has {len(words):,} points", f"at most {MOST_POINTS:,}")
        return ()
    ring = tuple(by.point(word, place) for word in words)
    if len(ring) < 4 or ring[0] != ring[-1]:
        by.fault(place, "is no closed ring", "4 points or more, the last is the first")
    return ring


def _circle(text: str, place: str, by: _Reader) -> CapCircle:
    center, _, radius = text.strip().partition(" ")
    lat_deg, lon_deg = by.point(center, place)
    radius_km = by.number(radius or "-", place, 20_040.0)
    if radius_km < 0:
        by.fault(place, "has a radius below 0", "kilometres")
    return CapCircle(lat_deg, lon_deg, radius_km * 1000.0)
