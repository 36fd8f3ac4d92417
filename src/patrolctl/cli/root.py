"""The root command: lazy subcommands and one mapping of errors to exits."""

import importlib
import os
import signal
import sys
import traceback
from typing import ClassVar

import click

from patrolctl import __version__
from patrolctl.cli.output import tell
from patrolctl.domain.errors import PatrolError


class LazyGroup(click.Group):
    """Imports a subcommand's module only when it is used.

    ``patrolctl agent`` must stay small: it must not pay for the planner.
    """

    modules: ClassVar[dict[str, str]] = {
        "agent": "patrolctl.cli.agent",
        "cap": "patrolctl.cli.cap",
        "demo": "patrolctl.cli.demo",
        "evidence": "patrolctl.cli.evidence",
        "export": "patrolctl.cli.export",
        "operator": "patrolctl.cli.operator",
        "plan": "patrolctl.cli.plan",
        "run": "patrolctl.cli.run",
        "say": "patrolctl.cli.say",
        "serve": "patrolctl.cli.serve",
        "site": "patrolctl.cli.site",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All subcommands."""
        del ctx
        return sorted(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The module's ``command``."""
        del ctx
        if cmd_name not in self.modules:
            return None
        command = importlib.import_module(self.modules[cmd_name]).command
        if not isinstance(command, click.Command):
            msg = f"{self.modules[cmd_name]}.command is no command"
            raise TypeError(msg)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="patrolctl")
def root() -> None:
    """Loudspeaker drones and patrol vehicles: plan, fly, prove.

    Exit codes: 0 done, 2 bad usage or input, 3 no feasible plan, 4 refused
    by the safety gate, 5 link or vehicle failure, 1 a defect of ours.
    """


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for e in error.exceptions for leaf in _leaves(e)]
    return [error]


def _exit_code(error: BaseException) -> int:
    """Tell the user what went wrong; a traceback is for defects on request."""
    leaves = _leaves(error)
    if any(isinstance(e, KeyboardInterrupt) for e in leaves):
        tell("interrupted")
        return 130
    known = [e for e in leaves if isinstance(e, PatrolError)]
    if known and len(known) == len(leaves):
        for patrol_error in known:
            tell(str(patrol_error))
        return max(e.exit_code for e in known)
    for e in leaves:
        tell(f"defect: {type(e).__name__}: {e}")
    if os.environ.get("PATROLCTL_DEBUG"):
        traceback.print_exception(error)
    else:
        tell("PATROLCTL_DEBUG=1 shows where")
    return 1


def main() -> None:
    """Run the command line and exit."""
    # A shell starts background jobs with SIGINT ignored, and then Ctrl-C or
    # ``kill -INT`` would leave vehicles and brokers running.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = root.main(standalone_mode=False)
    except click.exceptions.Exit as e:
        code = e.exit_code
    except click.Abort:
        tell("interrupted")
        code = 130
    except click.ClickException as e:
        e.show(sys.stderr)
        code = 2
    except BrokenPipeError:
        code = 0
    except BaseException as e:  # noqa: BLE001 - the outermost frame
        code = _exit_code(e)
    sys.exit(code if isinstance(code, int) else 0)
