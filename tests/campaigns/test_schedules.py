"""A year of 200 schedules on two nodes that share a PostgreSQL database."""

import asyncio
import importlib.util
import logging
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from patrolctl.store import open_store

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7200)]
_TESTS = Path(__file__).parents[1]
SCHEDULES = int(os.environ.get("CAMPAIGN_SCHEDULES", "200"))
DAYS = int(os.environ.get("CAMPAIGN_DAYS", "365"))
START = os.environ.get("CAMPAIGN_START", "2026-01-01")


def _module(name: str) -> object:
    spec = importlib.util.spec_from_file_location(name, _TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


year, postgres = _module("year"), _module("postgres")


async def _live(place: str, seed: int) -> Counter[str]:
    year.Year.START = datetime.fromisoformat(START).replace(tzinfo=UTC)
    lived = year.Year(seed, schedules=SCHEDULES, days=DAYS)
    clock = year.SetClock(lived.now, 0.0)
    async with open_store(place, clock) as one, open_store(place, clock) as two:
        return await lived.run({"n1": one.schedules, "n2": two.schedules})


def test_a_year_of_schedules(capsys) -> None:
    logging.getLogger("patrolctl").setLevel(logging.CRITICAL)
    with postgres.running() as server:
        count = asyncio.run(_live(server.database(), seed=6))
    with capsys.disabled():
        print(f"\n{SCHEDULES} schedules, {DAYS} days, two nodes on PostgreSQL:")
        for what, number in sorted(count.items()):
            print(f"  {number:7d} {what}")
    assert [k for k, n in count.items() if k.startswith("missed") and n] == []
    assert [k for k, n in count.items() if k.startswith("launched, but") and n] == []
    assert count["doubled"] == count["not due but launched"] == 0
    assert count["launched too late"] == 0
    assert count["launched in time"] > 0.9 * count["due"]
