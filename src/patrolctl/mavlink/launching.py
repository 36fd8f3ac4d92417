"""The launch sequence: each step confirmed, each refusal in plain words.

Between the last look at the mission and the start a second ground station
could still change it. So the mission is read once more after arming, while a
copter stands in GUIDED and a rover in MANUAL: what sets off is what was seen
armed (a copter disarms by itself 10 s after arming, mavlink.md).
"""

from collections.abc import Awaitable, Callable

from patrolctl.domain.errors import CommandFailed, LaunchRefused, VehicleError
from patrolctl.domain.mission import Mission, UploadReceipt
from patrolctl.mavlink.autopilots.base import Purpose
from patrolctl.mavlink.cockpit import Approved, Cockpit
from patrolctl.mavlink.command import Order
from patrolctl.mavlink.progress import Progress
from patrolctl.mavlink.storing import (
    mission_difference,
    parameter_faults,
    stored_differences,
)
from patrolctl.mavlink.wire import Cmd, distance_m

ARMED_WITHIN_S = 5.0
STARTED_WITHIN_S = 6.0
LATE_TEXT_S = 1.5


async def launch(
    cockpit: Cockpit,
    receipt: UploadReceipt,
    arming: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Arm and start exactly the mission of ``receipt``.

    ``arming`` is awaited just before the command to arm: whoever has to write
    that down does it there.

    Raises:
        LaunchRefused: with every reason; the vehicle is left disarmed.
    """
    vehicle_id = cockpit.entry.id
    try:
        approved = await _check(cockpit, receipt)
        await _set_first(cockpit, approved)
        if arming is not None:
            await arming()
        await _arm(cockpit)
    except LaunchRefused:
        raise
    except VehicleError as e:
        raise LaunchRefused(vehicle_id, (e.what,)) from None
    try:
        await _check_again(cockpit, approved)
        await _start(cockpit, approved)
    except VehicleError as e:
        left = await _leave_disarmed(cockpit)
        reasons = e.reasons if isinstance(e, LaunchRefused) else (e.what,)
        raise LaunchRefused(vehicle_id, (*reasons, *left)) from None


def _refuse_if(cockpit: Cockpit, reasons: tuple[str, ...]) -> None:
    if reasons:
        raise LaunchRefused(cockpit.entry.id, reasons)


async def _check(cockpit: Cockpit, receipt: UploadReceipt) -> Approved:
    approved = cockpit.approved
    if receipt.vehicle_id != cockpit.entry.id:
        _refuse_if(cockpit, (f"the receipt is of vehicle {receipt.vehicle_id}",))
    if receipt.boot_id != cockpit.boot_id:
        why = "the autopilot rebooted since the mission was verified"
        _refuse_if(cockpit, (why,))
    if approved is None or approved.receipt.digest != receipt.digest:
        since = f" ({cockpit.voided})" if cockpit.voided else ""
        why = f"the vehicle does not hold the approved mission any more{since}"
        _refuse_if(cockpit, (why,))
        raise LaunchRefused(cockpit.entry.id, (why,))
    _refuse_if(cockpit, await cockpit.ready())
    _refuse_if(cockpit, _home_faults(cockpit, approved.mission))
    mission = approved.mission
    _refuse_if(cockpit, await parameter_faults(cockpit.desk, mission, write=False))
    _refuse_if(cockpit, await stored_differences(cockpit.desk, approved.wire))
    return approved


def _home_faults(cockpit: Cockpit, mission: Mission) -> tuple[str, ...]:
    """Arming makes home where the vehicle stands, so that is what counts."""
    position, options = cockpit.view.position, cockpit.options
    if position is None:
        return ("the vehicle has not told its position yet",)
    away_m = distance_m(position.latlon, mission.home)
    off_m = position.amsl_m - mission.home_amsl_m
    faults = []
    if away_m > options.home_tolerance_m:
        faults.append(
            f"it stands {away_m:.0f} m from the planned home, "
            f"at most {options.home_tolerance_m:.0f} m are allowed"
        )
    known = mission.home_amsl_known
    if known and abs(off_m) > options.home_altitude_tolerance_m:
        faults.append(
            f"it stands {off_m:+.0f} m above the planned home, "
            f"at most {options.home_altitude_tolerance_m:.0f} m are allowed"
        )
    return tuple(faults)


async def _set_first(cockpit: Cockpit, approved: Approved) -> None:
    # Without reset (param2 = 1): on a disarmed rover that executes the first
    # items at once, in MANUAL, and ends in an internal error that forbids
    # arming until a reboot (seen on 4.7-dev). Jump counters need none: they
    # begin anew at each disarming and each upload.
    step = approved.wire.steps[0]
    await cockpit.set_current(step.first)
    view = cockpit.view
    # A copter tells 0 until it is armed (seen on 4.7-dev). A mission that is
    # not running goes on to its first navigation command and tells that one,
    # behind a leading speed change (AP_Mission::set_current_cmd).
    at_first = {0, *range(step.first, step.last + 1)}
    await cockpit.confirm(
        lambda: view.wire_seq in at_first,
        "set current item",
        "the first item did not become the current one",
    )


async def _arm(cockpit: Cockpit) -> None:
    await cockpit.enter(Purpose.ARM, "arming mode")
    since_s = cockpit.clock.monotonic_s()
    arm = Order(Cmd.COMPONENT_ARM_DISARM, (1.0,))
    cockpit.late.arm_sent(since_s)
    result = await cockpit.desk.result_of(arm, "arm")
    if result != "EXPIRED":
        cockpit.late.arm_answered(cockpit.clock.monotonic_s())
    if result != "ACCEPTED":
        # The text that explains it often comes after the ACK.
        await cockpit.clock.sleep(LATE_TEXT_S)
        reasons = cockpit.view.refusals_since(since_s)
        left = await _leave_disarmed(cockpit) if result == "EXPIRED" else ()
        _refuse_if(cockpit, (*(reasons or (f"arming was {result}",)), *left))
    try:
        await cockpit.confirm(
            lambda: cockpit.view.armed is True,
            "arm",
            "it accepted arming but does not report to be armed",
            ARMED_WITHIN_S,
        )
    except CommandFailed as e:
        left = await _leave_disarmed(cockpit)
        reasons = cockpit.view.refusals_since(since_s)
        _refuse_if(cockpit, (e.what, *reasons, *left))


async def _check_again(cockpit: Cockpit, approved: Approved) -> None:
    if cockpit.approved is not approved:
        _refuse_if(cockpit, ("the mission was changed or the autopilot rebooted",))
    difference = await mission_difference(cockpit.desk, approved.wire)
    _refuse_if(cockpit, (difference,) if difference else ())
    _refuse_if(cockpit, _home_faults(cockpit, approved.mission))


async def _start(cockpit: Cockpit, approved: Approved) -> None:
    view = cockpit.view
    cockpit.progress = Progress(
        approved.wire, cockpit.entry.kind, stall_s=cockpit.options.stall_s
    )
    view.commanded(Purpose.MISSION, cockpit.clock.monotonic_s())
    if not view.armed:
        _refuse_if(cockpit, ("it disarmed before the start",))
    cockpit.late.start_sent(cockpit.clock.monotonic_s())
    await cockpit.desk.order(cockpit.pilot.start(), "start")
    await cockpit.confirm(
        lambda: bool(view.mission_active) and bool(view.armed),
        "start",
        "it accepted the start but does not fly its mission",
        STARTED_WITHIN_S,
    )


async def _leave_disarmed(cockpit: Cockpit) -> tuple[str, ...]:
    """Disarm what stands on the ground; what it says when that fails."""
    cockpit.progress = None
    if cockpit.view.flown:
        return ("it is in the air already and was left to its failsafes",)
    try:
        await cockpit.disarm()
    except VehicleError as e:
        return (f"it may be armed: {e.what}",)
    return ()
