"""Characters: full width, white space, and Latin letters to be spelt."""

import re

# Full-width ASCII (U+FF01 to U+FF5E) except the punctuation that the voices
# know as it is; espeak-ng drops full-width digits and letters silently.
_KEEP = set("！（），．：；？")
_NARROW = {
    code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in _KEEP
}
_NARROW |= {0x3000: 0x20, 0x00A0: 0x20, 0x2212: 0x2D, 0x301C: 0x7E, 0x2010: 0x2D}
_NARROW |= {0x2011: 0x2D, 0x2012: 0x2D}
_ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff\ufe0f]")
_SPACE = re.compile(r"\s+")

# Read as words by everybody; every other run of up to four capitals is spelt.
_WORDS = {"APP", "WIFI", "ATM", "OK", "SARS", "NATO", "ZOOM", "SIM", "LED", "NO"}
_CAPITALS = re.compile(r"(?<![A-Za-z])[A-Z]{2,4}(?![A-Za-z])")


def tidy(text: str) -> str:
    """Narrow full-width characters, drop invisible ones, join white space."""
    narrow = _ZERO_WIDTH.sub("", text.translate(_NARROW))
    narrow = re.sub(r"(?<=\d)：(?=\d)", ":", narrow)
    narrow = re.sub(r"(?<=\d)．(?=\d)", ".", narrow)
    return _SPACE.sub(" ", narrow).strip()


def spell(letters: str) -> str:
    """Letters one by one; a lone A would be read as the article."""
    return " ".join("eigh" if c in "Aa" else c.upper() for c in letters)


def spell_capitals(text: str) -> str:
    """Acronyms letter by letter, so that VIP does not become a word."""
    return _CAPITALS.sub(lambda m: m[0] if m[0] in _WORDS else f" {spell(m[0])} ", text)
