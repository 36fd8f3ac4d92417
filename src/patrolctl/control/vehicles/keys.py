"""Idempotency keys: ``run:cue``, ``:lapN`` from the second lap, ``:tryN`` after.

A key is played once, ever. A message that was cut is said again under the
next try's key; all tries of a cue have one name, ``cue`` or ``cue:lapN``.
"""

import re

from patrolctl.domain.ids import RunId

_TRY = re.compile(r":try\d+$")


def cue_name(cue_id: str, lap: int) -> str:
    """The name of a cue in a lap, counted from 0."""
    return f"{cue_id}:lap{lap + 1}" if lap else cue_id


def key_of(run_id: RunId, name: str, attempt: int = 1) -> str:
    """The key of a cue's attempt, counted from 1."""
    again = f":try{attempt}" if attempt > 1 else ""
    return f"{run_id}:{name}{again}"


def run_of(key: str) -> RunId | None:
    """The run that a key belongs to."""
    run, colon, _ = key.partition(":")
    return RunId(run) if colon and run else None


def name_of(key: str) -> str:
    """The cue's name in a key."""
    return _TRY.sub("", key.partition(":")[2])
