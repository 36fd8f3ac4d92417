"""A caller that is cancelled in the middle of a write."""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest

from patrolctl.clock import SystemClock
from patrolctl.store import open_store


@pytest.mark.timeout(60)
async def test_a_cancelled_writer_leaves_the_database_open_to_the_next(
    tmp_path: Path,
) -> None:
    dice = random.Random(3)
    async with open_store(tmp_path / "a.db", SystemClock()) as store:

        async def write(number: int) -> None:
            await store.audit("somebody", "writes", str(number))

        for number in range(150):
            async with asyncio.TaskGroup() as group:
                task = group.create_task(write(number))
                await asyncio.sleep(dice.random() * 0.004)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await store.audit("somebody", "writes", "the last")
        assert await store.audit_fault() is None
        # Each was begun, so each was carried to its end.
        log = await store.audit_log(limit=1000)
        assert len(log) >= 140
        assert log[0].detail == "the last"
