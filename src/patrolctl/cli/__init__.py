"""The command line."""

from patrolctl.cli.root import main

__all__ = ["main"]
