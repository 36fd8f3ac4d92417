"""``patrolctl evidence``: who was reached by a run, as a report.

The record is asked of the running service over its HTTP interface: the
service alone may have its database open, and a demo's lies in a scratch
folder that only it knows.
"""

import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click

from patrolctl.cli.output import emit, tell
from patrolctl.config import load_settings
from patrolctl.domain.errors import Conflict, InputError, LinkFailed, NotFound
from patrolctl.domain.evidence import Evidence, TrackPoint
from patrolctl.domain.jsondoc import decode
from patrolctl.domain.plan import Plan
from patrolctl.domain.sound import Playback
from patrolctl.evidence import FORMATS, Dossier, render, verify
from patrolctl.evidence.report import Format
from patrolctl.sites import parse_site

T = TypeVar("T")

TIMEOUT_S = 30.0
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class _Service:
    """A running service, asked for documents."""

    url: str

    def _get(self, path: str, what: tuple[str, str]) -> bytes:
        address = f"{self.url}/api/v1{path}"
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as e:
            if e.code == 404:
                raise NotFound(*what) from None
            raise Conflict(f"{address}: answered {e.code} {e.reason}") from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as e:
            why = getattr(e, "reason", e)
            raise LinkFailed(
                "service", f"cannot be reached at {self.url} ({why}); is it running?"
            ) from None

    def _ask(self, path: str, kind: type[T], what: tuple[str, str]) -> T:
        return decode(self._get(path, what), kind, source=f"{self.url}{path}")

    def dossier(self, run_id: str) -> Dossier:
        """Everything that a report is made of.

        Raises:
            NotFound: no such run, or it has no evidence yet.
            LinkFailed: nobody answers.
        """
        run = urllib.parse.quote(run_id, safe="")
        evidence = self._ask(f"/evidence/{run}", Evidence, ("evidence of run", run_id))
        plan_id = urllib.parse.quote(evidence.plan_id, safe="")
        plan = self._ask(f"/plans/{plan_id}", Plan, ("plan", evidence.plan_id))
        site_id = plan.site_id or ""
        raw = self._get(
            f"/sites/{urllib.parse.quote(site_id, safe='')}", ("site", site_id)
        )
        site = parse_site(raw, source=f"site {site_id}")
        about = ("run", run_id)
        return Dossier(
            evidence=evidence,
            plan=plan,
            # What is sent is the site written anew; the plan knows its digest.
            site=replace(site, id=site_id, sha256=plan.site_sha256),
            playbacks=self._ask(f"/runs/{run}/playbacks", tuple[Playback, ...], about),
            tracks=self._ask(f"/runs/{run}/track", tuple[TrackPoint, ...], about),
        )


def _format_of(output: Path) -> Format:
    ending = output.suffix.lstrip(".").lower()
    for form in FORMATS:
        if ending == form:
            return form
    raise InputError.one(
        str(output),
        "has no ending that names a format",
        ", ".join(f".{f}" for f in FORMATS),
    )


def _address(url: str | None, config: Path | None) -> str:
    if url is None:
        settings = load_settings(config)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"http://{host}:{settings.port}"
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError.one("--url", f"is {url!r}", "http://host:port")
    return url.rstrip("/")


def _summary(evidence: Evidence) -> str:
    s = evidence.summary
    return (
        f"run {evidence.run_id}: {s.reached} of {s.receivers} receivers reached"
        f" ({s.reachable} reachable), {s.households_reached} of {s.households}"
        f" households, {s.playbacks_complete} of {s.playbacks} playbacks complete"
    )


def _verified(file: Path) -> None:
    try:
        raw = file.read_bytes()
    except OSError as e:
        raise InputError.one(str(file), e.strerror or "cannot be read") from None
    report = verify(raw, source=str(file))
    tell(f"{file}: unchanged since it was written, sha256 {report.digest()}")
    tell(_summary(report.evidence))


@click.command()
@click.argument("run")
@click.option("-o", "--output", type=_FILE, help="report.json, .html, .csv, .geojson")
@click.option("--url", help="The service; default: where the settings put it.")
@click.option("--config", type=_FILE, help="The service's settings.")
@click.option("--verify", "check", is_flag=True, help="RUN is a JSON report: check it.")
@click.option("--json", "as_json", is_flag=True, help="The JSON report on stdout.")
def command(
    *,
    run: str,
    output: Path | None,
    url: str | None,
    config: Path | None,
    check: bool,
    as_json: bool,
) -> None:
    """Who was reached by RUN, told by its tracks and playbacks."""
    if check:
        _verified(Path(run))
        return
    form = None if output is None else _format_of(output)
    dossier = _Service(_address(url, config)).dossier(run)
    tell(_summary(dossier.evidence))
    if output is not None and form is not None:
        try:
            output.write_bytes(render(dossier, form))
        except OSError as e:
            raise InputError.one(
                str(output), e.strerror or "cannot be written"
            ) from None
        tell(f"wrote {output}")
    if as_json:
        emit(render(dossier, "json"))
