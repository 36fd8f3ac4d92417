"""What a voice makes a mess of: foreign scripts, symbols, and some characters.

espeak-ng 1.52 has no Mandarin syllables jiong, qiong and xiong (兄, 胸, 穷 come
out as English letters) and reads a character that it does not know as
"Chinese letter". The characters of a text are asked of the voice itself, all
at once, with a Latin word between them that no character sounds like.
"""

import unicodedata
from dataclasses import dataclass

from patrolctl.audio.espeak import phonemes

_BETWEEN = "。qqq。"
_HAN = "CJK"
# What is said instead of a character that is not known, per voice.
_UNKNOWN = ("(en)", "@:11", "l'et@", "(ko)")
_MOST_KNOWN = 20_000
_SCRIPTS = {
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CYRILLIC": "Cyrillic",
    "GREEK": "Greek",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "THAI": "Thai",
    "DEVANAGARI": "Devanagari",
    "BOPOMOFO": "Bopomofo",
    _HAN: "Chinese",
    "LATIN": "Latin",
}
# Scripts that a language's voice reads; other languages are taken to be
# written in Latin letters unless they are here.
_READS = {
    "zh": {"Chinese", "Latin"},
    "yue": {"Chinese", "Latin"},
    "ru": {"Cyrillic"},
    "uk": {"Cyrillic"},
    "bg": {"Cyrillic"},
    "el": {"Greek"},
    "ar": {"Arabic"},
    "fa": {"Arabic"},
    "ur": {"Arabic"},
    "he": {"Hebrew"},
    "hi": {"Devanagari"},
    "th": {"Thai"},
    "ko": {"Korean"},
}
_SILENT_SYMBOLS = {"So", "Sk", "Cn"}
_known: dict[tuple[str, str], bool] = {}


@dataclass(frozen=True, slots=True)
class Garbled:
    """Characters ``start`` to ``end`` that do not come out as written."""

    start: int
    end: int
    what: str


def script_of(char: str) -> str | None:
    """The script of a letter; None: no letter."""
    if unicodedata.category(char)[0] != "L":
        return None
    name = unicodedata.name(char, "")
    return next((s for word, s in _SCRIPTS.items() if name.startswith(word)), "unknown")


def foreign(text: str, lang: str) -> list[Garbled]:
    """Runs of letters in a script that the language's voice does not read."""
    reads = _READS.get(lang, {"Latin"})
    found: list[Garbled] = []
    for at, char in enumerate(text):
        script = script_of(char)
        what = None
        if script is not None and script not in reads:
            what = f"{script} letters are not read in {lang}"
        elif unicodedata.category(char) in _SILENT_SYMBOLS and char not in "°℃㎡":
            what = "symbols are not spoken"
        if what is None:
            continue
        last = found[-1] if found else None
        if last is not None and last.end == at and last.what == what:
            found[-1] = Garbled(last.start, at + 1, what)
        else:
            found.append(Garbled(at, at + 1, what))
    return found


async def unknown_characters(text: str, lang: str, voice: str) -> list[Garbled]:
    """Chinese characters that the voice has no syllable for.

    Raises:
        SpeechFailed: the voice does not start.
    """
    if "Chinese" not in _READS.get(lang, ()):
        return []
    han = dict.fromkeys(c for c in text if script_of(c) == "Chinese")
    await _ask([c for c in han if (voice, c) not in _known], voice)
    return [
        Garbled(at, at + 1, f"the voice has no syllable for {char}")
        for at, char in enumerate(text)
        if not _known.get((voice, char), True)
    ]


async def _ask(chars: list[str], voice: str) -> None:
    if not chars:
        return
    sentinel = (await phonemes(_BETWEEN, voice)).strip()
    said = await phonemes(_BETWEEN.join([*chars, ""]), voice)
    parts = said.split(sentinel)
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    if len(parts) != len(chars) + 1:
        return  # it cannot be told apart: say nothing rather than something wrong
    for char, part in zip(chars, parts, strict=False):
        _known[voice, char] = not any(u in part for u in _UNKNOWN)
