"""``[conditions]`` of the settings: what must be so for a launch."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from patrolctl.domain.conditions import (
    NEVER_OVERRIDDEN,
    Condition,
    ConditionRules,
    Daylight,
)


def _weather_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        msg = f"is {value!r}; http:// or https://, with {{lat}} and {{lon}} in it"
        raise ValueError(msg)
    return value


def _overridable(value: list[Condition]) -> list[Condition]:
    if fixed := sorted(set(value) & NEVER_OVERRIDDEN):
        msg = f"names {fixed[0]}, which nobody may set aside"
        raise ValueError(msg)
    return value


class ConditionsTable(BaseModel):
    """The limits, each with its default in the domain."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    wind_ratio: float = Field(default=0.7, gt=0, le=1)
    rain_mm_h: float = Field(default=0.0, ge=0, le=100)
    weather_url: Annotated[str, AfterValidator(_weather_url)] | None = None
    weather_max_age_s: float = Field(default=1800.0, ge=60, le=86400)
    weather_required: bool = False
    daylight: Daylight = Daylight.ADVISE
    authority_required: bool = False
    overridable: Annotated[list[Condition], AfterValidator(_overridable)] = []
    turnaround_s: float = Field(default=600.0, ge=0, le=86400)
    talk_over_m: float = Field(default=250.0, ge=0, le=5000)
    min_free_bytes: int = Field(default=200_000_000, ge=0)

    def rules(self) -> ConditionRules:
        """As the domain's value."""
        values = self.model_dump()
        values["overridable"] = frozenset(self.overridable)
        return ConditionRules(**values)
