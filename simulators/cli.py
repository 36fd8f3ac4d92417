"""Command line of the simulators."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulators import trouble
from simulators.build import build
from simulators.clock import SimClock
from simulators.config import VehicleConfig
from simulators.dji import service as dji
from simulators.listeners import options as listening
from simulators.server import Endpoint, Server
from simulators.serving import read_faults, serve
from simulators.speaker.machine import SpeakerFaults
from simulators.speaker.service import SpeakerConfig, SpeakerService


def main(argv: list[str]) -> int:
    """Run one simulator until it is interrupted."""
    args = _parser().parse_args(argv)
    runs = {"speaker": _speaker, "listeners": listening.run, "dji": dji.run}
    try:
        return asyncio.run(_until_signal(runs.get(args.kind, _vehicle)(args)))
    except* (OSError, ValueError) as faults:
        for fault in faults.exceptions:
            print(f"simulators: {fault}", file=sys.stderr)  # noqa: T201 - a command
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("copter", "rover"):
        _vehicle_options(kinds.add_parser(kind, help=f"a simulated {kind}"))
    speaker = kinds.add_parser("speaker", help="a simulated loudspeaker")
    _speaker_options(speaker)
    listeners = kinds.add_parser("listeners", help="microphones that hear speakers")
    listening.add_options(listeners)
    dock = kinds.add_parser("dji", help="a simulated DJI dock with a loudspeaker")
    dji.add_options(dock)
    return parser


def _speaker_options(parser: argparse.ArgumentParser) -> None:
    listening.add_truth_options(parser, vehicle=False)
    add = parser.add_argument
    add("--id", required=True)
    add("--vehicle", default=None)
    add("--site", required=True)
    add("--mqtt", default="mqtt://127.0.0.1:1883")
    add("--speedup", type=float, default=1.0)
    add("--epoch", type=float, default=None, metavar="UNIX_S")
    add("--clip-dir", type=Path, default=None)
    add("--state-dir", type=Path, default=None, help="keeps played keys")
    add("--mavlink", default=None, metavar="tcp:HOST:PORT", help="see the vehicle")
    add("--mqtt-version", choices=("5", "3.1.1"), default="5")
    add("--seed", type=int, default=0)
    add(
        "--fault",
        action="append",
        default=[],
        metavar="missing-clip|device|drop-clip|cut-after=S",
    )


def _vehicle_options(parser: argparse.ArgumentParser) -> None:
    listening.add_truth_options(parser, vehicle=True)
    add = parser.add_argument
    default = VehicleConfig()
    add("--listen", action="append", metavar="ENDPOINT", help="tcp|udp|udpin:host:port")
    add("--sysid", type=int, default=1)
    add("--lat", type=float, default=default.lat_deg)
    add("--lon", type=float, default=default.lon_deg)
    add("--amsl", type=float, default=default.amsl_m)
    add("--heading", type=float, default=0.0)
    add("--speedup", type=float, default=1.0)
    add("--epoch", type=float, default=None, metavar="UNIX_S")
    add("--seed", type=int, default=0)
    add("--uid", type=int, default=None)
    add("--battery-s", type=float, default=None)
    add("--ready-scale", type=float, default=1.0, help="0: ready at once")
    add("--wind", default="0,0", metavar="M_S,TOWARDS_DEG")
    add("--fault", action="append", default=[], metavar="KIND[@S][=VALUE]")
    add("--param", action="append", default=[], metavar="NAME=VALUE")
    add("--signing-key", default=None, metavar="HEX", help="32 bytes")


def _config(args: argparse.Namespace, clock: SimClock) -> VehicleConfig:
    key = None if args.signing_key is None else bytes.fromhex(args.signing_key)
    if key is not None and len(key) != 32:
        msg = f"--signing-key has {len(key)} bytes, not 32"
        raise ValueError(msg)
    speed, towards = (float(part) for part in args.wind.split(","))
    overrides = dict(_param(text) for text in args.param)
    return replace(
        VehicleConfig(kind=args.kind),
        sysid=args.sysid,
        lat_deg=args.lat,
        lon_deg=args.lon,
        amsl_m=args.amsl,
        heading_deg=args.heading,
        seed=args.seed,
        uid=args.uid,
        battery_s=args.battery_s,
        ready_scale=args.ready_scale,
        start_utc_s=clock.start_utc_s,
        signing_key=key,
        wind=(speed, towards),
        param_overrides=overrides,
    )


def _param(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


async def _vehicle(args: argparse.Namespace) -> int:
    clock = SimClock(args.speedup, args.epoch)
    try:
        vehicle = build(_config(args, clock))
    except KeyError as fault:
        msg = f"--param {fault}: no such parameter"
        raise ValueError(msg) from fault
    link_faults, troubles = trouble.parse(args.fault)
    trouble.plan(vehicle, troubles)
    listening.tell_poses(vehicle, args)
    server = Server(vehicle, clock, link_faults)
    for number, text in enumerate(args.listen or ["tcp:127.0.0.1:5760"]):
        # serial0 does not ask for signatures, the other ports do
        await server.open(Endpoint.parse(text), trusted=number == 0)
    where = " ".join(str(endpoint) for endpoint in server.bound)
    print(f"READY {args.kind} sysid={args.sysid} {where}", flush=True)  # noqa: T201
    await server.run()
    return 0


def _speaker_faults(texts: list[str]) -> SpeakerFaults:
    flags = ("missing-clip", "device", "drop-clip")
    return read_faults(SpeakerFaults(), texts, flags=flags, seconds=("cut-after",))


async def _speaker(args: argparse.Namespace) -> int:
    clock = SimClock(args.speedup, args.epoch)
    config = SpeakerConfig(
        speaker_id=args.id,
        vehicle_id=args.vehicle,
        site=args.site,
        mqtt=args.mqtt,
        clip_dir=args.clip_dir,
        state_dir=args.state_dir,
        faults=_speaker_faults(args.fault),
        seed=args.seed,
        version_5=args.mqtt_version == "5",
        mavlink=args.mavlink,
    )
    service = SpeakerService(config, clock, on_sounded=listening.teller(args))
    await serve(service, "speaker", f"READY speaker {args.id} {args.mqtt}")
    return 0


async def _until_signal(run: Coroutine[Any, Any, int]) -> int:
    """Run until SIGINT or SIGTERM, and end without a trace."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(run)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return 0
