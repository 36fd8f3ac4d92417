"""Which voice speaks which language, and how fast."""

import re
from dataclasses import dataclass
from pathlib import Path

from patrolctl.domain.errors import InputError, SpeechFailed


@dataclass(frozen=True, slots=True)
class Voice:
    """An espeak-ng voice and what its speech should look like.

    ``lang`` is the primary language that normalisation goes by. ``rate_wpm``
    is the default: slow, since the listeners who matter most are old and far
    away (Mandarin 3.2 syllables/s, English 130 words/min).
    """

    lang: str
    name: str
    rate_wpm: int


_VOICES = {
    "zh": Voice("zh", "cmn", 160),
    "cmn": Voice("zh", "cmn", 160),
    "yue": Voice("yue", "yue", 160),
    "en": Voice("en", "en", 140),
    "en-us": Voice("en", "en-us", 140),
}
# Regions where written Chinese is read aloud in Cantonese.
_CANTONESE = {"zh-hk", "zh-mo", "zh-yue"}
# espeak-ng lists these but cannot read their script: it says "Chinese letter"
# for every kanji.
_CANNOT_READ = {"ja"}
_DEFAULT_RATE_WPM = 150
SLOWEST_WPM, FASTEST_WPM = 80, 300

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")
_VOICE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,30}(?:\+[A-Za-z0-9]{1,20})?")
_VARIANT = re.compile(r"\+[A-Za-z0-9]{1,20}")


def voice_for(lang: str, data_dir: Path) -> Voice:
    """The voice of a BCP 47 tag.

    Args:
        lang: such as ``zh``, ``zh-CN``, ``yue``, ``en``, ``de``.
        data_dir: espeak-ng's data, to look other languages up in.

    Raises:
        InputError: no language tag.
        SpeechFailed: there is no voice for it.
    """
    if not _TAG.fullmatch(lang):
        raise InputError.one(
            f"language {lang[:40]!r}", "is no language tag", "such as zh, yue or en"
        )
    tag = lang.lower()
    primary = tag.split("-")[0]
    if tag in _CANTONESE or tag.startswith("zh-hant-hk"):
        return _VOICES["yue"]
    known = _VOICES.get(tag) or _VOICES.get(primary)
    if known:
        return known
    if primary not in _CANNOT_READ and (data_dir / f"{primary}_dict").is_file():
        return Voice(primary, primary, _DEFAULT_RATE_WPM)
    raise SpeechFailed(
        f"there is no voice for language {lang}; zh, yue and en are ready, "
        "or upload a recording"
    )


def with_choice(voice: Voice, choice: str | None, rate_wpm: int | None) -> Voice:
    """The voice with an announcement's own voice and rate.

    Args:
        voice: the language's.
        choice: an espeak-ng voice (``en-us``), or a variant added to each
            language's voice (``+f3``); None: the default.
        rate_wpm: None: the default.

    Raises:
        InputError: no such name, or a rate that nobody understands.
    """
    name = voice.name
    if choice is not None:
        if _VARIANT.fullmatch(choice):
            name += choice
        elif _VOICE_NAME.fullmatch(choice):
            name = choice
        else:
            raise InputError.one(
                f"voice {choice[:40]!r}", "is no voice name", "such as en-us or +f3"
            )
    rate = voice.rate_wpm if rate_wpm is None else rate_wpm
    if not SLOWEST_WPM <= rate <= FASTEST_WPM:
        raise InputError.one(
            "rate_wpm", f"{rate} is not within {SLOWEST_WPM} and {FASTEST_WPM}"
        )
    return Voice(voice.lang, name, rate)
