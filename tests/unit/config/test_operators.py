"""The operators' file: written, read again when it changes, never open by fault."""

import os
import stat

import pytest
from click.testing import CliRunner

from patrolctl.cli.operator import command
from patrolctl.config.operators import (
    Operators,
    add_operator,
    read_operators,
    remove_operator,
)
from patrolctl.domain.errors import Conflict, InputError, NotFound
from patrolctl.domain.users import Role, User

LI = User("li", 'Li "Wei" 李', Role.APPROVER)


def test_without_a_file_there_is_no_log_in(tmp_path):
    operators = Operators(tmp_path / "operators.toml")
    assert not operators.on
    assert operators.users == ()


def test_a_key_is_found_and_not_kept(tmp_path):
    path = tmp_path / "deep" / "operators.toml"
    key = add_operator(path, LI)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.partition(".")[2] not in path.read_text()
    operators = Operators(path)
    assert operators.on
    assert operators.find(key) == LI
    for wrong in ("", key[:-1], key + "x", "li." + "x" * 43, "nobody." + key[3:]):
        assert operators.find(wrong) is None
    two = add_operator(path, User("wu", "Wu", Role.VIEWER))
    assert operators.find(two) == User("wu", "Wu", Role.VIEWER)
    assert operators.find(key) == LI
    assert len({t.key.split("$")[1] for t in read_operators(path)}) == 2


def test_who_is_removed_is_out_at_once_and_nobody_gets_in_instead(tmp_path):
    path = tmp_path / "operators.toml"
    key = add_operator(path, LI)
    operators = Operators(path)
    before = operators.stamp("li")
    assert before is not None
    remove_operator(path, "li")
    assert operators.find(key) is None
    assert operators.stamp("li") is None
    assert operators.on  # an empty file lets nobody in
    again = add_operator(path, LI)
    assert operators.find(key) is None
    assert operators.find(again) == LI
    assert operators.stamp("li") != before
    path.write_text("[[operator]")
    assert operators.on
    assert operators.find(again) is None
    os.remove(path)
    assert operators.on
    assert operators.find(again) is None


def test_faults(tmp_path):
    path = tmp_path / "operators.toml"
    add_operator(path, LI)
    with pytest.raises(Conflict, match="remove it first"):
        add_operator(path, LI)
    with pytest.raises(NotFound):
        remove_operator(path, "wu")
    for bad in (User("a b", "A", Role.VIEWER), User("a", "\x1b[31m", Role.VIEWER)):
        with pytest.raises(InputError) as caught:
            add_operator(path, bad)
        assert "\n" not in str(caught.value)
    path.write_text(path.read_text() + path.read_text())
    with pytest.raises(InputError, match="stands there twice"):
        Operators(path)
    path.write_text('[[operator]]\nid = "x"\nname = "X"\nrole = "boss"\nkey = "abc"\n')
    with pytest.raises(InputError) as caught:
        Operators(path)
    assert len(caught.value.faults) == 2


def test_the_command(tmp_path):
    run = CliRunner().invoke
    path = str(tmp_path / "operators.toml")
    told = run(
        command, ["add", "li", "--name", "Li", "--role", "approver", "--file", path]
    )
    assert told.exit_code == 0
    key = told.stdout.strip()
    assert Operators(tmp_path / "operators.toml").find(key) == User(
        "li", "Li", Role.APPROVER
    )
    told = run(command, ["list", "--file", path])
    assert told.stdout == "li\tapprover\tLi\n"
    assert run(command, ["remove", "li", "--file", path]).exit_code == 0
    assert "nobody" in run(command, ["list", "--file", path]).stderr
