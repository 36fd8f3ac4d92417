"""``patrolctl site``: import and check sites."""

import json
from pathlib import Path
from typing import Any

import click

from patrolctl.cli.output import emit, tell
from patrolctl.domain.errors import SiteError
from patrolctl.domain.site import Site
from patrolctl.sites import count_kinds, load_site

_FILE = click.Path(path_type=Path)


@click.group(name="site")
def command() -> None:
    """Import and check site files."""


@command.command("check")
@click.argument("site_file", metavar="SITE", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="one JSON document on stdout")
def check(site_file: Path, as_json: bool) -> None:
    """Validate SITE and print what is in it.

    Every fault is told in one line with the feature, the field, what is
    wrong and what would be right; then the exit code is 2.
    """
    try:
        site = load_site(site_file)
    except SiteError as e:
        if as_json:
            faults = [
                {"place": f.place, "what": f.what, "right": f.right} for f in e.faults
            ]
            _emit({"ok": False, "faults": faults})
        raise
    _report(site, site.warnings, as_json=as_json)


@command.command("import")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=_FILE)
@click.option("--area", type=_FILE, help="import only what lies in this polygon")
@click.option(
    "-o", "--output", required=True, type=_FILE, help="the site.geojson to write"
)
@click.option("--name", help="the site's name  [default: the first source's]")
@click.option("--json", "as_json", is_flag=True, help="one JSON document on stdout")
def import_(
    sources: tuple[Path, ...],
    area: Path | None,
    output: Path,
    name: str | None,
    as_json: bool,
) -> None:
    """Turn buildings and roads of SOURCE... into a site file.

    SOURCE is GeoJSON (height, height_m, floors, building:levels, ...),
    OpenStreetMap (.osm, .osm.gz, .osm.pbf), KML or KMZ. Everything that was
    repaired, merged, left out or assumed is told.
    """
    # Loads pyosmium, which a check does not need.
    from patrolctl.formats import import_site  # noqa: PLC0415

    title = name or sources[0].name.split(".")[0] or "imported"
    imported = import_site(sources, area=area, name=title)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(imported.raw)
    except OSError as e:
        what = f"cannot be written ({e.strerror or e})"
        raise SiteError.one(str(output), what, "a writable path") from None
    tell(f"{output}: written")
    _report(imported.site, imported.warnings, as_json=as_json)


def _report(site: Site, warnings: tuple[str, ...], *, as_json: bool) -> None:
    counts = count_kinds(site)
    for line in warnings:
        tell(f"warning: {line}")
    if as_json:
        households = [b.households for b in site.buildings if b.households is not None]
        _emit(
            {
                "ok": True,
                "id": site.id,
                "name": site.name,
                "sha256": site.sha256,
                "kinds": counts,
                "households": sum(households),
                "heights_assumed": sum(b.height_assumed for b in site.buildings),
                "warnings": list(warnings),
            }
        )
        return
    for kind, number in counts.items():
        if number:
            click.echo(f"{kind}: {number}")


def _emit(document: dict[str, Any]) -> None:
    emit(json.dumps(document, ensure_ascii=False).encode())
