"""Judges an announcement before anybody hears it.

Lengths are those of the rendered clip where there is one; else they are
estimated from syllables. The estimate was fitted to espeak-ng 1.52, trimmed,
at 120 to 220 words per minute: within 10 % for sentences.
"""

import re
from dataclasses import dataclass, replace

from patrolctl.audio.chime import PAUSE_AFTER_S, chime
from patrolctl.audio.engine import Engine, Line
from patrolctl.audio.garbled import foreign, script_of, unknown_characters
from patrolctl.audio.normalize import normalize
from patrolctl.audio.text import text_fault
from patrolctl.audio.wav import RATE_HZ
from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.domain.lint import Lint, LintFinding, LintLevel, LintRule, LintText
from patrolctl.domain.sound import Announcement, Clip, Utterance

# Stated defaults, in syllables a second with pauses: above it old people far
# away lose the thread. The voices' own rates lie below it.
FASTEST = {"zh": 3.8, "yue": 4.4, "en": 4.6}
FASTEST_ELSE = 4.8
# A drone hovers as long as the message lasts, and few remember more.
LONG_S = 60.0

_AT_160_WPM = {"zh": 3.13, "yue": 3.8, "en": 4.5}
_AT_160_WPM_ELSE = 4.8
_EDGES_S = 0.2
_VOWELS = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôûœæ]+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(
    r"(?:[A-Za-z.]+ ?)?[A-Za-z]?\d(?:[\d:.,/\- +()年月日点點时時分]*\d)?"
    r"(?:[A-Za-z%℃°²]+|[一-鿿]{1,2})?"
)
_QUANTITY = re.compile("[百千万亿]")
_LONG_NUMBER = re.compile(r"(?<![\d.,:])\d{3,}(?![\d.,:])")
_LATIN = re.compile(r"[A-Za-z]*[a-z][A-Za-z]*")


@dataclass(frozen=True, slots=True)
class _Said:
    """One text and what the voice is given for it."""

    number: int
    utterance: Utterance
    line: Line

    def finding(
        self,
        rule: LintRule,
        level: LintLevel,
        what: str,
        span: tuple[int, int],
        right: str = "",
    ) -> LintFinding:
        """A finding at characters of this text."""
        return LintFinding(
            rule,
            level,
            what,
            right,
            text=self.number,
            lang=self.utterance.lang,
            start=span[0],
            end=span[1],
        )


def syllables(text: str) -> int:
    """Syllables of normalised text: characters of Chinese, vowels of Latin."""
    han = sum(script_of(c) == "Chinese" for c in text)
    figures = sum(c.isdecimal() for c in text)
    words = (w for w in _WORD.findall(text) if script_of(w[0]) != "Chinese")
    return han + figures + sum(max(1, len(_VOWELS.findall(w))) for w in words)


def estimated_s(line: Line) -> float:
    """How long the voice takes, trimmed."""
    at_160 = _AT_160_WPM.get(line.lang, _AT_160_WPM_ELSE)
    faster: float = (line.rate_wpm / 160) ** 1.1
    return syllables(line.text) / (at_160 * faster)


async def lint(announcement: Announcement, clip: Clip | None, engine: Engine) -> Lint:
    """Judge an announcement.

    Args:
        announcement: what is to be said.
        clip: what it was rendered to; None: lengths are estimated.
        engine: whose voices will say it.
    """
    findings: list[LintFinding] = []
    spoken: list[_Said] = []
    for number, utterance in enumerate(announcement.utterances):
        said = _said(announcement, utterance, number, engine)
        if isinstance(said, LintFinding):
            findings.append(said)
            continue
        spoken.append(said)
        findings += await _of_text(said)
    texts = [_figures(s.line) for s in spoken]
    duration_s = _estimate_s(announcement, texts) if clip is None else clip.duration_s
    if clip is not None and announcement.recording is None:
        texts = _measured(announcement, texts, clip)
    findings += _rates(spoken, texts)
    findings += _length(duration_s)
    return Lint(
        duration_s=round(duration_s, 2),
        total_s=round(duration_s * announcement.repeats, 2),
        measured=clip is not None,
        texts=tuple(texts),
        findings=tuple(findings),
    )


def _said(
    announcement: Announcement, utterance: Utterance, number: int, engine: Engine
) -> _Said | LintFinding:
    """The text as the voice is given it, or why it cannot be."""
    fault = text_fault(utterance.text)
    rule, what, right = LintRule.TEXT, "", ""
    if fault is not None:
        what, right = fault
    else:
        try:
            return _Said(number, utterance, engine.line(utterance, announcement))
        except (InputError, SpeechFailed) as e:
            rule, what = LintRule.LANGUAGE, str(e)
    return LintFinding(
        rule, LintLevel.FAULT, what, right, text=number, lang=utterance.lang
    )


async def _of_text(said: _Said) -> list[LintFinding]:
    """Everything about one text that has a place in it."""
    text, lang = said.utterance.text, said.line.lang
    findings = [
        said.finding(LintRule.SCRIPT, LintLevel.FAULT, g.what, (g.start, g.end))
        for g in foreign(text, lang)
    ]
    if said.line.engine.startswith("espeak"):
        found = await unknown_characters(text, lang, said.line.voice)
        for g in found:
            span, right = (g.start, g.end), "another word for it"
            findings.append(
                said.finding(LintRule.SCRIPT, LintLevel.FAULT, g.what, span, right)
            )
    if lang in {"zh", "yue"}:
        findings += [
            said.finding(
                LintRule.LATIN, LintLevel.NOTE, f"{m[0]} is said in English", m.span()
            )
            for m in _LATIN.finditer(text)
        ]
    return findings + _numbers(said)


def _numbers(said: _Said) -> list[LintFinding]:
    """How each number is read, and which are read as a quantity by mistake."""
    findings = []
    for m in _DIGITS.finditer(said.utterance.text):
        says = normalize(m[0], said.line.lang).replace("壹", "一").strip(" ,，")
        bare = _LONG_NUMBER.search(m[0])
        counted = _QUANTITY.search(says) or _LONG_NUMBER.search(says)
        doubtful = bare is not None and counted is not None
        what = f"{m[0].strip()} is read as a quantity" if doubtful else "is read so"
        right = "1201室, Room 1201 or 电话 120 are read digit by digit"
        finding = said.finding(
            LintRule.DIGITS,
            LintLevel.WARN if doubtful else LintLevel.NOTE,
            what,
            m.span(),
            right if doubtful else "",
        )
        findings.append(replace(finding, says=says))
    return findings


def _figures(line: Line) -> LintText:
    count, speech_s = syllables(line.text), estimated_s(line)
    rate = count / speech_s if speech_s else 0.0
    return LintText(line.lang, count, round(speech_s, 2), round(rate, 2))


def _around_s(announcement: Announcement) -> float:
    """What is no speech: edges, chime and the pauses between texts."""
    gaps = max(0, len(announcement.utterances) - 1)
    silent_s = _EDGES_S + gaps * announcement.pause_s
    if announcement.chime:
        silent_s += chime(RATE_HZ).duration_s + PAUSE_AFTER_S
    return silent_s


def _estimate_s(announcement: Announcement, texts: list[LintText]) -> float:
    return _around_s(announcement) + sum(t.speech_s for t in texts)


def _measured(
    announcement: Announcement, texts: list[LintText], clip: Clip
) -> list[LintText]:
    """The real speech, shared out as the estimate has it."""
    guess_s = sum(t.speech_s for t in texts)
    real_s = clip.duration_s - _around_s(announcement)
    if guess_s <= 0 or real_s <= 0:
        return texts
    ratio = real_s / guess_s
    return [
        replace(
            t,
            speech_s=round(t.speech_s * ratio, 2),
            syllables_s=round(t.syllables_s / ratio, 2),
        )
        for t in texts
    ]


def _rates(spoken: list[_Said], texts: list[LintText]) -> list[LintFinding]:
    findings = []
    for said, text in zip(spoken, texts, strict=True):
        fastest = FASTEST.get(text.lang, FASTEST_ELSE)
        if text.syllables_s > fastest:
            findings.append(
                LintFinding(
                    LintRule.RATE,
                    LintLevel.WARN,
                    f"{text.syllables_s:.1f} syllables/s is fast for the elderly",
                    f"at most {fastest:g}, by a lower rate_wpm",
                    text=said.number,
                    lang=said.utterance.lang,
                )
            )
    return findings


def _length(duration_s: float) -> list[LintFinding]:
    if duration_s <= LONG_S:
        return []
    return [
        LintFinding(
            LintRule.LENGTH,
            LintLevel.WARN,
            f"lasts {duration_s:.0f} s",
            f"{LONG_S:.0f} s at most is remembered; vehicles stand as long as it lasts",
        )
    ]
