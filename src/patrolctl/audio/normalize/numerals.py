"""Numbers as Chinese words.

The formal 壹 stands for every 一 that keeps its first tone: espeak-ng applies
the tone sandhi of 一 by matching words across a number, so that 十一点 comes
out as shí yì diǎn and 一九四九年 as yì jiǔ…; 壹 has one reading.
"""

FIRST_TONE_ONE = "壹"
_DIGITS = "零一二三四五六七八九"
_GROUPS = ("", "万", "亿")
LARGEST = 10**12 - 1


def digits(text: str, *, one: str = FIRST_TONE_ONE) -> str:
    """Digit by digit; anything that is no digit is left out."""
    words = (_DIGITS[int(c)] for c in text if c.isdecimal())
    return "".join(one if w == "一" else w for w in words)


def _below_ten_thousand(n: int) -> str:
    out = ""
    for unit, name in ((1000, "千"), (100, "百"), (10, "十")):
        digit, n = divmod(n, unit)
        if digit:
            one = FIRST_TONE_ONE if unit == 10 else "一"
            word = one if digit == 1 else _DIGITS[digit]
            word = "两" if digit == 2 and unit == 1000 else word
            out += word + name
        elif out and n and not out.endswith("零"):
            out += "零"
    if n:
        out += digits(str(n)) if out else _DIGITS[n]
    return out


def cardinal(n: int) -> str:
    """How many: 1201 → 一千二百零壹, 12 → 十二.

    Raises:
        ValueError: beyond 10^12 or negative.
    """
    if not 0 <= n <= LARGEST:
        msg = f"{n} is not within 0 and {LARGEST}"
        raise ValueError(msg)
    if n == 0:
        return "零"
    out = ""
    for power in range(len(_GROUPS) - 1, -1, -1):
        out = _append(out, n // 10_000**power % 10_000, power)
    if out.startswith(FIRST_TONE_ONE + "十"):
        out = out[1:]
    return out


def _append(out: str, group: int, power: int) -> str:
    """One group of four digits with its 万 or 亿."""
    if not group:
        return out
    if out and group < 1000 and not out.endswith("零"):
        out += "零"
    if group < 10 and out:
        words = _below_ten_thousand(group) if power else digits(str(group))
    else:
        words = _below_ten_thousand(group)
    if group == 2 and power:
        words = "两"
    return out + words + _GROUPS[power]


def number(text: str) -> str:
    """A written number: 1,201 or 3.14; long or zero-led ones by digits."""
    plain = text.replace(",", "")
    whole, dot, fraction = plain.partition(".")
    if (len(whole) > 1 and whole.startswith("0")) or len(whole) > 8:
        words = digits(whole)
    else:
        words = cardinal(int(whole or "0"))
    return f"{words}点{digits(fraction)}" if dot and fraction else words


def counted(text: str) -> str:
    """A number before a measure word: 2 → 两."""
    return "两" if text == "2" else number(text)


def ordinal(text: str) -> str:
    """A number that names: building 1 → 壹 (first tone)."""
    words = number(text)
    return FIRST_TONE_ONE if words == "一" else words
