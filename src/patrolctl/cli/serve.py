"""``patrolctl serve``."""

from pathlib import Path

import click

from patrolctl.app.lifetime import run_interruptible
from patrolctl.app.logs import log_to_stderr
from patrolctl.config import load_settings


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file; PATROLCTL_* variables stand above it.",
)
def command(config: Path | None) -> None:
    """Run the control service with its console until it is ended.

    It listens on loopback and has no log-in: whoever can reach the port
    operates the vehicles.
    """
    settings = load_settings(config)
    log_to_stderr(settings.log_level)
    # Now that the settings are good: this pulls in everything.
    from patrolctl.app.service import run_service  # noqa: PLC0415

    run_interruptible(lambda: run_service(settings))
