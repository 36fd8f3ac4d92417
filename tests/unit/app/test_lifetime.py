import signal
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, sys
from patrolctl.app.lifetime import Terminated, run_interruptible
async def main():
    try:
        print("up", flush=True)
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        print("closed", flush=True)
try:
    run_interruptible(main)
except Terminated as e:
    sys.exit(e.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_signals_close_everything_in_order(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=10)
    assert out == "closed\n"
    assert process.returncode == code
