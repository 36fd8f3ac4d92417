"""Texts with fields: ``Residents of block {block}, …``.

A field is ``{name}``; a brace that is meant is written twice. A field that
has no value, a value that no text asks for and a brace that is left open are
faults: a loudspeaker must never say "block brace brace".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from patrolctl.domain.errors import Fault

LONGEST_VALUE = 120
_NAME = re.compile(r"[^\W\d]\w{0,29}")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What stands for a field; ``lang`` None: in every language."""

    name: str
    value: str
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: plain, or the name of a field; where it was written."""

    text: str
    is_field: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """One text, taken apart."""

    pieces: tuple[Piece, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, each once, in their order."""
        return tuple(dict.fromkeys(p.text for p in self.pieces if p.is_field))

    def filled(self, values: dict[str, str]) -> str:
        """The text with its values; a field without one says its name."""
        return "".join(self._said(p, values) for p in self.pieces)

    def written(self, at: int, values: dict[str, str]) -> tuple[int, int]:
        """Which characters as written a character of the filled text comes from."""
        begun = 0
        for p in self.pieces:
            said = self._said(p, values)
            if at < begun + len(said):
                if len(said) == p.end - p.start and not p.is_field:
                    return p.start + at - begun, p.start + at - begun + 1
                return p.start, p.end
            begun += len(said)
        end = self.pieces[-1].end if self.pieces else 0
        return end, end

    @staticmethod
    def _said(piece: Piece, values: dict[str, str]) -> str:
        return values.get(piece.text, piece.text) if piece.is_field else piece.text


def parse(text: str, place: str, faults: list[Fault]) -> Template:
    """Take a text apart; what is wrong is noted."""
    pieces: list[Piece] = []
    for m in _PIECE.finditer(text):
        whole, name = m[0], m[1]
        if whole in {"{{", "}}"}:
            pieces.append(Piece(whole[0], is_field=False, start=m.start(), end=m.end()))
        elif name is not None:
            name = name.strip()
            if not _NAME.fullmatch(name):
                faults.append(
                    Fault(place, f"{whole[:40]} is no field", "such as {block}")
                )
            pieces.append(Piece(name, is_field=True, start=m.start(), end=m.end()))
        elif whole in {"{", "}"}:
            right = "a field such as {block}; a brace that is meant is written twice"
            what = f"a {whole} at character {m.start() + 1} stands alone"
            faults.append(Fault(place, what, right))
        else:
            pieces.append(Piece(whole, is_field=False, start=m.start(), end=m.end()))
    return Template(tuple(pieces))


def value_for(name: str, lang: str, values: Iterable[FieldValue]) -> str | None:
    """The value for a language: its own first, then the general one."""
    by_lang = {v.lang: v.value for v in values if v.name == name}
    primary = lang.partition("-")[0]
    return by_lang.get(lang) or by_lang.get(primary) or by_lang.get(None)


def value_faults(
    place: str, known: Iterable[str], values: Iterable[FieldValue]
) -> list[Fault]:
    """What is wrong with given values: unknown, repeated, empty, too long."""
    names = sorted(set(known))
    faults: list[Fault] = []
    seen: set[tuple[str, str | None]] = set()
    for v in values:
        at = f"{place}: field {v.name[:40]}" + (f" ({v.lang})" if v.lang else "")
        if v.name not in names:
            right = f"one of {', '.join(names)}" if names else "there is no field"
            faults.append(Fault(at, "stands in no text", right))
        if (v.name, v.lang) in seen:
            faults.append(Fault(at, "is given twice"))
        seen.add((v.name, v.lang))
        if not v.value.strip():
            faults.append(Fault(at, "is empty", "what is to be said there"))
        if len(v.value) > LONGEST_VALUE:
            right = f"at most {LONGEST_VALUE}"
            faults.append(Fault(at, f"has {len(v.value):,} characters", right))
    return faults
