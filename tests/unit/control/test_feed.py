import asyncio
import json

import pytest

from patrolctl.control.live.broadcast import Broadcast, Overrun
from patrolctl.control.live.feed import LiveFeed
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent


def fact(kit, number: int) -> VehicleEvent:
    return VehicleEvent(
        f"f{number}", kit.clock.utc(), VehicleId("d1"), EventKind.TEXT, f"{number}"
    )


def sample(kit, vehicle: str, seq: int) -> Telemetry:
    return Telemetry(
        VehicleId(vehicle), VehicleKind.COPTER, kit.clock.utc(), LinkState.LIVE, seq=seq
    )


async def take(watcher, count: int) -> list[tuple[str, object]]:
    found = []
    async with asyncio.timeout(2):
        for _ in range(count):
            kind, raw = await anext(watcher)
            found.append((kind, json.loads(raw)))
    return found


async def test_facts_keep_their_order_among_many_publishers(kit) -> None:
    feed = kit.feed
    watcher = feed.subscribe()
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(feed.vehicle_event(fact(kit, number)))
    stored = [e.id for e in kit.store.vehicle_facts]
    shown = [data["id"] for _, data in await take(watcher, 50)]
    assert shown == stored == [f"f{n}" for n in range(50)]


async def test_a_fact_is_stored_before_it_is_shown(kit) -> None:
    kit.store.answers.clear()
    watcher = kit.feed.subscribe()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(kit.feed.vehicle_event(fact(kit, 1)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(watcher)
        kit.store.answers.set()
        await task
    assert (await take(watcher, 1))[0][1]["id"] == "f1"


async def test_samples_are_latest_wins_per_vehicle_and_wait_for_no_fact(kit) -> None:
    kit.store.answers.clear()
    watcher = kit.feed.subscribe()
    async with asyncio.TaskGroup() as group:
        stuck = group.create_task(kit.feed.vehicle_event(fact(kit, 1)))
        await asyncio.sleep(0)
        for seq in range(1000):
            await kit.feed.telemetry(sample(kit, f"d{seq % 2}", seq), sortie="s1")
        found = await take(watcher, 2)
        kit.store.answers.set()
        await stuck
    assert {data["seq"] for _, data in found} == {998, 999}
    assert found[0][1]["sortie"] == "s1"


async def test_a_watcher_that_stops_reading_is_cut_off(kit) -> None:
    feed = LiveFeed(kit.store, (), depth=10)
    slow, quick = feed.subscribe(), feed.subscribe()
    for number in range(11):
        await feed.vehicle_event(fact(kit, number))
        await take(quick, 1)
    with pytest.raises(Overrun):
        await anext(slow)
    assert feed.watchers == 1


async def test_what_could_not_be_stored_is_stored_later_in_order(kit) -> None:
    kit.store.broken = "disk is full"
    watcher = kit.feed.subscribe()
    for number in range(3):
        await kit.feed.vehicle_event(fact(kit, number))
    assert kit.feed.store_fault == "disk is full"
    assert len(await take(watcher, 3)) == 3  # the operator sees them all the same
    kit.store.broken = None
    await kit.feed.vehicle_event(fact(kit, 3))
    assert [e.id for e in kit.store.vehicle_facts] == ["f0", "f1", "f2", "f3"]
    assert kit.feed.store_fault is None


async def test_a_closed_watcher_ends(kit) -> None:
    watcher = kit.feed.subscribe()
    watcher.close()
    with pytest.raises(StopAsyncIteration):
        await anext(watcher)


async def test_broadcast_gives_everything_from_now_on_to_each() -> None:
    broadcast: Broadcast[int] = Broadcast(depth=3)
    broadcast.send(0)
    with broadcast.listen() as one, broadcast.listen() as two:
        for number in (1, 2, 3):
            broadcast.send(number)
        assert [await anext(one) for _ in range(3)] == [1, 2, 3]
        broadcast.send(4)
        assert await anext(one) == 4
        with pytest.raises(Overrun):
            async for _ in two:
                pass
