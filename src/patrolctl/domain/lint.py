"""What a lint tells about an announcement before anybody hears it."""

from dataclasses import dataclass
from enum import StrEnum


class LintRule(StrEnum):
    """What is looked at; a stable slug."""

    LENGTH = "length"
    DIGITS = "digits"
    SCRIPT = "script"
    LATIN = "latin"
    RATE = "rate"
    FIELD = "field"
    LANGUAGE = "language"
    TEXT = "text"


class LintLevel(StrEnum):
    """FAULT cannot be said; WARN is better changed; NOTE is to be known."""

    FAULT = "fault"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding; ``text`` counts the texts from 0, None: the whole.

    ``start`` and ``end`` are characters of the text as it was written.
    ``says`` is what the voice makes of it.
    """

    rule: LintRule
    level: LintLevel
    what: str
    right: str = ""
    text: int | None = None
    lang: str | None = None
    start: int | None = None
    end: int | None = None
    says: str | None = None


@dataclass(frozen=True, slots=True)
class LintText:
    """One text in figures; a syllable of Chinese is a character."""

    lang: str
    syllables: int
    speech_s: float
    syllables_s: float


@dataclass(frozen=True, slots=True)
class Lint:
    """The whole: ``measured`` says that the length is that of the real clip.

    ``duration_s`` is said once, ``total_s`` with all repeats.
    """

    duration_s: float
    total_s: float
    measured: bool
    texts: tuple[LintText, ...]
    findings: tuple[LintFinding, ...]
