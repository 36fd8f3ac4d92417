"""``patrolctl run`` with things that do not fit: one clear line each."""

from pathlib import Path

import pytest


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file"),
        ("{", "is not JSON"),
        ("[]", "object"),
        ('{"format": "patrolctl.plan/9"}', "plan"),
    ],
)
def test_a_plan_that_cannot_be_read(patrolctl, tmp_path: Path, text, said) -> None:
    plan = tmp_path / "plan.json"
    if text is not None:
        plan.write_text(text)
    code, out, err = patrolctl(
        "run", str(plan), "--vehicle", "d1=tcp:127.0.0.1:5760"
    ).finish(30)
    assert (code, out) == (2, "")
    assert said in one_line(err)
    assert str(plan) in err


def test_vehicles_and_speakers_that_are_none(patrolctl, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text("{}")
    code, _, err = patrolctl(
        "run",
        str(plan),
        *("--vehicle", "d1=5760"),
        *("--vehicle", "=tcp:127.0.0.1:5760"),
        *("--speaker", "s1=bluetooth"),
    ).finish(30)
    assert code == 2
    assert len(err.splitlines()) == 3
    assert "ID=tcp:host:port" in err
    assert "ID=mqtt" in err
