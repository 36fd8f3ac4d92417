"""``patrolctl agent``: the onboard speaker agent."""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import click

from patrolctl.clock import ScaledClock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.onboard import AgentOptions, run_agent


@click.command()
@click.option("--vehicle", required=True, help="Id of the vehicle.")
@click.option("--mavlink", required=True, metavar="ENDPOINT", help="Its autopilot.")
@click.option("--mqtt", required=True, metavar="URL", help="The service's broker.")
@click.option("--speaker", default=None, help="Id of the loudspeaker [the vehicle's].")
@click.option("--site", default="site", show_default=True, help="Site in the topics.")
@click.option(
    "--sink",
    default="alsa:default",
    show_default=True,
    help="alsa:DEVICE, pulse, or file:DIR.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("~/.cache/patrolctl-agent"),
    show_default=True,
    help="Clips, played keys and unsent reports.",
)
@click.option(
    "--clip-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=None,
    help="A folder of clips shared with the service.",
)
@click.option("--sysid", type=click.IntRange(1, 255), default=None)
@click.option("--cache-mb", type=click.IntRange(1), default=256, show_default=True)
@click.option(
    "--amplifier-temperature",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A file of millidegrees; above 80 °C the volume is halved.",
)
@click.option("--speedup", type=click.FloatRange(0, min_open=True), default=1.0)
@click.option("--epoch", type=float, default=None, help="UNIX seconds, with --speedup.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    vehicle: str,
    mavlink: str,
    mqtt: str,
    speaker: str | None,
    site: str,
    sink: str,
    cache: Path,
    clip_dir: Path | None,
    sysid: int | None,
    cache_mb: int,
    amplifier_temperature: Path | None,
    speedup: float,
    epoch: float | None,
) -> None:
    """Play each cue once at its station, with or without the service."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    epoch_utc = None if epoch is None else datetime.fromtimestamp(epoch, UTC)
    options = AgentOptions(
        vehicle_id=VehicleId(vehicle),
        speaker_id=SpeakerId(speaker or vehicle),
        site_id=site,
        mavlink=mavlink,
        mqtt=mqtt,
        sink=sink,
        cache_dir=cache.expanduser(),
        cache_bytes=cache_mb * 2**20,
        clip_dir=clip_dir,
        sysid=sysid,
        temperature_file=amplifier_temperature,
    )
    asyncio.run(run_agent(options, ScaledClock(speedup, epoch_utc=epoch_utc)))
