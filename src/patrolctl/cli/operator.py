"""``patrolctl operator``: who may use the service."""

from pathlib import Path

import click

from patrolctl.cli.output import emit, tell
from patrolctl.config import load_settings
from patrolctl.config.operators import add_operator, read_operators, remove_operator
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.users import Role, User

_FILE = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The operators' file; else the configured one.",
)
_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The service's settings, which name the operators' file.",
)


@click.group(name="operator")
def command() -> None:
    """Operators, their roles and access keys.

    Where the operators' file exists the service asks everybody for an access
    key, and what is announced has to be approved by a second person.
    """


def _path(file: Path | None, config: Path | None) -> Path:
    return file or load_settings(config).operators_file


@command.command("add")
@click.argument("operator_id", metavar="ID")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", type=click.Choice([r.value for r in Role]), required=True)
@_FILE
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def add(
    *,
    operator_id: str,
    name: str,
    role: str,
    file: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Add an operator and print the access key, once."""
    path = _path(file, config)
    key = add_operator(path, User(operator_id, name, Role(role)))
    tell(f"{path}: {operator_id} is {role}; the key below is not kept anywhere")
    if as_json:
        emit(encode({"id": operator_id, "role": role, "file": str(path), "key": key}))
    else:
        emit(key.encode())


@command.command("list")
@_FILE
@_CONFIG
def show(*, file: Path | None, config: Path | None) -> None:
    """Print the operators."""
    path = _path(file, config)
    tables = read_operators(path)
    for t in tables:
        emit(f"{t.id}\t{t.role.value}\t{t.name}".encode())
    if not path.exists():
        tell(f"{path}: does not exist; whoever reaches the service operates it")
    elif not tables:
        tell(f"{path}: nobody; the service lets nobody in")


@command.command("remove")
@click.argument("operator_id", metavar="ID")
@_FILE
@_CONFIG
def remove(*, operator_id: str, file: Path | None, config: Path | None) -> None:
    """Remove an operator; it takes effect at once."""
    path = _path(file, config)
    remove_operator(path, operator_id)
    tell(f"{path}: {operator_id} is removed")
