"""The operators' file: who may log in, each with a salted hash of a key.

The file is looked at again whenever it changed, so that somebody who was
removed is locked out at once, without a restart. Keys are 256 random bits
that only this module makes: a slow password hash would protect nothing more,
and would let strangers burn our processor.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from patrolctl.config.toml_file import TomlFile
from patrolctl.domain.errors import Conflict, Fault, InputError, NotFound
from patrolctl.domain.users import LOCAL, Role, User

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_HASH = re.compile(r"sha256\$([0-9a-f]{32})\$([0-9a-f]{64})")
_SALT_BYTES, _KEY_BYTES = 16, 32
_NOBODY = f"sha256${'0' * 32}${'0' * 64}"
_HEAD = (
    "# Who may use patrolctl. Written by `patrolctl operator`; keys stand here only\n"
    "# as salted hashes. Read again whenever it changes.\n"
)


def _id(value: str) -> str:
    if not _ID.fullmatch(value) or value == LOCAL.id:
        msg = f"is {value[:40]!r}; 1 to 40 letters, digits, '-' or '_'"
        raise ValueError(msg)
    return value


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        msg = f"is {value[:40]!r}; a name that can be read"
        raise ValueError(msg)
    return value.strip()


def _hash(value: str) -> str:
    if not _HASH.fullmatch(value):
        msg = "is no salted hash; what `patrolctl operator add` writes"
        raise ValueError(msg)
    return value


class OperatorTable(BaseModel):
    """``[[operator]]``."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, AfterValidator(_id)] = Field(description="a short name")
    name: Annotated[str, Field(max_length=80), AfterValidator(_name)]
    role: Role
    key: Annotated[str, AfterValidator(_hash)] = Field(description="a salted hash")


class OperatorsDocument(BaseModel):
    """All of the file."""

    model_config = ConfigDict(extra="forbid")

    operator: list[OperatorTable] = []


def hash_key(key: str, salt: bytes | None = None) -> str:
    """A key as it is kept."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.sha256(salt + key.encode()).hexdigest()
    return f"sha256${salt.hex()}${digest}"


def _fits(key: str, kept: str) -> bool:
    salt = bytes.fromhex(kept.split("$")[1])
    return hmac.compare_digest(hash_key(key, salt), kept)


@dataclass(frozen=True, slots=True)
class _Known:
    user: User
    key: str


def read_operators(path: Path) -> tuple[OperatorTable, ...]:
    """The tables of the file; none where there is no file.

    Raises:
        InputError: it cannot be read, or something in it is wrong.
    """
    if not path.exists():
        return ()
    faults: list[Fault] = []
    file = TomlFile(path)
    read = file.read(OperatorsDocument, faults)
    tables = () if read is None else tuple(read.operator)
    seen: set[str] = set()
    for number, table in enumerate(tables):
        if table.id in seen:
            field = ("operator", number, "id")
            faults.append(file.fault(field, f"{table.id} stands there twice"))
        seen.add(table.id)
    if faults:
        raise InputError(faults)
    return tables


class Operators:
    """The directory of who may log in.

    Without the file whoever reaches the service operates it. A file that holds
    nobody, or that went away or broke while the service runs, lets nobody in.

    Args:
        path: the operators' file.

    Raises:
        InputError: something in the file is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._look()
        self._known = self._read()
        self._on = self._stamp is not None

    def _look(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> dict[str, _Known]:
        return {
            t.id: _Known(User(t.id, t.name, t.role), t.key)
            for t in read_operators(self._path)
        }

    def _refresh(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._known = self._read()
        except InputError:
            self._known = {}
        self._on = True  # it changed, so there is one or was one

    @property
    def on(self) -> bool:
        """Whether a log-in is needed."""
        self._refresh()
        return self._on

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody who may log in."""
        self._refresh()
        return tuple(k.user for k in self._known.values())

    def find(self, key: str) -> User | None:
        """Whose key this is; takes as long for nobody's."""
        self._refresh()
        known = self._known.get(key.partition(".")[0])
        fits = _fits(key, known.key if known else _NOBODY)
        return known.user if known is not None and fits else None

    def stamp(self, user_id: str) -> str | None:
        """Changes when the operator's key does; None: not known any more."""
        self._refresh()
        known = self._known.get(user_id)
        return None if known is None else f"{known.key}/{known.user.role}"


def _written(tables: tuple[OperatorTable, ...]) -> str:
    parts = [_HEAD]
    for t in tables:
        # A JSON string is a TOML basic string for text that can be printed.
        name = t.name.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(
            f'\n[[operator]]\nid = "{t.id}"\nname = "{name}"\n'
            f'role = "{t.role.value}"\nkey = "{t.key}"\n'
        )
    return "".join(parts)


def _write(path: Path, tables: tuple[OperatorTable, ...]) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(beside, flags, 0o600), "w", encoding="utf-8") as f:
            f.write(_written(tables))
            f.flush()
            os.fsync(f.fileno())
        beside.replace(path)
    except OSError as e:
        what = f"cannot be written ({e.strerror or e})"
        raise InputError.one(str(path), what, "a writable path") from None


def add_operator(path: Path, user: User) -> str:
    """Write an operator into the file.

    Returns:
        The access key, which is not kept anywhere.

    Raises:
        InputError: the file or the id cannot be used.
        Conflict: there is one of that id.
    """
    tables = read_operators(path)
    if any(t.id == user.id for t in tables):
        raise Conflict(f"operator {user.id} is in {path} already; remove it first")
    key = f"{user.id}.{secrets.token_urlsafe(_KEY_BYTES)}"
    try:
        table = OperatorTable(
            id=user.id, name=user.name, role=user.role, key=hash_key(key)
        )
    except ValidationError as e:
        faults = [
            Fault(f"operator {f['loc'][0]}", f["msg"].removeprefix("Value error, "))
            for f in e.errors()
        ]
        raise InputError(faults) from None
    _write(path, (*tables, table))
    return key


def remove_operator(path: Path, user_id: str) -> None:
    """Take an operator out of the file; raises NotFound."""
    tables = read_operators(path)
    left = tuple(t for t in tables if t.id != user_id)
    if len(left) == len(tables):
        raise NotFound("operator", user_id)
    _write(path, left)
