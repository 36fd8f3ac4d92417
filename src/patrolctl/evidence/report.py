"""Reports of a run's evidence: JSON, CSV, GeoJSON and a page for people.

Every report carries the digest of the same document, so that any of them
can be held against the JSON later, and the JSON carries the service's
signature. The document's bytes are those of RFC 8785.
"""

import csv
import hashlib
import io
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import shapely

from patrolctl.domain.errors import InputError
from patrolctl.domain.evidence import Evidence, TrackPoint
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.plan import Plan, Requirement
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Playback
from patrolctl.evidence.canonical import canonical
from patrolctl.evidence.page import Page
from patrolctl.evidence.signing import Signature, Signer, fingerprint_of
from patrolctl.evidence.tally import (
    Comparison,
    FloorCount,
    ReasonCount,
    ZoneCount,
    compare,
    floors_of,
    reasons_of,
    zone_classes,
    zones_of,
)

Format = Literal["json", "csv", "geojson", "html"]
FORMATS: tuple[Format, ...] = ("json", "csv", "geojson", "html")


@dataclass(frozen=True, slots=True)
class Report:
    """The document that the digest is of."""

    run_id: str
    plan_id: str
    plan_sha256: str
    site_id: str
    site_name: str
    site_sha256: str
    created_utc: datetime
    requirement: Requirement
    evidence: Evidence
    comparison: Comparison
    floors: tuple[FloorCount, ...]
    zones: tuple[ZoneCount, ...]
    reasons: tuple[ReasonCount, ...]
    playbacks: tuple[Playback, ...] = ()
    format: Literal["patrolctl.evidence/2"] = "patrolctl.evidence/2"

    def document(self) -> bytes:
        """The canonical bytes (RFC 8785) that are digested and signed."""
        return canonical(json.loads(encode(self)))

    def digest(self) -> str:
        """sha256 over the canonical document, hex."""
        return hashlib.sha256(self.document()).hexdigest()


@dataclass(frozen=True, slots=True)
class _File:
    """A report with digest and signature, as the JSON file holds it."""

    digest_sha256: str
    signature: Signature | None
    report: Report


@dataclass(frozen=True, slots=True)
class Verified:
    """A report that is what it was when it was written."""

    report: Report
    digest_sha256: str
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything that goes into a report."""

    evidence: Evidence
    plan: Plan
    site: Site
    playbacks: tuple[Playback, ...] = ()
    tracks: tuple[TrackPoint, ...] = field(default=())

    def report(self) -> Report:
        """The document, without the track."""
        classes = zone_classes(self.plan, self.site)
        return Report(
            run_id=self.evidence.run_id,
            plan_id=self.evidence.plan_id,
            plan_sha256=hashlib.sha256(encode(self.plan)).hexdigest(),
            site_id=self.site.id,
            site_name=self.site.name,
            site_sha256=self.site.sha256,
            created_utc=self.evidence.created_utc,
            requirement=self.plan.requirement,
            evidence=self.evidence,
            comparison=compare(self.plan, self.evidence),
            floors=floors_of(self.evidence),
            zones=zones_of(self.evidence, classes),
            reasons=reasons_of(self.evidence),
            playbacks=self.playbacks,
        )


def render(dossier: Dossier, form: Format, signer: Signer | None = None) -> bytes:
    """One report file.

    Args:
        dossier: the evidence of a run and what it is about.
        form: ``json``, ``csv``, ``geojson`` or ``html``.
        signer: who vouches for it; None: the report is not signed.

    Raises:
        InputError: evidence and plan do not belong together.
    """
    ours = [r.id for r in dossier.plan.receivers]
    if ours != [r.id for r in dossier.evidence.receivers]:
        raise InputError.one(
            f"evidence of run {dossier.evidence.run_id}",
            "has other receivers than its plan",
            "the plan that the run followed",
        )
    report = dossier.report()
    document = report.document()
    digest = hashlib.sha256(document).hexdigest()
    signature = None if signer is None else signer.sign(document)
    match form:
        case "json":
            return encode(_File(digest, signature, report), indent=1) + b"\n"
        case "csv":
            return _csv(dossier)
        case "geojson":
            return _geojson(dossier, digest)
        case "html":
            return Page(
                dossier.evidence,
                dossier.plan,
                dossier.site,
                dossier.tracks,
                (report.comparison, report.zones, report.reasons),
            ).html(digest, signature)


def verify(raw: bytes, *, source: str, public_key: str | None = None) -> Verified:
    """Read a JSON report and hold digest and signature against it.

    Args:
        raw: the file.
        source: its name, for faults.
        public_key: the key (hex) that it must be signed with; None: whatever
            key it names, or none.

    Raises:
        InputError: no report, changed since it was written, not signed, or
            signed by somebody else.
    """
    file = decode(raw, _File, source=source)
    document = _as_written(raw)
    digest = hashlib.sha256(document).hexdigest()
    if file.digest_sha256 != digest or file.report.document() != document:
        raise InputError.one(
            source,
            "its digest does not fit: it was changed after it was written",
            f"sha256 {file.digest_sha256[:16]}…, and it has {digest[:16]}…",
        )
    fault = _signature_fault(file.signature, document, public_key)
    if fault is not None:
        raise InputError.one(source, *fault)
    return Verified(file.report, digest, file.signature)


def _as_written(raw: bytes) -> bytes:
    """The document as it stands in the file, fields unknown to us included."""
    try:
        return canonical(json.loads(raw)["report"])
    except ValueError:
        return b""


def _signature_fault(
    signature: Signature | None, document: bytes, public_key: str | None
) -> tuple[str, str] | None:
    """What is wrong with a signature, and what would be right."""
    if signature is None:
        if public_key is None:
            return None
        return "is not signed", f"a signature by {fingerprint_of(public_key)}"
    if not signature.fits(document):
        return (
            "its signature does not fit: it was changed after it was signed",
            f"a signature by {signature.fingerprint} of this very document",
        )
    if public_key is not None and signature.public_key != public_key.lower():
        return (
            f"is signed by somebody else ({signature.fingerprint})",
            f"a signature by {fingerprint_of(public_key)}",
        )
    return None


def _plain(text: str | None) -> str:
    """Text for a spreadsheet: never a formula, whatever the site calls it."""
    if text is None:
        return ""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text[:1] else text


def _csv(dossier: Dossier) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["receiver", "building", "household", "floor", "zone_class", "lat_deg",
         "lon_deg", "up_m", "reached", "planned", "messages", "sti", "sti_planned",
         "level_db", "level_planned_db", "reason"]
    )  # fmt: skip
    classes = zone_classes(dossier.plan, dossier.site)
    rows = zip(dossier.plan.receivers, dossier.evidence.receivers, classes, strict=True)
    for p, r, zone in rows:
        writer.writerow(
            [_plain(r.id), _plain(r.building_id), _plain(r.household), r.floor, zone,
             p.lat_deg, p.lon_deg, p.up_m, int(r.reached), int(r.planned), r.messages,
             r.sti, p.sti, r.level_db, p.level_db, _plain(r.reason)]
        )  # fmt: skip
    return out.getvalue().encode()


def _geojson(dossier: Dossier, digest: str) -> bytes:
    features: list[dict[str, object]] = []
    counts = {b.building_id: b for b in dossier.evidence.buildings}
    for b in dossier.site.buildings:
        shape = shapely.transform(
            b.footprint, lambda en: dossier.site.frame.to_latlon_deg(en)[:, ::-1]
        )
        count = counts.get(b.id)
        features.append(
            {
                "type": "Feature",
                "id": b.id,
                "geometry": json.loads(
                    shapely.to_geojson(shapely.set_precision(shape, 1e-7))
                ),
                "properties": {
                    "kind": "building",
                    "name": b.name,
                    "height_m": b.height_m,
                    "receivers": count.receivers if count else 0,
                    "reached": count.reached if count else 0,
                },
            }
        )
    for p, r in zip(dossier.plan.receivers, dossier.evidence.receivers, strict=True):
        features.append(
            {
                "type": "Feature",
                "id": r.id,
                "geometry": {
                    "type": "Point",
                    "coordinates": [*np.round([p.lon_deg, p.lat_deg], 7), p.up_m],
                },
                "properties": {
                    "kind": "receiver",
                    "building": r.building_id,
                    "household": r.household,
                    "floor": r.floor,
                    "reached": r.reached,
                    "planned": r.planned,
                    "messages": r.messages,
                    "sti": r.sti,
                    "level_db": r.level_db,
                    "reason": r.reason,
                },
            }
        )
    document = {
        "type": "FeatureCollection",
        "run_id": dossier.evidence.run_id,
        "digest_sha256": digest,
        "features": features,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"
