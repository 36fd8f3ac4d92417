"""The lint of what is written: of its fields, and of what they make it say."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from patrolctl.domain.announcements import Content, Filled
from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.domain.lint import Lint, LintFinding, LintLevel, LintRule
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.ports.announcements import SoundDesk


async def judged(
    filled: Filled,
    content: Content,
    desk: SoundDesk,
    clip_of: Callable[[Announcement], Awaitable[Clip | None]],
) -> Lint:
    """Judge a content, at the places where it was written.

    Args:
        filled: with its fields filled, as far as they are.
        content: as it was written.
        desk: judges what is said.
        clip_of: gives the clip to measure, or none.
    """
    clip: Clip | None = None
    failed: tuple[LintFinding, ...] = ()
    if not filled.faults:
        try:
            clip = await clip_of(filled.announcement)
        except (InputError, SpeechFailed) as e:
            failed = (LintFinding(LintRule.TEXT, LintLevel.FAULT, str(e)),)
    lint = await desk.lint(filled.announcement, clip)
    found = _placed(lint.findings, filled, content)
    if any(f.level is LintLevel.FAULT and f.rule is LintRule.TEXT for f in found):
        failed = ()  # the same, told with its place
    return replace(lint, findings=_of_template(filled, content) + failed + found)


def _of_template(filled: Filled, content: Content) -> tuple[LintFinding, ...]:
    """What is wrong with the fields, and which are still open."""
    findings = [
        LintFinding(LintRule.FIELD, LintLevel.FAULT, str(f).partition(": ")[2])
        for f in filled.faults
    ]
    for number, (text, values) in enumerate(
        zip(filled.texts, filled.values, strict=True)
    ):
        findings += [
            LintFinding(
                LintRule.FIELD,
                LintLevel.NOTE,
                f"field {{{p.text}}} has no value yet",
                "it is given with each plan",
                text=number,
                lang=content.wordings[number].lang,
                start=p.start,
                end=p.end,
            )
            for p in text.pieces
            if p.is_field and p.text not in values
        ]
    return tuple(findings)


def _placed(
    findings: tuple[LintFinding, ...], filled: Filled, content: Content
) -> tuple[LintFinding, ...]:
    """Findings about what is said, at the places where it was written."""
    placed: dict[LintFinding, None] = {}
    for f in findings:
        if f.text is None:
            placed[f] = None
            continue
        number = filled.wording_of(f.text, content)
        start, end = f.start, f.end
        if start is not None and end is not None:
            text, values = filled.texts[number], filled.values[number]
            start = text.written(start, values)[0]
            end = text.written(max(f.start or 0, end - 1), values)[1]
        finding = replace(f, text=number, start=start, end=end)
        if not _in_open_field(finding, filled, number):
            placed[finding] = None
    return tuple(placed)


def _in_open_field(finding: LintFinding, filled: Filled, number: int) -> bool:
    """A field that is open says its name here, which nobody will hear."""
    start, end = finding.start, finding.end
    if start is None or end is None:
        return False
    return any(
        p.is_field
        and p.text not in filled.values[number]
        and p.start <= start
        and end <= p.end
        for p in filled.texts[number].pieces
    )
