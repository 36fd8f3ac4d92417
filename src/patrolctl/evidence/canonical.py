"""One way to write a JSON document: RFC 8785, so that digests mean something.

Members sorted by their UTF-16 code units, no white space, numbers as
ECMAScript writes them, strings with the fewest escapes. Anybody's JCS library
gets the same bytes out of a report, whatever was done to its layout.
"""

import json
import math
import sys
from decimal import Decimal

LARGEST = int(sys.float_info.max)


def canonical(value: object) -> bytes:
    """The canonical bytes of a parsed JSON document.

    Raises:
        ValueError: it holds what JSON has no canonical form for (NaN, numbers
            that no double is).
    """
    return "".join(_parts(value)).encode("utf-8", "surrogatepass")


def _parts(value: object) -> list[str]:
    if isinstance(value, dict):
        rows = sorted(value.items(), key=lambda kv: str(kv[0]).encode("utf-16-be"))
        inner = [[_text(str(k)), ":", *_parts(v)] for k, v in rows]
        return _joined("{", inner, "}")
    if isinstance(value, list | tuple):
        return _joined("[", [_parts(v) for v in value], "]")
    return [_scalar(value)]


def _joined(begin: str, inner: list[list[str]], end: str) -> list[str]:
    out = [begin]
    for k, part in enumerate(inner):
        if k:
            out.append(",")
        out += part
    return [*out, end]


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > LARGEST:
            msg = f"{str(value)[:20]}… is beyond JSON's numbers"
            raise ValueError(msg)
        return number(float(value))  # JSON knows doubles only (RFC 7493, 2.2)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return _text(value)
    msg = f"{type(value).__name__} is not JSON"
    raise ValueError(msg)


def _text(value: str) -> str:
    # json.dumps escapes exactly what RFC 8785 does: quote, backslash, controls.
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A number as ECMAScript's Number.prototype.toString writes it.

    Source: ECMA-262, 6.1.6.1.20.
    """
    if not math.isfinite(value):
        msg = f"{value} is not JSON"
        raise ValueError(msg)
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    _, digit_tuple, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    digits = "".join(map(str, digit_tuple))
    k = len(digits)
    n = k + int(exponent)  # the decimal point comes after n digits
    if k <= n <= 21:
        return sign + digits + "0" * (n - k)
    if 0 < n <= 21:
        return f"{sign}{digits[:n]}.{digits[n:]}"
    if -6 < n <= 0:
        return f"{sign}0.{'0' * -n}{digits}"
    mantissa = digits if k == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{sign}{mantissa}e{n - 1:+d}"
