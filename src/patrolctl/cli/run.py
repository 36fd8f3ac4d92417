"""``patrolctl run``."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import click

from patrolctl.app.lifetime import run_interruptible
from patrolctl.app.logs import log_to_stderr
from patrolctl.app.options import OnceOptions, VehicleChoice, WhenHeld
from patrolctl.cli.output import emit, tell
from patrolctl.config import load_settings
from patrolctl.domain.errors import Fault, InputError
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.plan import Plan

ENDPOINT = re.compile(
    r"^(tcp|udp|udpin):(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):\d{1,5}$"
    r"|^serial:(/dev/[^\s:]+|COM\d+):\d{3,7}$"
)
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}$")


def read_plan(path: Path) -> Plan:
    """A plan file; raises InputError."""
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise InputError.one(str(path), (e.strerror or str(e)).lower()) from None
    return decode(raw, Plan, source=str(path))


def vehicles_of(
    vehicles: tuple[str, ...], speakers: tuple[str, ...]
) -> tuple[VehicleChoice, ...]:
    """The vehicles as they were given; raises InputError with every fault.

    ``ID=ENDPOINT`` or ``ID@SYSID=ENDPOINT``; speakers ``ID=mqtt`` belong to the
    vehicles in the order given, ``VEHICLE/ID=mqtt`` to the one that is named.
    """
    faults: list[Fault] = []
    found: dict[str, VehicleChoice] = {}
    for text in vehicles:
        name, _, endpoint = text.partition("=")
        vehicle_id, _, sysid = name.partition("@")
        good = NAME.match(vehicle_id) and re.fullmatch(r"\d{0,3}", sysid)
        if not good or not ENDPOINT.match(endpoint):
            right = (
                "ID=tcp:host:port, udp:host:port, udpin:host:port or serial:/dev/…:baud"
            )
            faults.append(Fault("--vehicle", f"is {text!r}", right))
        elif vehicle_id in found:
            faults.append(Fault("--vehicle", f"{vehicle_id} is given twice"))
        else:
            found[vehicle_id] = VehicleChoice(vehicle_id, endpoint, int(sysid or 1))
    free = iter(tuple(found))
    for text in speakers:
        name, _, driver = text.partition("=")
        owner, slash, speaker_id = name.rpartition("/")
        vehicle_id = owner if slash else next(free, "")
        if driver != "mqtt" or not NAME.match(speaker_id) or vehicle_id not in found:
            right = "ID=mqtt, in the order of the vehicles, or VEHICLE/ID=mqtt"
            faults.append(Fault("--speaker", f"is {text!r}", right))
        else:
            known = found[vehicle_id]
            found[vehicle_id] = replace(known, speaker_id=speaker_id)
    if faults:
        raise InputError(faults)
    return tuple(found.values())


def _by_terminal() -> WhenHeld:
    return WhenHeld.ASK if sys.stdin.isatty() else WhenHeld.WAIT


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--vehicle", "vehicles", multiple=True, required=True, metavar="ID=ENDPOINT"
)
@click.option("--speaker", "speakers", multiple=True, metavar="ID=mqtt")
@click.option("--site", type=click.Path(path_type=Path), help="The plan's site file.")
@click.option("--mqtt", help="Broker, mqtt://host:port.", metavar="URL")
@click.option("--authority", help="By whose authority; recorded with the run.")
@click.option("--simulated", is_flag=True, help="Nobody hears it: no quiet hours.")
@click.option(
    "--when-held",
    type=click.Choice([w.value for w in WhenHeld]),
    help="When a sortie is held and asks: 'ask' reads resume, home or land from"
    " standard input; 'home' calls the run home at once; 'wait' waits (an hour on"
    " the ground; in the air until its battery calls it home)."
    "  [default: ask on a terminal, else wait]",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on stdout.")
def command(  # noqa: PLR0913 - one argument an option
    *,
    plan: Path,
    vehicles: tuple[str, ...],
    speakers: tuple[str, ...],
    site: Path | None,
    mqtt: str | None,
    authority: str | None,
    simulated: bool,
    when_held: str | None,
    as_json: bool,
) -> None:
    """Carry out a plan with the given vehicles, and wait for the end.

    A run may be held and ask: a battery to change, airspace that was closed, a
    pilot who took over. Then type resume, home or land (see --when-held).

    Ctrl-C calls the vehicles home and waits for them; a second one leaves
    them to their own failsafes.
    """
    given = vehicles_of(vehicles, speakers)
    settings = load_settings(None)
    if mqtt is not None:
        settings = replace(settings, mqtt_url=mqtt)
    if speakers and settings.mqtt_url is None:
        settings = replace(settings, mqtt_url="mqtt://127.0.0.1:1883")
    options = OnceOptions(
        plan=read_plan(plan),
        vehicles=given,
        site_file=site,
        authority=authority,
        simulated=simulated,
        when_held=WhenHeld(when_held) if when_held else _by_terminal(),
    )
    log_to_stderr("WARNING")
    # Now that the input is good: this pulls in everything.
    from patrolctl.app.once import run_once  # noqa: PLC0415

    report = run_interruptible(lambda: run_once(options, settings, tell))
    if as_json:
        emit(encode(report))
    tell(f"{report.run_id}: {report.phase}")
    if report.exit_code:
        raise click.exceptions.Exit(report.exit_code)
