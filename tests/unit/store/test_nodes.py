"""Several processes on one database, and databases that are not there."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from patrolctl.clock import ManualClock, SystemClock
from patrolctl.control.schedules.timekeeping import Timekeeper
from patrolctl.domain.errors import InputError, StoreFailed
from patrolctl.store import open_store

# Claims the same occurrences as its twin, as fast as it can, from the moment
# that both are ready; prints those that it got.
RACER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from patrolctl.clock import SystemClock
from patrolctl.store import open_store

async def main(where, count):
    async with open_store(where, SystemClock()) as store:
        print("READY", flush=True)
        sys.stdin.readline()
        for n in range(count):
            due = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
            if await store.schedules.claim("race", due, node=sys.argv[3]):
                print(n, flush=True)
            await store.audit("racer", "claim", str(n))

place = sys.argv[1]
where = place if place.startswith("postgresql:") else Path(place)
asyncio.run(main(where, int(sys.argv[2])))
"""
COUNT = 60


async def test_two_racing_processes_share_the_claims_exactly(
    place: Path | str,
) -> None:
    def racer(node: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", RACER, str(place), str(COUNT), node],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    racers = [racer("n1"), racer("n2")]
    assert [r.stdout.readline() for r in racers] == ["READY\n"] * 2
    for one in racers:
        one.stdin.write("go\n")
        one.stdin.flush()
    got = [[int(line) for line in r.communicate()[0].split()] for r in racers]
    assert [r.returncode for r in racers] == [0, 0]
    assert sorted(got[0] + got[1]) == list(range(COUNT))
    async with open_store(place, ManualClock()) as store:
        assert await store.audit_fault() is None
        assert len(await store.audit_log(limit=1000)) == 2 * COUNT


@pytest.mark.parametrize("url", ["mysql://u:secret@h/x", "postgresql://h", "nonsense"])
async def test_what_is_no_address_is_said_without_its_password(url: str) -> None:
    with pytest.raises(InputError, match="store_url") as refused:
        async with open_store(url, ManualClock()):
            pass
    assert "secret" not in str(refused.value)


async def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    url = f"postgresql://me:secret@/x?host={tmp_path}"
    with pytest.raises(StoreFailed) as failed:
        async with open_store(url, ManualClock()):
            pass
    text = str(failed.value)
    assert "secret" not in text
    assert len(text.splitlines()) == 1
    assert text.startswith("postgresql://me:***@/x: connection")


async def test_a_clock_is_held_against_the_servers(postgres) -> None:
    """The real server's own time."""
    real = SystemClock()

    class Ahead(SystemClock):
        def utc(self):
            return real.utc() + timedelta(seconds=8)

    async with open_store(postgres.database(), real) as store:
        told = await store.server_utc()
        assert told.utcoffset() == timedelta(0)
        assert await Timekeeper(real, store.server_utc).fault() is None
        fault = await Timekeeper(Ahead(), store.server_utc).fault()
        assert "s ahead of the database's" in fault
