"""Shapes of requests that several routes share."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from patrolctl.domain.announcements import Content, Wording
from patrolctl.domain.templates import FieldValue

# Longer texts are refused with a fault of their own, which says how long.
LONGEST_BODY_TEXT = 200_000
Lang = Annotated[str, Field(min_length=2, max_length=35)]


class FieldBody(BaseModel):
    """A value for ``{name}``; without ``lang`` in every language."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    value: str = Field(max_length=1000)
    lang: Lang | None = None

    def value_of(self) -> FieldValue:
        """The domain's value."""
        return FieldValue(self.name, self.value, self.lang)


class WordingBody(BaseModel):
    """One language's text, said ``times`` times in a row."""

    model_config = ConfigDict(extra="forbid")

    lang: Lang
    text: str = Field(max_length=LONGEST_BODY_TEXT)
    times: int = Field(default=1, ge=1, le=5)


class ContentBody(BaseModel):
    """What is written; ``recording`` is the clip of an upload."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    title: str = Field(default="", max_length=200)
    texts: list[WordingBody] = Field(default=[], max_length=8)
    fields: list[FieldBody] = Field(default=[], max_length=100)
    repeats: int = Field(default=1, ge=1, le=20)
    chime: bool = True
    pause_s: float = Field(default=0.6, ge=0, le=10)
    rate_wpm: int | None = Field(default=None, ge=80, le=300)
    voice: str | None = Field(default=None, max_length=60)
    recording: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    valid_from_utc: AwareDatetime | None = None
    valid_until_utc: AwareDatetime | None = None

    def content(self) -> Content:
        """The domain's content."""
        return Content(
            title=self.title.strip(),
            wordings=tuple(Wording(t.lang, t.text, t.times) for t in self.texts),
            fields=tuple(f.value_of() for f in self.fields),
            repeats=self.repeats,
            chime=self.chime,
            pause_s=self.pause_s,
            rate_wpm=self.rate_wpm,
            voice=self.voice,
            recording=self.recording,
            valid_from_utc=self.valid_from_utc,
            valid_until_utc=self.valid_until_utc,
        )
