"""Mandarin and Cantonese: dates, times, numbers of rooms and telephones.

Rules are applied in order and each turns what it knows into words, so that
later ones only see the digits that are left.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from patrolctl.audio.normalize.letters import spell, spell_capitals
from patrolctl.audio.normalize.numerals import (
    FIRST_TONE_ONE,
    counted,
    digits,
    number,
    ordinal,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs: ``phone_one`` is how a 1 is said on the telephone."""

    phone_one: str
    names: dict[str, str]


# Place names whose character espeak-ng 1.52 reads wrongly, by a homophone:
# 邳 pī comes out as pí.
MANDARIN = Dialect("幺", {"邳": "批"})
CANTONESE = Dialect(FIRST_TONE_ONE, {})

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Dialect], str]]

_UNITS = {
    "km/h": "公里每小时",
    "公里/小时": "公里每小时",
    "m/s": "米每秒",
    "km": "公里",
    "㎡": "平方米",
    "m²": "平方米",
    "m2": "平方米",
    "m": "米",
    "M": "米",
    "cm": "厘米",
    "mm": "毫米",
    "kg": "公斤",
    "g": "克",
    "mg": "毫克",
    "L": "升",
    "ml": "毫升",
    "mL": "毫升",
    "kW": "千瓦",
    "kwh": "千瓦时",
    "dB": "分贝",
    "h": "小时",
    "min": "分钟",
    "s": "秒",
    "元": "元",
}
_UNIT = "|".join(re.escape(u) for u in sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_TO = r"\s*(?:-|–|—|~|～|至|到)\s*"
_PHONE_WORD = (
    r"(?:电话|電話|热线|熱線|手机|手機|拨打|撥打|致电|致電|號碼|号码|分机|分機|"
    r"微信|短信|打|传真|密码|密碼|编号|验证码)"
)
_COUNTED = (
    r"(?:个|個|名|位|人|次|天|周(?!岁)|年(?!级|級)|米|公里|厘米|小时|小時|分钟|分鐘|"
    r"秒|种|種|件|条|條|份|张|張|家|户|戶|支|台|辆|輛|岁|歲|元|块|塊|倍|针|針|剂|"
    r"劑|袋|瓶|箱|包|盒|只|隻|斤|公斤|千克|克|升|吨|遍|轮|輪|批|点|點|时|時|部|趟|"
    r"场|場|副|把|粒|片|间|間|口|万|千)"
)
_NAMED = (
    r"(?:号|號|楼|樓|栋|棟|幢|单元|單元|层|層|座|区|區|室|房|门|門|月|日|级|級|"
    r"年级|年級|组|組|队|隊|期|路|线|線|弄|巷|排|桌|车|車)"
)


def _year(text: str) -> str:
    return digits(text)


def _iso_date(m: re.Match[str], _: Dialect) -> str:
    month, day = int(m[2]), int(m[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return m[0]
    return f"{_year(m[1])}年{ordinal(str(month))}月{ordinal(str(day))}日"


def _day_range(m: re.Match[str], _: Dialect) -> str:
    first, last = str(int(m[1])), str(int(m[2]))
    return f"{ordinal(first)}到{ordinal(last)}{m[3]}"


def _clock(hour: str, minute: str, second: str | None) -> str:
    words = f"{counted(str(int(hour)))}点"
    if int(minute):
        words += ("零" if int(minute) < 10 else "") + ordinal(str(int(minute))) + "分"
    else:
        words += "整"
    if second and int(second):
        words += ordinal(str(int(second))) + "秒"
    return words


def _time(m: re.Match[str], _: Dialect) -> str:
    if int(m[1]) > 24 or int(m[2]) > 59:
        return m[0]
    return _clock(m[1], m[2], m[3])


def _hour_minute(m: re.Match[str], _: Dialect) -> str:
    minute = int(m[3])
    zero = "零" if minute < 10 else ""
    return f"{counted(str(int(m[1])))}{m[2]}{zero}{ordinal(str(minute))}分"


def _phone(text: str, dialect: Dialect) -> str:
    """Groups as written, or 3-4-4 and 3-4, with a short pause between."""
    groups = [g for g in re.split(r"[\s-]+", text.strip("+")) if g]
    if len(groups) == 1 and len(groups[0]) == 11 and groups[0].startswith("1"):
        groups = [groups[0][:3], groups[0][3:7], groups[0][7:]]
    elif len(groups[-1]) in {7, 8}:
        last = groups.pop()
        groups += [last[:-4], last[-4:]]
    return "，".join(digits(g, one=dialect.phone_one) for g in groups)


def _phone_rule(m: re.Match[str], dialect: Dialect) -> str:
    return _phone(m[0], dialect)


def _phone_word_rule(m: re.Match[str], dialect: Dialect) -> str:
    return m[1] + _phone(m[2], dialect)


def _room(m: re.Match[str], _: Dialect) -> str:
    return digits(m[0])


def _address(m: re.Match[str], _: Dialect) -> str:
    """3-2-1201: building, unit, room."""
    *before, room = m[0].split("-")
    return "杠".join([*(ordinal(b) for b in before), digits(room)])


def _unit(m: re.Match[str], _: Dialect) -> str:
    first = f"{counted(m[1])}到" if m[1] else ""
    return f"{first}{counted(m[2])}{_UNITS[m[3]]}"


def _celsius(m: re.Match[str], _: Dialect) -> str:
    below = "零下" if m[1] else ""
    return f"{below}{number(m[2])}摄氏度"


def _percent(m: re.Match[str], _: Dialect) -> str:
    if m[1]:
        return f"百分之{number(m[1])}到百分之{number(m[2])}"
    return f"百分之{number(m[2])}"


def _fraction(m: re.Match[str], _: Dialect) -> str:
    return f"{number(m[2])}分之{number(m[1])}"


def _model(m: re.Match[str], _: Dialect) -> str:
    """A letter and a number: N95, B1, G104, A12."""
    letters, figures = m[1].upper(), m[2]
    spoken = digits(figures) if letters in _MASKS or len(figures) > 2 else None
    return f" {spell(letters)} {spoken or ordinal(figures)}"


def _letter_place(m: re.Match[str], _: Dialect) -> str:
    return f" {spell(m[1])} "


_MASKS = {"N", "KN", "KF", "FFP"}


def _rule(pattern: str, say: Callable[[re.Match[str], Dialect], str]) -> Rule:
    return re.compile(pattern), say


_RULES: tuple[Rule, ...] = (
    # dates
    _rule(r"(?<!\d)((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)日?", _iso_date),
    _rule(
        r"(?<!\d)(\d{2}|\d{4})(?=年(?!级|級|以|来|內|内|前|后|後|龄))",
        lambda m, _: _year(m[1]),
    ),
    _rule(rf"(?<![\d:])(\d{{1,2}}){_TO}(\d{{1,2}})([日号號月])", _day_range),
    _rule(
        r"(?<!\d)0?(\d{1,2})(?=月份?(?:\d{1,2}[日号號]?|[初中底上下末]|\D|$))",
        lambda m, _: ordinal(m[1]),
    ),
    # times
    _rule(r"(?<![\d:.])(\d{1,2}):(\d\d)(?::(\d\d))?(?![\d:])", _time),
    _rule(r"(?<!\d)(\d{1,2})([点點时時])0?(\d{1,2})分?(?!\d)", _hour_minute),
    _rule(
        rf"((?:[点分秒整月日号]|星期.|周.)){_TO}(?=[零一二两三四五六七八九十壹\d])",
        lambda m, _: m[1] + "到",
    ),
    # telephones
    _rule(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", _phone_rule),
    _rule(r"(?<!\d)0\d{2,3}[- ]\d{7,8}(?:[- ]\d{1,5})?(?!\d)", _phone_rule),
    _rule(r"(?<!\d)[48]00[- ]?\d{3}[- ]?\d{4}(?!\d)", _phone_rule),
    _rule(r"(?<!\d)\+\d{1,3}[- ]\d[\d -]{5,14}\d(?!\d)", _phone_rule),
    _rule(r"(?<!\d)\d{4}[- ]\d{4}(?!\d)", _phone_rule),
    _rule(
        rf"({_PHONE_WORD}[是为為：:,，（(\s]*)(\d[\d -]*\d)"
        r"(?![\d元]|[个個次人名位米分])",
        _phone_word_rule,
    ),
    _rule(
        r"(?<!\d)(?:1[12]\d|12345|999|911|112)(?=(?:急救|报警|報警|火警|热线|熱線|"
        r"电话|電話|平台))",
        _phone_rule,
    ),
    # rooms and addresses
    _rule(r"(?<![\d-])\d{1,3}-\d{1,3}-\d{3,5}(?![\d-])", _address),
    _rule(r"(?<![\d-])\d{1,3}-\d{3,5}(?=(?:号|號)?(?:室|房|户|戶))", _address),
    _rule(
        r"(?<![\d.])\d{3,5}(?=[、和及,，]\s*(?:\d{3,5}[、和及,，]\s*)*\d{3,5}"
        r"(?:号|號)?(?:室|房))",
        _room,
    ),
    _rule(r"(?<![\d.])\d{3,5}(?=[A-Za-z]?(?:号|號)?(?:室|房|信箱))", _room),
    _rule(r"(?<=[元楼樓栋棟幢座])\s*\d{3,5}(?![\d米元])", _room),
    _rule(r"(?<![\d.])\d{4,}(?=[号號])", _room),
    _rule(r"(?:(?<=[室房])|(?<=单元)|(?<=門牌)|(?<=门牌))\d{3,5}(?!\d)", _room),
    # units
    _rule(
        r"(?<![\d零一二三四五六七八九十])(-?)(\d+(?:\.\d+)?)\s*(?:℃|°C|摄氏度)",
        _celsius,
    ),
    _rule(rf"(?:({_NUMBER})%?{_TO})?({_NUMBER})\s*[%％]", _percent),
    _rule(rf"(?:({_NUMBER}){_TO})?({_NUMBER})\s*({_UNIT})(?![A-Za-z])", _unit),
    _rule(rf"[¥￥]\s*({_NUMBER})", lambda m, _: f"{counted(m[1])}元"),
    _rule(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?![\d/])", _fraction),
    # Latin with numbers, and letters that name places
    _rule(r"(?<![A-Za-z])([A-Za-z]{1,3})-?(\d{1,4})(?![\d.:])", _model),
    _rule(
        r"(?<![A-Za-z])([A-Za-z]{1,2})(?=\s*(?:座|栋|棟|区|區|幢|楼|樓|号|號|门|門|"
        r"室|单元|單元|口|馆|館|户|戶|级|級|型|期|组|組))",
        _letter_place,
    ),
    # what is left
    _rule(rf"(?<![\d.,])\d{{7,8}}(?![\d.,]|\s*{_COUNTED})", _phone_rule),
    _rule(r"第\s*(\d+)", lambda m, _: "第" + ordinal(m[1])),
    _rule(
        rf"({_NUMBER}){_TO}({_NUMBER})(?=\s*{_NAMED})",
        lambda m, _: f"{ordinal(m[1])}到{ordinal(m[2])}",
    ),
    _rule(
        rf"({_NUMBER}){_TO}({_NUMBER})",
        lambda m, _: f"{counted(m[1])}到{counted(m[2])}",
    ),
    _rule(rf"({_NUMBER})(?=\s*{_NAMED})", lambda m, _: ordinal(m[1])),
    _rule(rf"({_NUMBER})(?=\s*多?{_COUNTED})", lambda m, _: counted(m[1])),
    _rule(
        r"(?<!\d)\d+(?:\.\d+){2,}(?!\d)",
        lambda m, _: "点".join(digits(p) for p in m[0].split(".")),
    ),
    _rule(rf"(?<![\w-])-({_NUMBER})", lambda m, _: "负" + number(m[1])),
    _rule(rf"({_NUMBER})", lambda m, _: number(m[1])),
    _rule(r"\d", lambda m, _: digits(m[0])),
    # 一 that keeps its first tone although it was written as a character
    _rule(
        r"[〇零一二三四五六七八九]{3,}",
        lambda m, _: m[0].replace("〇", "零").replace("一", FIRST_TONE_ONE),
    ),
    _rule(
        rf"(?<![一-鿿])一(?={_NAMED})|(?<=第)一|(?<=十)一(?![百千万起些])",
        lambda m, _: FIRST_TONE_ONE,
    ),
    _rule(
        r"(?<=[到、和及])一(?=(?:号|號|楼|樓|栋|棟|单元|單元))",
        lambda m, _: FIRST_TONE_ONE,
    ),
)
_SIGNS = {
    "&": "和",
    "=": "等于",
    "+": "加",
    "×": "乘",
    ">": "大于",
    "<": "小于",
    "#": "号",
    "@": " at ",
    "_": " ",
}


def chinese(text: str, dialect: Dialect) -> str:
    """Chinese text with every number in words and acronyms spelt."""
    for pattern, say in _RULES:
        text = pattern.sub(lambda m, say=say: say(m, dialect), text)  # type: ignore[misc]  # mypy cannot type a defaulted lambda
    text = spell_capitals(text)
    for sign, word in (_SIGNS | dialect.names).items():
        text = text.replace(sign, word)
    return re.sub(r" {2,}", " ", text).strip()
