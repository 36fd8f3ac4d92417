"""Texts that may be spoken, and those that are refused in one clear line."""

import re
import unicodedata

from patrolctl.domain.errors import Fault, InputError
from patrolctl.domain.sound import Announcement

LONGEST_TEXT = 2000  # characters of one language; about nine minutes of Mandarin
MOST_UTTERANCES = 24  # languages, each said several times
MOST_REPEATS = 100
LONGEST_PAUSE_S = 10.0

_MARKUP = re.compile(r"<[/!?]?[A-Za-z][^<>]*>|<[!?]|&[a-z]+;|&#x?[0-9a-fA-F]+;")
_ALLOWED_CONTROL = {"\n", "\r", "\t"}
# Private use, unassigned and surrogates come from damaged or binary input.
_DAMAGED = {"Cs", "Cn", "Co"}
_RUN = re.compile(r"(.{1,3}?)\1{39,}")


def _damage(text: str) -> str | None:
    """The first character that does not belong into text."""
    for place, char in enumerate(text, start=1):
        category = unicodedata.category(char)
        control = category == "Cc" and char not in _ALLOWED_CONTROL
        if control or category in _DAMAGED or char == "\ufffd":
            return f"holds U+{ord(char):04X} at character {place}, which is no text"
    return None


def _speakable(text: str) -> bool:
    return any(unicodedata.category(c)[0] in "LN" for c in text)


def text_fault(text: str) -> tuple[str, str] | None:
    """What is wrong with one text and what would be right; None: nothing."""
    if len(text) > LONGEST_TEXT:
        return (
            f"has {len(text):,} characters",
            f"at most {LONGEST_TEXT:,} for each language",
        )
    if not text.strip():
        return "is empty", "say something"
    damage = _damage(text)
    if damage:
        return damage, "plain text in UTF-8"
    if not _speakable(text):
        return "holds nothing that can be spoken", "words or numbers"
    return _odd(text)


def _odd(text: str) -> tuple[str, str] | None:
    """Text that is no sentence: markup, or one thing over and over."""
    markup = _MARKUP.search(text)
    if markup:
        return f"holds markup ({markup[0][:30]})", "plain text, it is read as it stands"
    run = _RUN.search(text)
    if run and _speakable(run[1]):
        return f"repeats {run[1]!r} {len(run[0]) // len(run[1])} times", "a sentence"
    return None


def check(announcement: Announcement) -> None:
    """Refuse an announcement that cannot be spoken.

    Raises:
        InputError: one fault for each text or setting that is wrong.
    """
    name = f"announcement {announcement.id}"
    faults = []
    if not announcement.utterances:
        faults.append(Fault(name, "has no text", "at least one language"))
    if len(announcement.utterances) > MOST_UTTERANCES:
        count = len(announcement.utterances)
        faults.append(Fault(name, f"has {count} texts", f"at most {MOST_UTTERANCES}"))
    if not 0 <= announcement.pause_s <= LONGEST_PAUSE_S:
        faults.append(
            Fault(
                name,
                f"pause_s {announcement.pause_s} is out of range",
                f"0 to {LONGEST_PAUSE_S:g}",
            )
        )
    if not 1 <= announcement.repeats <= MOST_REPEATS:
        faults.append(
            Fault(name, f"repeats {announcement.repeats} times", f"1 to {MOST_REPEATS}")
        )
    for number, utterance in enumerate(announcement.utterances, start=1):
        fault = text_fault(utterance.text)
        if fault:
            faults.append(Fault(f"{name}: text {number} ({utterance.lang})", *fault))
    if faults:
        raise InputError(faults)
