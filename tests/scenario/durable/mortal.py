"""``patrolctl`` that can be told at which of its records it is killed.

KILL_AT=N: right after the N-th event of a run was committed. KILL_ON=TEXT:
after the first event that begins so. SIGKILL, by itself, before it goes on:
what the record announces was not done yet.
"""

import os
import signal
import sys

from patrolctl.__main__ import main
from patrolctl.store.database import SqlStore

AT, ON = int(os.environ.get("KILL_AT", "0")), os.environ.get("KILL_ON")
honest = SqlStore.save_run
count = 0


async def save_run(self, state, event):
    global count  # noqa: PLW0603 - one process, one count
    await honest(self, state, event)
    if event is None:
        return
    count += 1
    named = ON is not None and event.sortie_id and event.text.startswith(ON)
    if count == AT or named:
        os.kill(os.getpid(), signal.SIGKILL)


SqlStore.save_run = save_run

if __name__ == "__main__":  # a planner's process imports this file, too
    sys.argv[0] = "patrolctl"
    main()
