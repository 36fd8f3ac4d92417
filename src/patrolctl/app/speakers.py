"""The loudspeaker of each vehicle, by the driver that its mission names."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.machines import DjiAddress, FleetVehicle
from patrolctl.mqtt import MqttHub
from patrolctl.mqtt.dji import DjiHub, DjiOptions, open_dji
from patrolctl.ports import Speaker


@dataclass(frozen=True, slots=True)
class SpeakerOptions:
    """What the drivers need; ``mqtt_url`` None: nobody has a loudspeaker."""

    mqtt_url: str | None
    http_url: str | None
    clip_dir: Path
    state_dir: Path


async def open_speakers(
    stack: AsyncExitStack,
    vehicles: Mapping[VehicleId, tuple[FleetVehicle, str]],
    hubs: Mapping[str, MqttHub],
    options: SpeakerOptions,
    clock: Clock,
) -> dict[VehicleId, Speaker]:
    """Every vehicle's loudspeaker.

    Args:
        stack: keeps DJI's connection open.
        vehicles: the fleet, each vehicle with its site.
        hubs: the open hubs by site.
        options: see there.
        clock: time.
    """
    found: dict[VehicleId, Speaker] = {}
    behind_dji: list[tuple[SpeakerId, VehicleId, DjiAddress]] = []
    for entry, site_id in vehicles.values():
        if entry.speaker_id is None or site_id not in hubs:
            continue
        if entry.speaker_dji is None:
            found[entry.id] = hubs[site_id].speaker(entry.speaker_id, entry.id)
        else:
            behind_dji.append((entry.speaker_id, entry.id, entry.speaker_dji))
    if behind_dji and options.mqtt_url is not None:
        hub = await _open_dji(stack, tuple(behind_dji), options, clock)
        for who in behind_dji:
            found[who[1]] = hub.speaker(*who)
    return found


async def _open_dji(
    stack: AsyncExitStack,
    who: tuple[tuple[SpeakerId, VehicleId, DjiAddress], ...],
    options: SpeakerOptions,
    clock: Clock,
) -> DjiHub:
    dji = DjiOptions(
        clip_dir=options.clip_dir,
        clip_base_url=options.http_url,
        keys_file=options.state_dir / "dji-keys.db",
    )
    return await stack.enter_async_context(
        open_dji(options.mqtt_url or "", addresses=who, options=dji, clock=clock)
    )
