"""``patrolctl say``: judged, and refused in one line."""

import json

import pytest
from click.testing import CliRunner

from patrolctl.cli.say import command
from patrolctl.domain.errors import InputError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATROLCTL_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        ("好".encode() * 100_000, "100,000 characters"),
        (b"PK\x03\x04\x14\x00\xff", "is not UTF-8"),
        (b"PK\x03\x04\x14\x00", "U+0003"),
        (b"<speak>hello</speak>", "markup"),
        (b"s's" * 300, "repeats"),
    ],
)
@pytest.mark.parametrize("options", [["--lint"], ["-o", "/tmp/never.wav"]])
def test_bad_texts(text, words, options) -> None:
    told = CliRunner().invoke(command, ["-", "--lang", "en", *options], input=text)
    assert isinstance(told.exception, InputError)
    assert told.exception.exit_code == 2
    assert words in str(told.exception)
    assert "\n" not in str(told.exception)


def test_lint() -> None:
    words = ["兄弟请到1201室", "--lint", "--json"]
    told = CliRunner().invoke(command, words)
    assert told.exit_code == 0
    lint = json.loads(told.stdout)
    assert lint["measured"] is True
    assert lint["duration_s"] > 2
    assert {f["rule"] for f in lint["findings"]} == {"script", "digits"}
    assert "fault (zh '兄'): the voice has no syllable for 兄" in told.stderr
    assert CliRunner().invoke(command, ["hello"]).exit_code == 2
