"""CAP alerts become drafts; what cancels, replaces or ends them withdraws these."""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from patrolctl.clock import Clock
from patrolctl.control.announcing.announcements import Announcements
from patrolctl.control.announcing.areas import touched
from patrolctl.control.announcing.library import Library
from patrolctl.domain.announcements import Content, Wording
from patrolctl.domain.cap import (
    CapAlert,
    CapInfo,
    CapMsgType,
    CapOutcome,
    CapRecord,
    CapResult,
    CapStatus,
)
from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.ports.announcements import AlertStore

log = logging.getLogger(__name__)

# CAP leaves it to the recipient how long an alert without expires holds.
DEFAULT_VALID = timedelta(hours=24)
LONGEST_TEXT = 1800
_SENTENCE_END = "。！？.!?…"
Read = Callable[[bytes, str], CapAlert]


@dataclass(frozen=True, slots=True)
class AlertRules:
    """Which alerts are taken."""

    statuses: frozenset[CapStatus] = frozenset({CapStatus.ACTUAL})


class Alerts:
    """Takes CAP messages, each once.

    Args:
        library: the sites.
        announcements: where drafts are written and withdrawn.
        store: what was taken before.
        clock: the time.
        read: reads a document.
        rules: which are taken.
    """

    def __init__(
        self,
        library: Library,
        announcements: Announcements,
        store: AlertStore,
        clock: Clock,
        read: Read,
        rules: AlertRules = AlertRules(),
    ) -> None:
        self._library = library
        self._announcements = announcements
        self._store = store
        self._clock = clock
        self._read = read
        self._rules = rules
        self._taken: dict[str, CapRecord] = {}
        self._turn = asyncio.Lock()
        self.source_fault: str | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Alerts"]:
        """Load what was taken before."""
        for record in await self._store.alerts():
            self._taken[record.alert.name.key] = record
        yield self

    @property
    def taken(self) -> tuple[CapRecord, ...]:
        """Everything that was taken, newest first."""
        return tuple(reversed(self._taken.values()))

    async def take(self, raw: bytes, source: str, actor: str) -> CapOutcome:
        """Take a document.

        Raises:
            InputError: it is no CAP 1.2, or says nothing that can be spoken.
        """
        alert = await asyncio.to_thread(self._read, raw, source)
        async with self._turn:
            if (before := self._taken.get(alert.name.key)) is not None:
                return replace(before.outcome, why="was taken before")
            outcome = await self._do(alert, actor)
            record = CapRecord(alert, outcome, self._clock.utc(), source)
            await self._store.keep_alert(record)
            self._taken[alert.name.key] = record
            log.info("alert %s: %s, %s", outcome.key, outcome.result, outcome.why)
            return outcome

    async def _do(self, alert: CapAlert, actor: str) -> CapOutcome:
        if (why := self._not_for_us(alert)) is not None:
            return CapOutcome(alert.name.key, CapResult.IGNORED, why)
        withdrawn = await self._withdraw(alert)
        if alert.msg_type is CapMsgType.CANCEL:
            result = CapResult.WITHDRAWN if withdrawn else CapResult.IGNORED
            why = "cancelled" if withdrawn else "nothing here was made of what it ends"
            return CapOutcome(alert.name.key, result, why, withdrawn=withdrawn)
        outcome = await self._draft(alert, actor)
        if withdrawn and outcome.result is CapResult.IGNORED:
            outcome = replace(outcome, result=CapResult.WITHDRAWN)
        return replace(outcome, withdrawn=withdrawn)

    def _not_for_us(self, alert: CapAlert) -> str | None:
        if alert.status not in self._rules.statuses:
            taken = ", ".join(sorted(self._rules.statuses))
            return f"its status is {alert.status}, taken is {taken}"
        if alert.scope != "Public":
            return f"its scope is {alert.scope}: loudspeakers are public"
        if alert.msg_type in {CapMsgType.ACK, CapMsgType.ERROR}:
            return f"it is an {alert.msg_type}"
        strangers = {r.sender for r in alert.references} - {alert.name.sender}
        if strangers:
            return f"it refers to alerts of {min(strangers)}, not its own"
        for record in self._taken.values():
            ends = {r.key for r in record.alert.references}
            counted = record.outcome.result is not CapResult.IGNORED
            cancels = record.alert.msg_type is CapMsgType.CANCEL
            if alert.name.key in ends and (counted or cancels):
                # It came late: what ends it was here before it.
                return f"{record.alert.name.identifier} has ended it already"
        return None

    async def _withdraw(self, alert: CapAlert) -> tuple[str, ...]:
        verb = "cancelled" if alert.msg_type is CapMsgType.CANCEL else "replaced"
        why = f"{verb} by the alert {alert.name.identifier}"
        gone = []
        for reference in alert.references:
            for stored in self._announcements.of_alert(reference.key):
                await self._announcements.withdraw(stored.id, alert.name.sender, why)
                gone.append(str(stored.id))
        return tuple(gone)

    # -- drafts

    async def _draft(self, alert: CapAlert, actor: str) -> CapOutcome:
        key = alert.name.key
        areas = tuple(a for i in alert.infos for a in i.areas)
        located = any(a.polygons or a.circles for a in areas)
        sites = [touched(s, areas) for s in self._library.sites.values()]
        places = tuple(text for found in sites for text in found)
        if located and not places:
            why = "its area touches none of the sites"
            return CapOutcome(key, CapResult.IGNORED, why)
        if not located:
            texts = dict.fromkeys(a.text for a in areas)
            places = tuple(f"no polygon: {text}" for text in texts) or ("no area",)
        made: list[str] = []
        reasons: list[str] = []
        for number, infos in enumerate(_groups(alert.infos), start=1):
            content, left = await self._content(alert, infos)
            reasons += left
            if content is None:
                continue
            stored = await self._announcements.create(
                _id_of(key, alert.name.identifier, number),
                content,
                f"{alert.name.sender} (CAP, taken by {actor})",
                alert=key,
                areas=places,
            )
            made.append(stored.id)
        why = "; ".join(dict.fromkeys(reasons)) or "a draft to approve"
        result = CapResult.DRAFTED if made else CapResult.IGNORED
        return CapOutcome(key, result, why, tuple(made), areas=places)

    async def _content(
        self, alert: CapAlert, infos: tuple[CapInfo, ...]
    ) -> tuple[Content | None, list[str]]:
        """What is said in the languages that can be, and what was left out."""
        wordings: list[Wording] = []
        left: list[str] = []
        for info in infos:
            # Braces are no fields here.
            text = spoken_text(info).replace("{", "{{").replace("}", "}}")
            wording = Wording(info.lang, text)
            try:
                await self._announcements.check(Content("", (wording,)))
                wordings.append(wording)
            except (InputError, SpeechFailed) as e:
                left.append(f"{info.lang} is left out: {e}".replace("\n", "; "))
        ends = [i.expires_utc for i in infos if i.expires_utc is not None]
        until = min(ends) if ends else alert.name.sent_utc + DEFAULT_VALID
        if until <= self._clock.utc():
            return None, [f"it expired at {until:%Y-%m-%d %H:%M} UTC"]
        if not wordings:
            return None, left
        starts = [i.effective_utc for i in infos if i.effective_utc is not None]
        begin = min(starts) if starts else None
        return (
            Content(
                title=(infos[0].headline or infos[0].event)[:200],
                wordings=tuple(wordings),
                valid_from_utc=begin if begin is not None and begin < until else None,
                valid_until_utc=until,
            ),
            left,
        )


def _groups(infos: tuple[CapInfo, ...]) -> list[tuple[CapInfo, ...]]:
    """One announcement holds one info a language; the next ones another."""
    groups: list[dict[str, CapInfo]] = []
    for info in infos:
        group = next((g for g in groups if info.lang not in g), None)
        if group is None:
            group = {}
            groups.append(group)
        group[info.lang] = info
    return [tuple(g.values()) for g in groups]


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    if not text or text[-1] in _SENTENCE_END:
        return text
    return text + ("。" if any("一" <= c <= "鿿" for c in text) else ".")


def spoken_text(info: CapInfo) -> str:
    """Headline, description and instruction; without the middle when too long."""
    head, body, act = (
        _sentence(t)
        for t in (info.headline or info.event, info.description, info.instruction)
    )
    for parts in ((head, body, act), (head, act), (head,)):
        text = " ".join(p for p in parts if p)
        if len(text) <= LONGEST_TEXT:
            return text
    return head[:LONGEST_TEXT]


def _id_of(key: str, identifier: str, number: int) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", identifier).strip("-")[-30:].strip("-")
    tail = hashlib.sha256(key.encode()).hexdigest()[:8]
    return "-".join(p for p in ("cap", plain, tail, str(number)) if p)
