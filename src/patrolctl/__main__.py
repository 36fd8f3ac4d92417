"""``patrolctl`` and ``python -m patrolctl``."""

from patrolctl.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
