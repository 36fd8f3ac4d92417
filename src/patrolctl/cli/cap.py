"""``patrolctl cap``: look at an alert, or give it to the service."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import click

from patrolctl.cli.output import emit, tell
from patrolctl.domain.cap import CapAlert
from patrolctl.domain.errors import InputError, PatrolError
from patrolctl.domain.jsondoc import encode
from patrolctl.formats.cap import read_cap

TIMEOUT_S = 30.0


@click.group(name="cap")
def command() -> None:
    """Alerts of the Common Alerting Protocol, CAP 1.2."""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        what = f"cannot be read ({e.strerror or e})"
        raise InputError.one(str(path), what, "a CAP 1.2 file") from None


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The alert as JSON on stdout.")
def check(file: Path, as_json: bool) -> None:
    """Read FILE and print what it says; faults are told one a line."""
    alert = read_cap(_read(file), str(file))
    _told(alert)
    if as_json:
        emit(encode(alert))


def _told(alert: CapAlert) -> None:
    name = alert.name
    tell(f"{alert.msg_type} {name.identifier} of {name.sender}, {name.sent_utc}")
    tell(f"status {alert.status}, scope {alert.scope}")
    for reference in alert.references:
        tell(f"about {reference.identifier} of {reference.sender}")
    for info in alert.infos:
        until = f", until {info.expires_utc}" if info.expires_utc else ""
        tell(f"{info.lang}: {info.headline or info.event}{until}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON on stdout.")
def take(file: Path, url: str, as_json: bool) -> None:
    """Give FILE to the running service, which drafts announcements of it.

    Where operators are configured, PATROLCTL_KEY is the access key to send.
    """
    raw = _read(file)
    read_cap(raw, str(file))  # a fault is told here, with the file's name
    outcome = _sent(raw, file.name, url)
    tell(f"{outcome['result']}: {outcome['why']}")
    for name in (*outcome["announcements"], *outcome["withdrawn"]):
        tell(f"announcement {name}")
    if as_json:
        emit(json.dumps(outcome, ensure_ascii=False).encode())


def _sent(raw: bytes, name: str, url: str) -> dict[str, list[str]]:
    if not url.startswith(("http://", "https://")):
        raise InputError.one("--url", f"is {url[:60]!r}", "http://host:port")
    query = urllib.parse.urlencode({"name": name[:100]})
    headers = {"Content-Type": "application/cap+xml"}
    if key := os.environ.get("PATROLCTL_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(
        f"{url.rstrip('/')}/api/v1/cap?{query}", raw, headers
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            found: dict[str, list[str]] = json.load(answer)
            return found
    except urllib.error.HTTPError as e:
        detail = _detail(e.read())
        raise InputError.one(url, f"refused it ({e.code}): {detail}") from None
    except (OSError, ValueError) as e:
        raise PatrolError(
            f"{url}: no answer ({e}); is patrolctl serve running?"
        ) from None


def _detail(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["detail"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
