"""Asks a configured address for CAP alerts, on a cadence."""

import asyncio
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO

from patrolctl import __version__
from patrolctl.clock import Clock
from patrolctl.control.announcing.cap import Alerts
from patrolctl.domain.errors import InputError, PatrolError
from patrolctl.formats.cap import LARGEST_BYTES, links_of

log = logging.getLogger(__name__)

TIMEOUT_S = 15.0
MOST_SEEN = 10_000


@dataclass(frozen=True, slots=True)
class CapSource:
    """Where alerts are asked for, and how often (the clock's seconds)."""

    url: str
    every_s: float = 60.0


class _OnlyHttp(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the web only: never to files or ftp."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: object,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse what is no http."""
        if not newurl.startswith(("http://", "https://")):
            raise urllib.error.URLError(f"redirects to {newurl[:60]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type] # typeshed asks for HTTPMessage


def fetched(url: str) -> bytes:
    """The document at an address; blocks.

    Raises:
        InputError: no answer, or one that is too large.
    """
    agent = {"User-Agent": f"patrolctl/{__version__}"}
    opener = urllib.request.build_opener(_OnlyHttp)
    try:
        request = urllib.request.Request(url, headers=agent)
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            raw: bytes = answer.read(LARGEST_BYTES + 1)
    except (OSError, HTTPException, ValueError) as e:
        raise InputError.one(url, f"cannot be asked ({str(e)[:120]})") from None
    if len(raw) > LARGEST_BYTES:
        raise InputError.one(url, "is too large", f"at most {LARGEST_BYTES:,} bytes")
    return raw


class CapPoll:
    """Asks, takes what is new, and tells when it cannot.

    Args:
        source: whom to ask.
        alerts: takes what it says.
        clock: the cadence.
    """

    def __init__(self, source: CapSource, alerts: Alerts, clock: Clock) -> None:
        self._source = source
        self._alerts = alerts
        self._clock = clock
        self._seen: dict[str, None] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask()
            await self._clock.sleep(self._source.every_s)

    async def ask(self) -> None:
        """Ask once; a fault is logged when it begins and when it ends."""
        before = self._alerts.source_fault
        try:
            await self._take_all()
            self._alerts.source_fault = None
        except PatrolError as e:
            self._alerts.source_fault = str(e).replace("\n", "; ")
        after = self._alerts.source_fault
        if after is not None and after != before:
            log.warning("no alerts from %s: %s", self._source.url, after)
        if after is None and before is not None:
            log.info("alerts from %s come again", self._source.url)

    async def _take_all(self) -> None:
        url = self._source.url
        raw = await asyncio.to_thread(fetched, url)
        links = await asyncio.to_thread(links_of, raw, url)
        if links is None:
            await self._alerts.take(raw, url, "poll")
            return
        faults = []
        # Feeds tell the newest first; what ends an alert comes after it.
        for link in reversed([one for one in links if one not in self._seen]):
            try:
                document = await asyncio.to_thread(fetched, link)
                await self._alerts.take(document, link, "poll")
                self._saw(link)
            except InputError as e:
                faults += list(e.faults)[:1]
        if faults:
            raise InputError(faults)

    def _saw(self, link: str) -> None:
        self._seen[link] = None
        while len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
