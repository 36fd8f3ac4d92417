"""``patrolctl export``: plans for other ground stations."""

from collections.abc import Callable
from pathlib import Path

import click

from patrolctl.cli.output import tell
from patrolctl.config import load_settings
from patrolctl.domain.errors import InputError
from patrolctl.domain.jsondoc import decode
from patrolctl.domain.plan import Plan, Sortie
from patrolctl.formats import (
    megaphone_file,
    plan_geojson,
    qgc_plan,
    route_of,
    surroundings_of,
    wpml_kmz,
)
from patrolctl.sites import load_site, site_id_of

_FILE = click.Path(path_type=Path)


@click.command(name="export")
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.option(
    "--format",
    "format_",
    required=True,
    type=click.Choice(["qgc", "kmz", "geojson"]),
    help="QGroundControl .plan, DJI WPML .kmz, or GeoJSON",
)
@click.option("-o", "--output", required=True, type=_FILE, help="the file to write")
@click.option("--sortie", "sortie_id", metavar="ID", help="only this sortie")
@click.option(
    "--site", "site_file", type=_FILE, help="adds no-fly areas and rally points"
)
@click.option("--clip", type=_FILE, help="the announcement's WAV, for kmz")
def command(
    plan_file: Path,
    format_: str,
    output: Path,
    sortie_id: str | None,
    site_file: Path | None,
    clip: Path | None,
) -> None:
    """Write PLAN for another ground station.

    A .plan or .kmz holds one sortie. Of a plan with several, one file a
    sortie is written, OUT with the sortie's id before its suffix; with
    --sortie, OUT itself. GeoJSON holds all sorties in one file.
    """
    plan = _read_plan(plan_file)
    sorties = _chosen(plan, sortie_id, plan_file)
    if format_ == "geojson":
        _write(output, plan_geojson(plan, sorties))
        return
    encode = _qgc(plan, site_file) if format_ == "qgc" else _kmz(plan, clip)
    # All are encoded before the first is written: no half of an export.
    single = len(sorties) == 1
    files = {output if single else _numbered(output, s.id): encode(s) for s in sorties}
    if len(files) < len(sorties):
        what = "sortie ids that give the same file name"
        raise InputError.one(str(plan_file), what, "--sortie ID, one by one")
    for path, raw in files.items():
        _write(path, raw)


def _read_plan(path: Path) -> Plan:
    try:
        raw = path.read_bytes()
    except OSError as e:
        what = f"cannot be read ({e.strerror or e})"
        raise InputError.one(str(path), what, "a plan.json") from None
    return decode(raw, Plan, source=str(path))


def _chosen(plan: Plan, sortie_id: str | None, path: Path) -> tuple[Sortie, ...]:
    chosen = tuple(s for s in plan.sorties if sortie_id in (None, s.id))
    if not chosen:
        ids = ", ".join(s.id for s in plan.sorties)
        what = "has no sorties" if sortie_id is None else f"has no sortie {sortie_id}"
        raise InputError.one(str(path), what, f"one of {ids}" if ids else "")
    return chosen


def _qgc(plan: Plan, site_file: Path | None) -> Callable[[Sortie], bytes]:
    site = None if site_file is None else load_site(site_file)
    if site is None:
        tell("no --site: the file has no no-fly areas and no rally points")

    def encode(sortie: Sortie) -> bytes:
        route = route_of(plan, sortie)
        return qgc_plan(plan, route, surroundings_of(plan, route, site))

    return encode


def _kmz(plan: Plan, clip: Path | None) -> Callable[[Sortie], bytes]:
    sha256 = plan.announcement.clip_sha256
    if clip is None and sha256 is not None:
        cached = load_settings(None).clip_dir / f"{sha256}.wav"
        clip = cached if cached.is_file() else None
    audio = megaphone_file(sha256, clip)
    if audio.data is None:
        tell("no --clip: the file names the announcement but does not hold it")
    return lambda sortie: wpml_kmz(plan, route_of(plan, sortie), audio)


def _numbered(path: Path, sortie_id: str) -> Path:
    return path.with_name(f"{path.stem}-{site_id_of(sortie_id)}{path.suffix}")


def _write(path: Path, raw: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    except OSError as e:
        what = f"cannot be written ({e.strerror or e})"
        raise InputError.one(str(path), what, "a writable path") from None
    tell(f"{path}: written")
