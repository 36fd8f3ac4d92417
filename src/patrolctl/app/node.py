"""The name of this service among those that share a database."""

import uuid
from pathlib import Path

from patrolctl.domain.errors import StoreFailed


def node_name(state_dir: Path, given: str | None) -> str:
    """``name/process``: the name stays across restarts, the process does not.

    Args:
        state_dir: where a made-up name is kept.
        given: the name that the settings give it.

    Raises:
        StoreFailed: the name cannot be kept.
    """
    name = given or _kept(state_dir / "node")
    return f"{name}/{uuid.uuid4().hex[:12]}"


def _kept(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(f"node-{uuid.uuid4().hex[:8]}\n")
        return path.read_text().strip()
    except OSError as e:
        raise StoreFailed(f"{path}: {e.strerror}") from None
