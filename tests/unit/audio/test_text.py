"""Texts that are refused, each in one clear line."""

import pytest

from patrolctl.audio.text import check, text_fault
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Utterance


def announcement(*texts: str, repeats: int = 1) -> Announcement:
    return Announcement(
        AnnouncementId("a"), tuple(Utterance("zh", t) for t in texts), repeats=repeats
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("好" * 100_000, "100,000"),
        ("PK\x03\x04\x00\x00", "U+0003"),
        ("\x1b[31mred", "U+001B"),
        ("bad \ud800 half", "U+D800"),
        ("wrong \ufffd decoding", "U+FFFD"),
        ("<speak>hello</speak>", "markup"),
        ('<break time="9999s"/>', "markup"),
        ("<!DOCTYPE x>", "markup"),
        ("a &lt; b", "markup"),
        ("。！？…", "nothing"),
        ("😀😀", "nothing"),
        ("s'" * 500, "repeats"),
    ],
)
def test_refused(text: str, word: str) -> None:
    fault = text_fault(text)
    assert fault is not None
    assert word in fault[0]
    with pytest.raises(InputError) as caught:
        check(announcement(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["3 < 5 且 7 > 2", "AT&T; hello", "a\nb\tc", "----- 通知 -----", "١٢٣"]
)
def test_spoken(text: str) -> None:
    assert text_fault(text) is None


def test_every_fault_is_told() -> None:
    with pytest.raises(InputError) as caught:
        check(announcement("", "<b>x</b>", repeats=0))
    assert len(caught.value.faults) == 3
    with pytest.raises(InputError, match="has no text"):
        check(announcement())
