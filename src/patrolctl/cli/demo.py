"""``patrolctl demo``."""

import click

from patrolctl.app.lifetime import run_interruptible
from patrolctl.app.listening import bind
from patrolctl.app.logs import log_to_stderr
from patrolctl.app.options import DemoOptions, WhenHeld
from patrolctl.cli.output import emit, tell
from patrolctl.config import find_mission, load_brief, load_settings
from patrolctl.domain.jsondoc import encode


@click.command()
@click.option("--mission", default="xuzhou-estate", show_default=True, metavar="DIR")
@click.option("--headless", is_flag=True, help="No console; with --once.")
@click.option("--once", is_flag=True, help="Carry everything out once, then exit.")
@click.option(
    "--speedup",
    type=click.FloatRange(0.1, 100.0),
    help="Simulated seconds a real one; 20 headless, else 5.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--idle", is_flag=True, help="Launch nothing until it is asked for.")
@click.option("--no-mosquitto", is_flag=True, help="Use the in-process broker.")
@click.option(
    "--when-held",
    type=click.Choice([WhenHeld.HOME.value, WhenHeld.WAIT.value]),
    default=WhenHeld.HOME.value,
    show_default=True,
    help="With --headless: what becomes of a sortie that is held and asks.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on stdout.")
def command(  # noqa: PLR0913 - one argument an option
    *,
    mission: str,
    headless: bool,
    once: bool,
    speedup: float | None,
    port: int,
    idle: bool,
    no_mosquitto: bool,
    when_held: str,
    as_json: bool,
) -> None:
    """Show a whole mission in simulation: broker, vehicles, speakers, console.

    With --headless --once it plans the flights and the patrol, carries both
    out to the end, prints who was reached and exits.
    """
    if headless is not once:
        raise click.UsageError("--headless and --once go together")
    folder = find_mission(mission)
    options = DemoOptions(
        mission_id=folder.resolve().name,
        brief=load_brief(folder),
        clip_dir=load_settings(None).clip_dir,
        speedup=speedup or (20.0 if headless else 5.0),
        launch=not idle,
        mosquitto=False if no_mosquitto else None,
        when_held=WhenHeld(when_held),
    )
    log_to_stderr("WARNING")
    listener = None if headless else bind("127.0.0.1", port)
    # Now that the input is good: this pulls in everything.
    from patrolctl.app.demo import run_demo, run_demo_once  # noqa: PLC0415

    if listener is not None:
        with listener:
            run_interruptible(lambda: run_demo(options, listener, tell))
        return
    report = run_interruptible(lambda: run_demo_once(options, tell))
    if as_json:
        emit(encode(report))
    tell(report.text())
    if report.exit_code:
        raise click.exceptions.Exit(report.exit_code)
