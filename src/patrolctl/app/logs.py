"""Log lines: transitions on stderr, with the vehicle and run they are of."""

import logging
import sys

FIELDS = ("run", "sortie", "vehicle")
QUIET = ("aiosqlite", "alembic", "amqtt", "asyncio", "transitions", "uvicorn.error")


class _WithFields(logging.Formatter):
    """Puts the fields behind the message."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = " ".join(
            f"{name}={value}"
            for name in FIELDS
            if (value := getattr(record, name, None)) is not None
        )
        line = super().format(record)
        return f"{line} {fields}" if fields else line


def log_to_stderr(level: str) -> None:
    """Send logs of our packages to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _WithFields("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
