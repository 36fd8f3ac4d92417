"""Announcements that are written, approved and withdrawn; versions stay.

``DRAFT → APPROVED → WITHDRAWN``. A change of an approved one makes a new
version, which is a draft again. Nothing is deleted: a run that was made of a
version can always be explained.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import accumulate

from patrolctl.domain.errors import Fault, InputError
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Utterance
from patrolctl.domain.templates import (
    FieldValue,
    Template,
    parse,
    value_faults,
    value_for,
)


class Standing(StrEnum):
    """Whether it may be said."""

    DRAFT = "draft"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class Origin(StrEnum):
    """Where it comes from."""

    MISSION = "mission"
    WRITTEN = "written"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's text, said ``times`` times before the next language."""

    lang: str
    text: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Content:
    """What is written, and what somebody else approves.

    ``wordings`` are spoken in their order; ``fields`` are the values that are
    approved with it, what they leave open is given with each plan.
    ``recording`` is the clip of an upload that is played instead.
    """

    title: str
    wordings: tuple[Wording, ...]
    fields: tuple[FieldValue, ...] = ()
    repeats: int = 1
    chime: bool = True
    pause_s: float = 0.6
    rate_wpm: int | None = None
    voice: str | None = None
    recording: str | None = None
    valid_from_utc: datetime | None = None
    valid_until_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredAnnouncement:
    """One version, and what became of it.

    ``alert`` is the key of the alert that it was made of; ``areas`` name the
    zones and buildings that the alert's area touches, by site.
    """

    id: AnnouncementId
    version: int
    content: Content
    written_by: str
    written_utc: datetime
    standing: Standing = Standing.DRAFT
    approved_by: str | None = None
    approved_utc: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_utc: datetime | None = None
    reason: str | None = None
    alert: str | None = None
    areas: tuple[str, ...] = ()

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return Origin.WRITTEN if self.alert is None else Origin.ALERT


def _place(announcement_id: str) -> str:
    return f"announcement {announcement_id}"


def _taken_apart(
    content: Content, place: str, faults: list[Fault]
) -> tuple[Template, ...]:
    return tuple(
        parse(w.text, f"{place}: text {number} ({w.lang})", faults)
        for number, w in enumerate(content.wordings, start=1)
    )


def content_faults(announcement_id: str, content: Content) -> list[Fault]:
    """What is wrong with the parts that no voice is needed to judge."""
    place = _place(announcement_id)
    faults: list[Fault] = []
    texts = _taken_apart(content, place, faults)
    if not content.wordings and content.recording is None:
        faults.append(Fault(place, "says nothing", "a text, or a recording"))
    known = [name for text in texts for name in text.fields]
    faults += value_faults(place, known, content.fields)
    start, end = content.valid_from_utc, content.valid_until_utc
    if start is not None and end is not None and end <= start:
        faults.append(Fault(f"{place}: valid_until_utc", "is not after valid_from_utc"))
    return faults


@dataclass(frozen=True, slots=True)
class Filled:
    """A content with its fields filled, for saying it or for judging it."""

    announcement: Announcement
    texts: tuple[Template, ...]
    values: tuple[dict[str, str], ...]
    faults: tuple[Fault, ...]
    missing: tuple[str, ...]

    def wording_of(self, utterance: int, content: Content) -> int:
        """The wording that an utterance comes from (repeated ones count)."""
        ends = list(accumulate(w.times for w in content.wordings))
        return next(n for n, end in enumerate(ends) if utterance < end)


def fill(
    announcement_id: str, content: Content, given: tuple[FieldValue, ...] = ()
) -> Filled:
    """Fill the fields; a field without a value says its own name.

    Args:
        announcement_id: its id.
        content: what was written.
        given: values for the fields that the content leaves open.
    """
    place = _place(announcement_id)
    faults = content_faults(announcement_id, content)
    texts = _taken_apart(content, place, [])
    fixed = {v.name for v in content.fields}
    for name in sorted({v.name for v in given} & fixed):
        what = "has a value that belongs to the announcement"
        faults.append(Fault(f"{place}: field {name}", what, "change the announcement"))
    given = tuple(v for v in given if v.name not in fixed)
    faults += value_faults(place, [n for t in texts for n in t.fields], given)
    utterances: list[Utterance] = []
    found: list[dict[str, str]] = []
    missing: dict[str, None] = {}
    for text, w in zip(texts, content.wordings, strict=True):
        values = {n: value_for(n, w.lang, content.fields + given) for n in text.fields}
        missing |= dict.fromkeys(n for n, v in values.items() if v is None)
        found.append({n: v for n, v in values.items() if v is not None})
        utterances += [Utterance(w.lang, text.filled(found[-1]))] * w.times
    announcement = Announcement(
        id=AnnouncementId(announcement_id),
        utterances=tuple(utterances),
        repeats=content.repeats,
        chime=content.chime,
        pause_s=content.pause_s,
        rate_wpm=content.rate_wpm,
        voice=content.voice,
        recording=content.recording,
    )
    return Filled(announcement, texts, tuple(found), tuple(faults), tuple(missing))


def spoken(
    announcement_id: str, content: Content, given: tuple[FieldValue, ...] = ()
) -> Announcement:
    """The announcement as it is said.

    Raises:
        InputError: a field without a value, or a value that nobody asks for
            or that was approved otherwise; one fault each.
    """
    filled = fill(announcement_id, content, given)
    place = _place(announcement_id)
    faults = filled.faults + tuple(
        Fault(f"{place}: field {name}", "has no value", "what is to be said there")
        for name in filled.missing
    )
    if faults:
        raise InputError(faults)
    return filled.announcement


def open_fields(content: Content) -> tuple[str, ...]:
    """The fields that have no value in one of the languages yet."""
    return fill("", content).missing


def to_say(
    stored: StoredAnnouncement, given: tuple[FieldValue, ...] = ()
) -> Announcement:
    """A version as it is said; raises InputError as :func:`spoken`."""
    return replace(spoken(stored.id, stored.content, given), version=stored.version)


def why_not(stored: StoredAnnouncement, now_utc: datetime) -> str | None:
    """Why it may not be said now; None: it may."""
    start, end = stored.content.valid_from_utc, stored.content.valid_until_utc
    name = _place(stored.id)
    if stored.standing is Standing.WITHDRAWN:
        tail = f": {stored.reason}" if stored.reason else ""
        return f"{name} was withdrawn by {stored.withdrawn_by}{tail}"
    if stored.standing is Standing.DRAFT:
        return f"{name} is a draft: version {stored.version} is not approved"
    if end is not None and now_utc >= end:
        return f"{name} was valid until {end:%Y-%m-%d %H:%M} UTC"
    if start is not None and now_utc < start:
        return f"{name} is valid from {start:%Y-%m-%d %H:%M} UTC on"
    return None


def changed(
    before: StoredAnnouncement, content: Content, actor: str, now_utc: datetime
) -> StoredAnnouncement:
    """The next version: a draft, whatever the one before was."""
    return StoredAnnouncement(
        id=before.id,
        version=before.version + 1,
        content=content,
        written_by=actor,
        written_utc=now_utc,
        alert=before.alert,
        areas=before.areas,
    )


def approved(
    before: StoredAnnouncement, actor: str, now_utc: datetime
) -> StoredAnnouncement:
    """The version, approved."""
    return replace(
        before, standing=Standing.APPROVED, approved_by=actor, approved_utc=now_utc
    )


def withdrawn(
    before: StoredAnnouncement, actor: str, now_utc: datetime, reason: str
) -> StoredAnnouncement:
    """The version, withdrawn."""
    return replace(
        before,
        standing=Standing.WITHDRAWN,
        withdrawn_by=actor,
        withdrawn_utc=now_utc,
        reason=reason,
    )
