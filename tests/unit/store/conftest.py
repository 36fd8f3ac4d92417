"""Where the store's contract is tried: a SQLite file, and PostgreSQL."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "tests_postgres", Path(__file__).parents[2] / "postgres.py"
)
postgres_server = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(postgres_server)


@pytest.fixture(scope="session")
def postgres() -> Iterator[object]:
    with postgres_server.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "x" / "p.db"
    return request.getfixturevalue("postgres").database()
