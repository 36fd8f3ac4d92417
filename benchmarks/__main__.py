"""``make bench``: run every benchmark of this folder, or those that are named.

Each module has ``main()``, prints its table and returns nothing. Figures are
ratios to a peer or to a bound measured in the same run, because the machines
that run this are shared and noisy.
"""

import importlib
import pkgutil
import sys
import time
import traceback
from pathlib import Path


def run(names: list[str]) -> int:
    """Run the named benchmarks (all without names); the number that broke."""
    here = [m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])]
    chosen = names or sorted(n for n in here if not n.startswith("_"))
    broken = 0
    for name in chosen:
        if name not in here:
            print(f"no benchmark {name}; there are: {', '.join(sorted(here))}")
            return 2
        print(f"\n== {name} ==", flush=True)
        start_s = time.perf_counter()
        try:
            importlib.import_module(f"benchmarks.{name}").main()
        except Exception:  # noqa: BLE001 - the others still run
            traceback.print_exc()
            broken += 1
        print(f"-- {name}: {time.perf_counter() - start_s:.1f} s", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
