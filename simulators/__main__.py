"""``python -m simulators copter|rover|speaker|listeners …``."""

import sys

from simulators.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
