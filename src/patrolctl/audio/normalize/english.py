"""English: rooms, telephones, dates and times; cardinals stay as they are.

espeak-ng reads English cardinals and ordinals well; it does not know that a
room number is said digit by digit.
"""

import re
from collections.abc import Callable

from patrolctl.audio.normalize.letters import spell, spell_capitals

O_CLOCK = " o'clock"
_DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH = "|".join(m if m == "May" else f"{m[:3]}(?:{m[3:]}|\\.)?" for m in _MONTHS)
_UNITS = {
    "km/h": ("kilometre per hour", "kilometres per hour"),
    "m/s": ("metre per second", "metres per second"),
    "km": ("kilometre", "kilometres"),
    "m²": ("square metre", "square metres"),
    "m": ("metre", "metres"),
    "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "L": ("litre", "litres"),
    "ml": ("millilitre", "millilitres"),
    "dB": ("decibel", "decibels"),
    "h": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "s": ("second", "seconds"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "℃": ("degree Celsius", "degrees Celsius"),
}
_UNIT = "|".join(re.escape(u) for u in sorted(_UNITS, key=len, reverse=True))
_ROOM = r"(?:room|rm|flat|apartment|apt|unit|suite|ward|office|no)"
_PLACE = (
    r"(?:block|building|tower|wing|gate|zone|unit|lift|hall|entrance|exit|stairs?|"
    r"staircase|area|section|platform|level)"
)
_CALL = (
    r"(?:call|phone|telephone|dial|tel|hotline|ring|text|mobile|number|helpline|"
    r"extension|ext|line|fax)"
)


def _digits(text: str) -> str:
    return " ".join(_DIGITS[int(c)] for c in text if c.isdecimal())


def _phone(text: str) -> str:
    groups = [g for g in re.split(r"[\s().-]+", text.strip("+ ")) if g]
    if len(groups) == 1 and len(groups[0]) > 5:
        whole = groups[0]
        head = len(whole) % 4 or 4
        rest = range(head, len(whole), 4)
        groups = [whole[:head], *(whole[i : i + 4] for i in rest)]
    return ", ".join(_digits(g) for g in groups)


def _ordinal(day: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day // 10 != 1 else 0, "th")
    return f"{day}{suffix}"


def _iso_date(m: re.Match[str]) -> str:
    month, day = int(m[2]), int(m[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return m[0]
    return f"the {_ordinal(day)} of {_MONTHS[month - 1]} {m[1]}"


def _full_month(text: str) -> str:
    return next(m for m in _MONTHS if m.startswith(text[:3].title()))


def _time(m: re.Match[str]) -> str:
    hour, minute, half = int(m[1]), int(m[2]), (m[3] or "").lower()
    if hour > 24 or minute > 59:
        return m[0]
    if half:
        half = f" {half[0].upper()} M".replace(" A M", " eigh M")
    elif hour > 12 or hour == 0:
        half = " P M" if 12 < hour < 24 else " eigh M"
        hour = hour % 12 or 12
    if minute == 0:
        return f"{hour}{half or O_CLOCK}"
    return f"{hour} {'oh ' if minute < 10 else ''}{minute}{half}"


def _half(m: re.Match[str]) -> str:
    return f"{m[1]} {spell(m[2])} M"


def _unit(m: re.Match[str]) -> str:
    first = f"{m[1]} to " if m[1] else ""
    one, many = _UNITS[m[3]]
    return f"{first}{m[2]} {one if m[2] == '1' and not m[1] else many}"


def _room(m: re.Match[str]) -> str:
    letter = f" {spell(m[3])}" if m[3] else ""
    return f"{m[1]}{_digits(m[2])}{letter}"


def _rooms_after(m: re.Match[str]) -> str:
    return m[1] + re.sub(r"\d+", lambda n: _digits(n[0]), m[2])


def _place(m: re.Match[str]) -> str:
    figures = f" {int(m[3])}" if m[3] else ""
    return f"{m[1]}{spell(m[2])}{figures}"


def _of_month(day: str, month: str, year: str | None) -> str:
    tail = f" {year}" if year else ""
    return f"{_ordinal(int(day))} of {_full_month(month)}{tail}"


Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


def _rule(pattern: str, say: Callable[[re.Match[str]], str]) -> Rule:
    return re.compile(pattern, re.IGNORECASE), say


_RULES: tuple[Rule, ...] = (
    _rule(r"(?<!\d)((?:19|20)\d\d)[-/](\d{1,2})[-/](\d{1,2})(?!\d)", _iso_date),
    _rule(
        rf"(?<![\d-])(\d{{1,2}})(?:st|nd|rd|th)? ({_MONTH})\b(?:,? ((?:19|20)\d\d))?",
        lambda m: _of_month(m[1], m[2], m[3]),
    ),
    _rule(
        rf"\b({_MONTH}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,? ((?:19|20)\d\d))?",
        lambda m: _of_month(m[2], m[1], m[3]),
    ),
    _rule(r"(?<=\d)\s*[-–—~]\s*(?=\d{1,2}:\d\d)", lambda m: " to "),
    _rule(r"(?<![\d:.])(\d{1,2}):(\d\d)(?:\s*([ap])\.?m\b\.?)?(?![\d:])", _time),
    _rule(r"(?<![\d:])(\d{1,2})\s*([ap])\.?m\b\.?", _half),
    _rule(rf"(\b{_ROOM}\.? ?(?:number |no\.? ?|#)?)(\d{{3,5}})([A-Z])?\b", _room),
    _rule(
        rf"(\b{_ROOM}s ?)(\d{{3,5}}(?:(?:, (?:and )?| and | or | to )\d{{3,5}})*)",
        _rooms_after,
    ),
    _rule(
        rf"(\b{_CALL}\b[ :]*(?:(?:is|us on|on|at|to|us at|number|the number)\b"
        r"[ :]*)?)(\+?\d[\d ().-]*\d)",
        lambda m: m[1] + _phone(m[2]),
    ),
    _rule(
        r"(?<![\d.,])\+?\d{1,4}[ -]\d{3,4}[ -]\d{3,4}(?:[ -]\d{2,4})?(?![\d.,]\d)",
        lambda m: _phone(m[0]),
    ),
    _rule(
        r"(?<![\d.,])(?:\d{4}[ -]\d{4}|0?\d{10,11})(?![\d.,]*\d)",
        lambda m: _phone(m[0]),
    ),
    _rule(
        rf"(?:(\d+(?:\.\d+)?)\s*[-–~]\s*)?(\d+(?:\.\d+)?)\s*({_UNIT})(?![A-Za-z'])",
        _unit,
    ),
    _rule(rf"(\b{_PLACE} )([A-Z])(\d{{0,3}})(?=$|[^A-Za-z'\d])", _place),
    _rule(r"(?<=\d)\s*[-–—~]\s*(?=\d)", lambda m: " to "),
    _rule(r"\b0\d+\b", lambda m: _digits(m[0])),
)


def english(text: str) -> str:
    """English text with numbers read as people say them."""
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    text = spell_capitals(text).replace("&", " and ").replace("_", " ")
    return re.sub(r" {2,}", " ", text).strip()
