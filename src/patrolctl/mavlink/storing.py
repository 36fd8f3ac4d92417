"""Put fence, rally points and mission on the vehicle, and prove it.

Nothing is taken on the vehicle's word: whatever the upload said, everything
is read back and compared, because uploads are not atomic and the last ACK
may be lost (mavlink.md, transfer).
"""

import contextlib
from collections.abc import Sequence

from patrolctl.domain.errors import LinkFailed, UploadFailed
from patrolctl.domain.mission import Mission
from patrolctl.mavlink.autopilots.base import WireMission
from patrolctl.mavlink.orders import Desk
from patrolctl.mavlink.upload import FetchItems, FetchResult, SendItems
from patrolctl.mavlink.wire import MissionType, WireItem

TRIES = 3
NAMES = {
    MissionType.MISSION: "mission",
    MissionType.FENCE: "fence",
    MissionType.RALLY: "rally points",
}
# What another try will not change.
FINAL = {
    "NO_SPACE",
    "UNSUPPORTED",
    "UNSUPPORTED_FRAME",
    "DENIED",
    "INVALID",
    "INVALID_PARAM1",
    "INVALID_PARAM2",
    "INVALID_PARAM3",
    "INVALID_PARAM4",
    "INVALID_PARAM5_X",
    "INVALID_PARAM6_Y",
    "INVALID_PARAM7",
}


async def store_mission(desk: Desk, mission: Mission, wire: WireMission) -> int:
    """Fence first, then parameters, then the mission; each read back.

    Returns:
        The number of items compared.

    Raises:
        UploadFailed: refused, timed out, or it reads back differently.
        LinkFailed: the link was lost.
    """
    await _put(desk, wire.fence, MissionType.FENCE, skip=0)
    await _put(desk, wire.rally, MissionType.RALLY, skip=0)
    faults = await parameter_faults(desk, mission, write=True)
    if faults:
        raise UploadFailed(desk.link.entry.id, "PARAMETERS", detail="; ".join(faults))
    try:
        await _put(desk, wire.items, MissionType.MISSION, skip=int(wire.home_item))
    except UploadFailed:
        # A refused upload leaves its prefix: nobody shall fly that.
        await _clear(desk, MissionType.MISSION)
        raise
    return len(wire.items) + len(wire.fence) + len(wire.rally)


async def parameter_faults(
    desk: Desk, mission: Mission, *, write: bool
) -> tuple[str, ...]:
    """Every parameter rule that does not hold, in words."""
    rules = desk.pilot.parameters(mission, desk.link.options.gcs_sysid)
    return tuple(await desk.enforce(rules, write=write))


async def stored_differences(desk: Desk, wire: WireMission) -> tuple[str, ...]:
    """Read everything back once more; what differs from what was approved."""
    parts = (
        (wire.fence, MissionType.FENCE, 0),
        (wire.rally, MissionType.RALLY, 0),
        (wire.items, MissionType.MISSION, int(wire.home_item)),
    )
    found = [await _look(desk, items, kind, skip) for items, kind, skip in parts]
    return tuple(text for text in found if text)


async def mission_difference(desk: Desk, wire: WireMission) -> str:
    """Read the mission alone back; empty when it is the approved one."""
    skip = int(wire.home_item)
    return await _look(desk, wire.items, MissionType.MISSION, skip)


async def _put(
    desk: Desk, items: Sequence[WireItem], kind: MissionType, *, skip: int
) -> None:
    link = desk.link
    told = ""
    for _ in range(TRIES):
        upload = SendItems(items, kind, link.target, link.options.timing)
        await link.run(upload)
        sent = upload.result
        if sent is None:
            continue
        told = sent.result
        if sent.accepted or sent.unknown:
            difference = await _look(desk, items, kind, skip)
            if not difference:
                return
            told = f"{told}, but {difference}" if sent.unknown else difference
        elif sent.result in FINAL:
            raise UploadFailed(link.entry.id, sent.result, sent.seq, NAMES[kind])
        await _quiet(desk, upload.quiet_until_s)
    raise UploadFailed(link.entry.id, "NOT VERIFIED", detail=f"{NAMES[kind]}: {told}")


async def _clear(desk: Desk, kind: MissionType) -> None:
    link = desk.link
    with contextlib.suppress(LinkFailed):
        await link.run(SendItems((), kind, link.target, link.options.timing))


async def _quiet(desk: Desk, until_s: float) -> None:
    """Let the vehicle give up its half-open transfer by itself."""
    left_s = until_s - desk.link.clock.monotonic_s()
    if left_s > 0:
        await desk.link.clock.sleep(left_s)


async def _fetch(desk: Desk, kind: MissionType) -> FetchResult:
    link = desk.link
    window = desk.pilot.fetch_window
    fetch = FetchItems(kind, link.target, link.options.timing, window=window)
    await link.run(fetch)
    return fetch.result or FetchResult("TIMEOUT")


async def mission_edit(desk: Desk, wire: WireMission) -> str:
    """What somebody changed in the mission; empty also when it cannot be read now."""
    got = await _fetch(desk, MissionType.MISSION)
    if not got.complete:
        return ""
    skip = int(wire.home_item)
    return _compare(desk, wire.items, got, MissionType.MISSION, skip)


async def _look(
    desk: Desk, items: Sequence[WireItem], kind: MissionType, skip: int
) -> str:
    got = await _fetch(desk, kind)
    if not got.complete:
        return f"the {NAMES[kind]} could not be read back ({got.result})"
    return _compare(desk, items, got, kind, skip)


def _compare(
    desk: Desk,
    items: Sequence[WireItem],
    got: FetchResult,
    kind: MissionType,
    skip: int,
) -> str:
    name = NAMES[kind]
    if len(got.items) != len(items):
        return f"the {name} read back has {len(got.items)} items, not {len(items)}"
    for seq in range(skip, len(items)):
        difference = desk.pilot.difference(items[seq], got.items[seq])
        if difference:
            return f"{name} item {seq} read back: {difference}"
    return ""
