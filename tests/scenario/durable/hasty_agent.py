"""The real onboard agent, at the simulation's speed: ``patrolctl agent`` has none."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from patrolctl.clock import ScaledClock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.onboard.main import AgentOptions, run_agent

vehicle, speaker, site, mavlink, mqtt, folder, clips, speedup, epoch_s = sys.argv[1:]
options = AgentOptions(
    vehicle_id=VehicleId(vehicle),
    speaker_id=SpeakerId(speaker),
    site_id=site,
    mavlink=mavlink,
    mqtt=mqtt,
    sink=f"file:{folder}/sound-{vehicle}",
    cache_dir=Path(folder) / f"cache-{vehicle}",
    clip_dir=Path(clips),
)
epoch = datetime.fromtimestamp(float(epoch_s), UTC)
asyncio.run(run_agent(options, ScaledClock(float(speedup), epoch_utc=epoch)))
