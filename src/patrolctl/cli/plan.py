"""``patrolctl plan``: flights, patrol loops, and the safety gate alone."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from patrolctl.cli.output import emit, tell
from patrolctl.cli.progress import ProgressLine, first_interrupt_stops, stdout_kept
from patrolctl.config import brief_for_site, find_mission, load_brief
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import GateRefused, InputError
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import (
    Passes,
    Plan,
    PlanAnnouncement,
    PlanSummary,
    Requirement,
    Window,
)
from patrolctl.domain.violation import Severity, Violation
from patrolctl.sites import load_site

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN = 8


@click.group(name="plan")
def command() -> None:
    """Plan flights and patrol loops; run the safety gate on a plan."""


@dataclass(frozen=True, slots=True)
class Said:
    """The announcement as planners want it, and its sound where rendered."""

    announcement: PlanAnnouncement
    spectrum_db: tuple[float, ...] | None
    crest_db: float | None


def _brief(mission: str | None, site_file: Path | None) -> Brief:
    if mission is not None:
        brief = load_brief(find_mission(mission), site_file=site_file)
    elif site_file is not None:
        brief = brief_for_site(site_file)
    else:
        raise click.UsageError("name a MISSION folder, or a site with --site FILE")
    for line in brief.defaults:
        tell(f"default: {line}")
    for line in brief.site.warnings:
        tell(f"warning: {line}")
    return brief


def _said(brief: Brief, name: str | None) -> Said:
    """Render the announcement, unless its length is stated."""
    if not brief.announcements:
        raise InputError.one(f"mission {brief.name}", "has no announcement")
    known = {str(a.id): a for a in brief.announcements}
    if name is not None and name not in known:
        raise InputError.one(
            f"announcement {name}", "does not exist", f"one of {', '.join(known)}"
        )
    chosen = brief.announcements[0] if name is None else known[name]
    if chosen.stated_duration_s is not None:
        stated = PlanAnnouncement(chosen.id, chosen.stated_duration_s, chosen.repeats)
        return Said(stated, None, None)
    # The composition root pulls in every adapter; a stated length needs none.
    from patrolctl.app.speech import render_to_file  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        clip = render_to_file(chosen, Path(folder) / "clip.wav")
    announcement = PlanAnnouncement(
        chosen.id, clip.duration_s, chosen.repeats, clip.sha256
    )
    return Said(announcement, clip.spectrum_db, clip.crest_db)


def _write(plan: Plan, output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(encode(plan, indent=1) + b"\n")
        except OSError as e:
            raise InputError.one(
                str(output), f"cannot be written ({e.strerror or e})", "a writable path"
            ) from None
        tell(f"{output}: written")
    if as_json:
        emit(encode(plan))


def _summarise(plan: Plan) -> None:
    s = plan.summary
    for line in plan.warnings:
        tell(f"note: {line}")
    tell(
        f"receivers {s.reached} of {s.receivers} reached ({s.reachable} can be), "
        f"households {s.households_reached} of {s.households}"
    )
    gap = "" if s.gap is None else f", gap {s.gap:.1%}"
    time_s = s.mission_time_s if s.mission_time_s is not None else s.loop_time_s
    tell(
        f"{s.stations} stations{_in_flight(s)}, {s.sorties} sorties, "
        f"{time_s or 0.0:.0f} s{gap}, solved in {s.solve_s or 0.0:.1f} s"
    )
    why = Counter(r.reason for r in plan.receivers if not r.reached)
    for reason, count in why.most_common(_SHOWN):
        tell(f"not reached, {count} receivers: {reason or 'no reason known'}")


def _in_flight(summary: PlanSummary) -> str:
    return f" ({summary.passes} of them in flight)" if summary.passes else ""


def _gate(plan: Plan, brief: Brief) -> None:
    """Run the safety gate on a fresh plan.

    Raises:
        GateRefused: a planner's defect, or a limit only the gate knows.
    """
    # The gate is not needed until there is a plan.
    from patrolctl.safety import check_plan  # noqa: PLC0415

    found = check_plan(plan, brief.site)
    _told(found)
    if refused := tuple(v for v in found if v.severity is Severity.REFUSE):
        raise GateRefused(refused)


def _told(found: tuple[Violation, ...]) -> None:
    advice = [v for v in found if v.severity is not Severity.REFUSE]
    for v in advice[:_SHOWN]:
        tell(f"advice: {v}")
    if len(advice) > _SHOWN:
        tell(f"advice: and {len(advice) - _SHOWN} more")


@command.command("drone")
@click.argument("mission", required=False)
@click.option("-o", "--output", type=_FILE, help="the plan.json to write")
@click.option("--site", "site_file", type=_FILE, help="plan this site file")
@click.option("--zone", help="only receivers in this zone")
@click.option("--drones", type=click.IntRange(1, 8), help="how many share the work")
@click.option("--time-limit", type=float, default=10.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--window", type=click.Choice([w.value for w in Window]))
@click.option(
    "--passes",
    type=click.Choice([p.value for p in Passes]),
    help="whether short messages may be said in flight",
)
@click.option("--announcement", "said", metavar="ID", help="which announcement")
@click.option("--json", "as_json", is_flag=True, help="the plan on stdout")
def drone(  # noqa: PLR0913 - one parameter an option
    *,
    mission: str | None,
    output: Path | None,
    site_file: Path | None,
    zone: str | None,
    drones: int | None,
    time_limit: float,
    seed: int,
    window: str | None,
    passes: str | None,
    said: str | None,
    as_json: bool,
) -> None:
    """Plan loudspeaker flights for MISSION, or for any site with --site.

    Ctrl-C ends the search with the best plan so far.
    """
    # From the first moment on: whatever is loaded meanwhile takes its time.
    with first_interrupt_stops() as stop:
        # Pulls in numba and the solvers; the other commands do without.
        from patrolctl.planning.drone import DroneOrder, plan_drone  # noqa: PLC0415

        brief = _brief(mission, site_file)
        requirement = replace(brief.requirement, zone=zone or brief.requirement.zone)
        if window is not None:
            requirement = replace(requirement, window=Window(window))
        if passes is not None:
            requirement = replace(requirement, passes=Passes(passes))
        sound = _said(brief, said)
        with stdout_kept(), ProgressLine() as line:
            order = DroneOrder(
                announcement=sound.announcement,
                fleet=_of_kind(brief, VehicleKind.COPTER),
                requirement=requirement,
                created_utc=datetime.now(UTC),
                spectrum_db=sound.spectrum_db,
                crest_db=sound.crest_db,
                seed=seed,
                time_limit_s=time_limit,
                drones=drones,
                stop=stop,
            )
            plan = plan_drone(brief.site, order, line.show)
    _finish(plan, brief, output, as_json=as_json)


def _of_kind(brief: Brief, kind: VehicleKind) -> tuple[FleetVehicle, ...]:
    return tuple(v for v in brief.fleet if v.kind is kind)


def _finish(plan: Plan, brief: Brief, output: Path | None, *, as_json: bool) -> None:
    plan = replace(plan, defaults=(*brief.defaults, *plan.defaults))
    _summarise(plan)
    _write(plan, output, as_json=as_json)
    _gate(plan, brief)


@command.command("loop")
@click.argument("mission", required=False)
@click.option("-o", "--output", type=_FILE, help="the plan.json to write")
@click.option("--site", "site_file", type=_FILE, help="plan this site file")
@click.option("--zone", help="only sampling points in this zone")
@click.option("--vehicles", type=click.IntRange(1, 64))
@click.option("--headway", type=float, metavar="S", help="longest time between visits")
@click.option(
    "--cover",
    type=click.Choice(["points", "streets"]),
    default="points",
    show_default=True,
)
@click.option("--loops", type=click.IntRange(1), default=1, show_default=True)
@click.option("--time-limit", type=float, default=10.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--announcement", "said", metavar="ID", help="which announcement")
@click.option("--json", "as_json", is_flag=True, help="the plan on stdout")
def loop(  # noqa: PLR0913 - one parameter an option
    *,
    mission: str | None,
    output: Path | None,
    site_file: Path | None,
    zone: str | None,
    vehicles: int | None,
    headway: float | None,
    cover: str,
    loops: int,
    time_limit: float,
    seed: int,
    said: str | None,
    as_json: bool,
) -> None:
    """Plan patrol loops through all sampling points, or over all streets."""
    # Pulls in the solvers; the other commands do without.
    from patrolctl.planning.loop import LoopOrder, plan_loop  # noqa: PLC0415

    brief = _brief(mission, site_file)
    sound = _said(brief, said)
    with stdout_kept(), first_interrupt_stops() as stop, ProgressLine() as line:
        order = LoopOrder(
            announcement=sound.announcement,
            fleet=_of_kind(brief, VehicleKind.ROVER),
            requirement=replace(brief.requirement, zone=zone or brief.requirement.zone),
            created_utc=datetime.now(UTC),
            vehicles=vehicles,
            headway_s=headway,
            cover="streets" if cover == "streets" else "points",
            seed=seed,
            time_limit_s=time_limit,
            loops=loops,
            spectrum_db=sound.spectrum_db,
            stop=stop,
        )
        plan = plan_loop(brief.site, order, line.show)
    _finish(plan, brief, output, as_json=as_json)


@command.command("city")
@click.argument("site_dir", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="folder for NAME.plan.json",
)
@click.option("--window", type=click.Choice([w.value for w in Window]))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--effort", type=click.FloatRange(0.01, 1.0), help="1: as plan drone")
@click.option("--workers", type=click.IntRange(1, 256), help="processes")
@click.option("--json", "as_json", is_flag=True, help="the summary on stdout")
def city(  # noqa: PLR0913 - one parameter an option
    *,
    site_dir: Path,
    output: Path,
    window: str | None,
    seed: int,
    effort: float | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Plan every *.geojson block of SITE_DIR with the stated defaults.

    Ctrl-C stops; the same command goes on where it stopped.
    """
    # As above.
    from patrolctl.cli.city import run_city  # noqa: PLC0415

    requirement = Requirement(window=Window(window)) if window else Requirement()
    with stdout_kept(), first_interrupt_stops() as stop:
        summary = run_city(site_dir, output, (requirement, seed, effort, workers), stop)
    if as_json:
        emit(encode(summary))


@command.command("check")
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.option("--site", "site_file", type=_FILE, required=True)
@click.option("--json", "as_json", is_flag=True, help="violations on stdout")
def check(plan_file: Path, site_file: Path, as_json: bool) -> None:
    """Run the safety gate on PLAN; exit code 4 where it refuses."""
    from patrolctl.safety import check_plan  # noqa: PLC0415 - as above
    from patrolctl.sites import with_defaults  # noqa: PLC0415

    try:
        raw = plan_file.read_bytes()
    except OSError as e:
        raise InputError.one(
            str(plan_file), f"cannot be read ({e.strerror or e})", "a plan.json"
        ) from None
    plan = decode(raw, Plan, source=str(plan_file))
    site, _ = with_defaults(load_site(site_file))
    found = check_plan(plan, site)
    refused = tuple(v for v in found if v.severity is Severity.REFUSE)
    if as_json:
        emit(encode({"ok": not refused, "violations": found}))
    _told(found)
    if refused:
        raise GateRefused(refused)
    tell(f"{plan_file}: passed")
