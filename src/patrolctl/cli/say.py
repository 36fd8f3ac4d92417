"""``patrolctl say``: text to a clip."""

import sys
from pathlib import Path

import click

from patrolctl.app.speech import linted, render_to_file
from patrolctl.cli.output import emit, tell
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.lint import Lint
from patrolctl.domain.sound import Announcement, Utterance


def _text(text: str) -> str:
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise InputError.one("standard input", "is not UTF-8", "plain text") from None


def _told(lint: Lint, utterances: tuple[Utterance, ...]) -> None:
    """The findings for people, one line each."""
    for text in lint.texts:
        tell(
            f"{text.lang}: {text.syllables} syllables in {text.speech_s:.1f} s, "
            f"{text.syllables_s:.1f} a second"
        )
    for f in lint.findings:
        quoted = ""
        if f.text is not None and f.start is not None:
            quoted = f" {utterances[f.text].text[f.start : f.end]!r}"
        says = f": {f.says}" if f.says else ""
        where = f" ({f.lang}{quoted})" if f.lang else ""
        tell(f"{f.level}{where}: {f.what}{says}{'; ' + f.right if f.right else ''}")
    tell(f"{lint.duration_s:.1f} s")


@click.command()
@click.argument("text")
@click.option("--lang", default="zh", show_default=True, help="Language of TEXT.")
@click.option(
    "--and",
    "more",
    nargs=2,
    multiple=True,
    metavar="LANG TEXT",
    help="The same in another language, said after it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The WAV file to write.",
)
@click.option("--rate", type=int, default=None, help="Words per minute.")
@click.option("--voice", default=None, help="An espeak-ng voice, or +variant.")
@click.option("--chime/--no-chime", default=True, show_default=True)
@click.option("--pause", type=float, default=0.6, show_default=True, metavar="S")
@click.option(
    "--clip-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where rendered clips are kept.",
)
@click.option(
    "--lint",
    "judge",
    is_flag=True,
    help="Tell its length, how numbers are read, what is garbled or too fast.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    text: str,
    lang: str,
    more: tuple[tuple[str, str], ...],
    output: Path | None,
    rate: int | None,
    voice: str | None,
    chime: bool,
    pause: float,
    clip_dir: Path | None,
    judge: bool,
    as_json: bool,
) -> None:
    """Render TEXT (- reads standard input) into one announcement clip."""
    if output is None and not judge:
        raise click.UsageError("name a file with -o FILE, or judge with --lint")
    utterances = (Utterance(lang, _text(text)), *(Utterance(x, t) for x, t in more))
    announcement = Announcement(
        AnnouncementId("say"),
        utterances,
        chime=chime,
        pause_s=pause,
        rate_wpm=rate,
        voice=voice,
    )
    if judge:
        lint = linted(announcement, clip_dir=clip_dir)
        _told(lint, utterances)
        if as_json:
            emit(encode(lint))
    if output is None:
        return
    clip = render_to_file(announcement, output, clip_dir=clip_dir)
    tell(
        f"{clip.path}: {clip.duration_s:.1f} s, {clip.loudness_lufs} LUFS, "
        f"peak {clip.peak_dbfs} dBTP"
    )
    if as_json and not judge:
        emit(encode(clip))
