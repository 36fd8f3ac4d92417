"""Who tells the weather, and where closed airspace is kept."""

from typing import Protocol

from patrolctl.domain.conditions import NoFlyNotice, Weather
from patrolctl.geo import LatLon


class WeatherSource(Protocol):
    """Somebody who tells the weather at a place."""

    @property
    def name(self) -> str:
        """As reasons name it."""
        ...

    async def weather(self, at: LatLon) -> Weather:
        """The latest report.

        Raises:
            Conflict: it does not answer, or not in a way that is understood.
        """
        ...


class ConditionStore(Protocol):
    """Closed airspace, and the weather that people entered.

    Every method raises StoreFailed when the database itself fails.
    """

    async def save_notice(self, notice: NoFlyNotice) -> None:
        """Keep closed airspace; one of the same id is replaced."""
        ...

    async def remove_notice(self, notice_id: str) -> bool:
        """Forget it; False where there was none."""
        ...

    async def notices(self) -> tuple[NoFlyNotice, ...]:
        """All that is kept, also what is over."""
        ...

    async def save_weather(self, site_id: str, weather: Weather) -> None:
        """Keep what a person entered for a site."""
        ...

    async def weather(self, site_id: str) -> Weather | None:
        """What was entered last."""
        ...
