from pathlib import Path

import pytest

from patrolctl.app.lock import sole_user
from patrolctl.domain.errors import Conflict, StoreFailed


def test_two_on_one_directory_do_not_meet(tmp_path: Path) -> None:
    with (
        sole_user(tmp_path / "data"),
        pytest.raises(Conflict, match="another patrolctl"),
        sole_user(tmp_path / "data"),
    ):
        pass
    with sole_user(tmp_path / "data"):
        pass


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed), sole_user(tmp_path / "file" / "data"):
        pass
