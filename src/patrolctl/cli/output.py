"""What the commands print: people read stderr, programs read stdout."""

import click


def tell(text: str) -> None:
    """One or more lines for people."""
    click.echo(text, err=True)


def emit(document: bytes) -> None:
    """The one JSON document of ``--json``."""
    click.echo(document.decode())
