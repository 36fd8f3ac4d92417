"""``python -m simulators listeners``, and ``--truth`` of the other kinds."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from simulators.listeners.hall import ROVER_HORN_M, Hall, Playing
from simulators.listeners.place import read_place
from simulators.listeners.propagation import Ambient
from simulators.listeners.service import (
    HornAt,
    Listeners,
    read_horn,
    read_microphones,
    serve,
)
from simulators.listeners.truth import NavError, Pose, follow
from simulators.listeners.wire import Seen, parse_address, sender
from simulators.speaker.machine import Sounded
from simulators.vehicle import Vehicle


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``listeners``."""
    add = parser.add_argument
    add("--site", type=Path, required=True, metavar="SITE.GEOJSON")
    add(
        "--plan",
        type=Path,
        action="append",
        required=True,
        metavar="PLAN.JSON",
        help="a microphone at each of its receivers, its loudspeaker as the horn",
    )
    add("--listen", default="udp:127.0.0.1:0", metavar="udp:HOST:PORT")
    add("--out", type=Path, default=None, help="JSON lines; default: stdout")


def add_truth_options(parser: argparse.ArgumentParser, *, vehicle: bool) -> None:
    """The options of those who tell listeners the truth."""
    add = parser.add_argument
    add("--truth", default=None, metavar="udp:HOST:PORT", help="tell listeners")
    if vehicle:
        add("--name", default=None, help="the vehicle's name among the listeners")
        add("--nav-error", type=float, default=0.0, metavar="SIGMA_M")
        add("--compass-error", type=float, default=0.0, metavar="SIGMA_DEG")


def tell_poses(vehicle: Vehicle, args: argparse.Namespace) -> None:
    """Have a vehicle tell where it truly is, if ``--truth`` says to whom."""
    if args.truth is None:
        return
    send = sender(parse_address(args.truth))
    name = args.name or f"{vehicle.kind}-{args.sysid}"

    def tell(pose: Pose) -> None:
        send(Seen(name, pose))

    error = NavError(
        args.seed, sigma_m=args.nav_error, heading_sigma_deg=args.compass_error
    )
    follow(vehicle, tell, error=error)


def messages_of(sounded: Sounded, vehicle: str) -> list[Playing]:
    """The whole messages among what came out of a horn."""
    starts = (sounded.start_s + k * sounded.message_s for k in range(sounded.whole))
    return [Playing(sounded.key, vehicle, s, s + sounded.message_s) for s in starts]


def teller(args: argparse.Namespace) -> Callable[[Sounded], None] | None:
    """How a speaker tells what it truly played; None without ``--truth``."""
    if args.truth is None:
        return None
    send = sender(parse_address(args.truth))

    def tell(sounded: Sounded) -> None:
        for playing in messages_of(sounded, args.vehicle or args.id):
            send(playing)

    return tell


def _hall(args: argparse.Namespace) -> tuple[Hall, dict[str, HornAt]]:
    document = json.loads(args.plan[0].read_bytes())
    need = document["requirement"]
    ambient = replace(
        Ambient(),
        window=need["window"],
        indoor_db=need["indoor_noise_db"],
        outdoor_db=need["outdoor_noise_db"],
    )
    microphones = {m.id: m for path in args.plan for m in read_microphones(path)}
    hall = Hall(
        read_place(args.site),
        microphones.values(),
        ambient,
        sti_min=need["sti_min"],
    )
    horns: dict[str, HornAt] = {}
    for path in args.plan:
        horn = read_horn(path)
        for sortie in json.loads(path.read_bytes())["sorties"]:
            lift = ROVER_HORN_M if sortie["vehicle_kind"] == "rover" else 0.0
            if sortie.get("vehicle"):
                horns[sortie["vehicle"]] = HornAt(horn, lift)
    return hall, horns


async def run(args: argparse.Namespace) -> int:
    """Listen until cancelled."""
    address = parse_address(args.listen)
    with ExitStack() as stack:
        out = sys.stdout
        if args.out is not None:
            out = stack.enter_context(args.out.open("w", encoding="utf-8"))
        hall, horns = _hall(args)
        listeners = Listeners(hall, horns, out)
        bound = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(listeners, address, bound), name="listeners")
            port = await bound
            where = f"udp:{address[0]}:{port}"
            count = len(hall.microphones)
            print(f"READY listeners {count} {where}", flush=True)  # noqa: T201 - a command
    return 0
