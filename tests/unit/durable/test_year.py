"""A few weeks of the simulated year, with every kind of trouble in them."""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2]


def _module(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, _TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


year, memory_book = _module("year"), _module("memory_book")


@pytest.mark.parametrize("seed", [1, 3])
async def test_nothing_is_missed_outside_the_policy_and_nothing_doubled(
    seed: int, caplog
) -> None:
    caplog.set_level("CRITICAL")
    # Both have the changes of March and April, north and south, in them.
    start = datetime(2026, 3, 1 if seed == 3 else 20, tzinfo=UTC)
    year.Year.START = start
    lived = year.Year(seed, schedules=30, days=45, crash=0.03)
    clock = year.SetClock(lived.now, 0.0)
    book = memory_book.MemoryBook(clock)
    count = await lived.run({"n1": book, "n2": book})
    bad = {k: n for k, n in count.items() if k.startswith("missed") and n}
    assert bad == {}
    assert count["doubled"] == 0
    assert count["not due but launched"] == 0
    assert count["launched too late"] == 0
    assert not [k for k in count if k.startswith("launched, but")]
    assert count["launched in time"] > 0.9 * count["due"] > 400
    assert count["crashes"] > 10
