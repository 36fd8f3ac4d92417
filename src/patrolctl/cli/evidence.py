"""``patrolctl evidence``: who was reached by a run, as a signed report.

The report is asked of the running service over its HTTP interface: the
service alone may have its database open and holds the key that signs; a
demo's lie in a scratch folder that only it knows.
"""

import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import click

from patrolctl.cli.output import emit, tell
from patrolctl.config import load_settings
from patrolctl.domain.errors import Conflict, InputError, LinkFailed, NotFound
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.jsondoc import decode
from patrolctl.evidence import FORMATS, Format, verify

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

    def evidence(self, run_id: str) -> Evidence:
        """Who was reached.

        Raises:
            NotFound: no such run, or it has no evidence yet.
            LinkFailed: nobody answers.
        """
        path = f"/evidence/{_quoted(run_id)}"
        raw = self._get(path, ("evidence of run", run_id))
        return decode(raw, Evidence, source=f"{self.url}{path}")

    def report(self, run_id: str, form: Format) -> bytes:
        """The signed report; raises as :meth:`evidence`."""
        path = f"/evidence/{_quoted(run_id)}/report.{form}"
        return self._get(path, ("evidence of run", run_id))

    def public_key(self) -> str:
        """The key (hex) that the service signs with; raises LinkFailed."""
        path = "/evidence/public-key"
        raw = self._get(path, ("public key of", self.url))
        return decode(raw, _Key, source=f"{self.url}{path}").public_key


@dataclass(frozen=True, slots=True)
class _Key:
    public_key: str


def _quoted(run_id: str) -> str:
    return urllib.parse.quote(run_id, safe="")


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


def _verified(file: Path, key: str | None) -> None:
    try:
        raw = file.read_bytes()
    except OSError as e:
        raise InputError.one(str(file), e.strerror or "cannot be read") from None
    found = verify(raw, source=str(file), public_key=key)
    tell(f"{file}: unchanged since it was written, sha256 {found.digest_sha256}")
    if found.signature is None:
        tell("it is not signed: whoever changed it could have made a new digest")
    else:
        known = "the key that was asked for" if key else "hold that against the service"
        tell(f"signed by {found.signature.fingerprint} ({known})")
    tell(_summary(found.report.evidence))


def _key_of(text: str | None, url: str | None) -> str | None:
    """The key to insist on: 64 hex digits, or the service's where one is named."""
    if text is not None:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
            raise InputError.one("--key", f"is {text[:20]!r}", "64 hex digits")
        return text.lower()
    return None if url is None else _Service(url).public_key()


@click.command()
@click.argument("run")
@click.option("-o", "--output", type=_FILE, help="report.json, .html, .csv, .geojson")
@click.option("--url", help="The service; default: where the settings put it.")
@click.option("--config", type=_FILE, help="The service's settings.")
@click.option("--verify", "check", is_flag=True, help="RUN is a JSON report: check it.")
@click.option("--key", help="With --verify: the public key (hex) it must be signed by.")
@click.option("--json", "as_json", is_flag=True, help="The JSON report on stdout.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    run: str,
    output: Path | None,
    url: str | None,
    config: Path | None,
    check: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """Who was reached by RUN, told by its tracks and playbacks.

    --verify holds a JSON report against its digest and signature; with --key,
    or --url of the service, also against the key that must have signed it.
    """
    if check:
        address = None if url is None else _address(url, config)
        _verified(Path(run), _key_of(key, address))
        return
    form = None if output is None else _format_of(output)
    service = _Service(_address(url, config))
    tell(_summary(service.evidence(run)))
    if output is not None and form is not None:
        try:
            output.write_bytes(service.report(run, form))
        except OSError as e:
            raise InputError.one(
                str(output), e.strerror or "cannot be written"
            ) from None
        tell(f"wrote {output}")
    if as_json:
        emit(service.report(run, "json"))
