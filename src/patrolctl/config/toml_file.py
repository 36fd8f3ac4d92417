"""TOML files to pydantic models, with faults that name file, line and field."""

import difflib
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from patrolctl.config.toml_lines import LineFinder
from patrolctl.domain.errors import Fault, InputError

M = TypeVar("M", bound=BaseModel)
_MAX_BYTES = 4 * 2**20


class TomlFile:
    """One file: its values, and a place for each of its faults."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InputError: unreadable, or not TOML.
        """
        self.path = path
        text = _read_text(path)
        try:
            self.values: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            what = f"is not TOML ({e})"
            raise InputError.one(str(path), what, "TOML, see toml.io") from None
        self._finder = LineFinder(text)

    def fault(self, field: tuple[str | int, ...], what: str, right: str = "") -> Fault:
        """A fault at a field."""
        line = self._finder.line(field)
        at = f": line {line}" if line is not None else ""
        name = f": {_field_name(field)}" if field else ""
        return Fault(f"{self.path}{at}{name}", what, right)

    def read(self, model: type[M], faults: list[Fault]) -> M | None:
        """Validate the whole file, or note everything that is wrong."""
        try:
            return model.model_validate(self.values)
        except ValidationError as e:
            faults.extend(self._of_error(model, d) for d in e.errors())
            return None

    def _of_error(self, model: type[BaseModel], error: ErrorDetails) -> Fault:
        field = error["loc"]
        match error["type"]:
            case "missing":
                return self.fault(field, "is missing", _described(model, field))
            case "extra_forbidden":
                return self.fault(field, "is not known", _likely(model, field))
            case "value_error":
                what, _, right = (
                    error["msg"].removeprefix("Value error, ").partition("; ")
                )
                return self.fault(field, what, right)
            case _:
                what = f"is {_short(error['input'])}"
                return self.fault(field, what, _expected(error["msg"]))


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError.one(str(path), "is too large", "at most 4 MiB")
        return path.read_text("utf-8")
    except OSError as e:
        what = f"cannot be read ({e.strerror or e})"
        raise InputError.one(str(path), what, "a TOML file") from None
    except UnicodeDecodeError:
        raise InputError.one(str(path), "is not UTF-8 text", "TOML in UTF-8") from None


def _field_name(field: tuple[str | int, ...]) -> str:
    name = ""
    for part in field:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            name += f".{part}" if name else part
    return name


def _expected(message: str) -> str:
    """Pydantic says "Input should be …"; the rest is what would be right."""
    return message.removeprefix("Input should be ").removeprefix("a valid ")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _model_at(
    model: type[BaseModel], field: tuple[str | int, ...]
) -> type[BaseModel] | None:
    """The model that holds the last name of a path."""
    current: type[BaseModel] | None = model
    for part in field[:-1]:
        if isinstance(part, int):
            continue
        info = current.model_fields.get(part) if current else None
        current = _inner_model(info.annotation) if info else None
    return current


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _inner_model(inner)
        if found is not None:
            return found
    return None


def _likely(model: type[BaseModel], field: tuple[str | int, ...]) -> str:
    holder = _model_at(model, field)
    if holder is None:
        return ""
    known = sorted(holder.model_fields)
    close = difflib.get_close_matches(str(field[-1]), known, n=1)
    return f"{close[0]} may be meant" if close else f"one of {', '.join(known)}"


def _described(model: type[BaseModel], field: tuple[str | int, ...]) -> str:
    holder = _model_at(model, field)
    info = holder.model_fields.get(str(field[-1])) if holder else None
    return (info.description or "") if info else ""
