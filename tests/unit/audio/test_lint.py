"""What the lint finds, and that its lengths are those of the clips."""

from pathlib import Path

import pytest

from patrolctl.audio import AudioDesk, EspeakSynthesizer
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.lint import Lint, LintFinding, LintLevel, LintRule
from patrolctl.domain.sound import Announcement, Utterance


@pytest.fixture
def synthesizer(tmp_path: Path) -> EspeakSynthesizer:
    return EspeakSynthesizer(tmp_path)


def announcement(*texts: tuple[str, str], **more: object) -> Announcement:
    said = tuple(Utterance(lang, text) for lang, text in texts)
    return Announcement(AnnouncementId("a"), said, **more)


async def linted(synthesizer, *texts: tuple[str, str], **more: object) -> Lint:
    return await AudioDesk(synthesizer).lint(announcement(*texts, **more), None)


def found(lint: Lint, rule: LintRule) -> list[LintFinding]:
    return [f for f in lint.findings if f.rule is rule]


SENTENCES = [
    ("zh", "各位居民请注意，明天上午九点在3号门进行核酸检测，请带好身份证。"),
    ("yue", "請留喺屋企，物資會送到門口。多謝大家！"),
    ("en", "Dear residents of block 3, please stay at home. Supplies come at 14:30."),
]


@pytest.mark.parametrize("rate_wpm", [120, None, 200])
async def test_the_estimate_is_near_the_clip(synthesizer, rate_wpm) -> None:
    said = announcement(*SENTENCES, rate_wpm=rate_wpm)
    desk = AudioDesk(synthesizer)
    guess = await desk.lint(said, None)
    clip = await synthesizer.render(said)
    real = await desk.lint(said, clip)
    assert not guess.measured
    assert real.measured
    assert real.duration_s == pytest.approx(clip.duration_s, abs=0.01)
    assert guess.duration_s == pytest.approx(clip.duration_s, rel=0.1)
    for a, b in zip(guess.texts, real.texts, strict=True):
        assert a.syllables == b.syllables
        assert a.syllables_s == pytest.approx(b.syllables_s, rel=0.12)


async def test_own_rates_are_not_too_fast_but_a_hurried_one_is(synthesizer) -> None:
    assert found(await linted(synthesizer, *SENTENCES), LintRule.RATE) == []
    hurried = found(await linted(synthesizer, *SENTENCES, rate_wpm=240), LintRule.RATE)
    assert [f.text for f in hurried] == [0, 1, 2]
    assert "elderly" in hurried[0].what


async def test_length_and_repeats(synthesizer) -> None:
    long = await linted(synthesizer, ("zh", "请留在家中，不要出门。" * 30), repeats=3)
    (finding,) = found(long, LintRule.LENGTH)
    assert finding.level is LintLevel.WARN
    assert long.total_s == pytest.approx(3 * long.duration_s)
    short = await linted(synthesizer, ("zh", "请留在家中。"))
    assert found(short, LintRule.LENGTH) == []


@pytest.mark.parametrize(
    ("lang", "text", "word", "says", "level"),
    [
        ("zh", "请到1201室领取", "1201室", "一二零一室", LintLevel.NOTE),
        ("zh", "请到1201领取", "1201", "一千二百零一", LintLevel.WARN),
        ("zh", "3月28日开始", "3月", "三月", LintLevel.NOTE),
        ("zh", "拨打电话13800138000", "13800138000", "幺三八", LintLevel.NOTE),
        ("zh", "在14:30开始", "14:30", "十四点三十分", LintLevel.NOTE),
        ("en", "Go to Room 1201 now", "Room 1201", "one two zero one", LintLevel.NOTE),
        ("en", "Residents 1201 to wait", "1201", "1201", LintLevel.WARN),
    ],
)
async def test_numbers(synthesizer, lang, text, word, says, level) -> None:
    finding = found(await linted(synthesizer, (lang, text)), LintRule.DIGITS)[0]
    assert word in text[finding.start : finding.end]
    assert says in finding.says
    assert finding.level is level


@pytest.mark.parametrize(
    ("lang", "text", "places"),
    [
        ("zh", "请各位居民留在家中", ""),
        ("zh", "兄弟姐妹，胸口痛请打电话", "兄胸"),
        ("zh", "请看カタログ", "カタログ"),
        ("zh", "한국 居民", "한국"),
        ("zh", "注意😀", "😀"),
        ("zh", "Привет 各位", "Привет"),
        ("yue", "請各位居民留喺屋企", ""),
        ("en", "Dear 居民, stay", "居民"),
        ("en", "Please stay at home, café", ""),
        ("de", "Bleiben Sie zu Hause, schön", ""),
    ],
)
async def test_what_the_voice_garbles(synthesizer, lang, text, places) -> None:
    findings = found(await linted(synthesizer, (lang, text)), LintRule.SCRIPT)
    assert "".join(text[f.start : f.end] for f in findings) == places
    assert all(f.level is LintLevel.FAULT for f in findings)


async def test_latin_words_in_chinese_are_told(synthesizer) -> None:
    lint = await linted(synthesizer, ("zh", "请用WIFI下载app，VIP室"))
    assert [f.what for f in found(lint, LintRule.LATIN)] == ["app is said in English"]


@pytest.mark.parametrize(
    ("lang", "text", "rule", "word"),
    [
        ("zh", "", LintRule.TEXT, "empty"),
        ("zh", "<speak>x</speak>", LintRule.TEXT, "markup"),
        ("zh", "s'" * 50_000, LintRule.TEXT, "100,000"),
        ("ja", "こんにちは", LintRule.LANGUAGE, "no voice"),
        ("x!", "hello", LintRule.LANGUAGE, "no language tag"),
    ],
)
async def test_what_cannot_be_said_is_one_finding(
    synthesizer, lang, text, rule, word
) -> None:
    lint = await linted(synthesizer, (lang, text))
    (finding,) = lint.findings
    assert finding.rule is rule
    assert word in finding.what
    assert lint.texts == ()
