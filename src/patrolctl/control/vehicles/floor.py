"""Who, besides a run, has a vehicle's loudspeaker: urgent messages, live talk.

The speaker itself decides whose turn it is; this is what the service knows of
it, so that a run waits with its message instead of letting it expire, two
people do not talk at once, and silence reaches everybody.
"""

import asyncio
from types import TracebackType
from typing import Self

from patrolctl.domain.errors import Conflict
from patrolctl.domain.sound import CutBy


class Hold:
    """Somebody has the loudspeaker until this context ends."""

    def __init__(self, floor: "Floor", by: CutBy) -> None:
        self._floor = floor
        self.by = by
        self.silenced = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give it back; a second time changes nothing."""
        self._floor.released(self)


class Floor:
    """The holds on one vehicle's loudspeaker."""

    def __init__(self) -> None:
        self._holds: list[Hold] = []
        self._free = asyncio.Event()
        self._free.set()

    @property
    def taken_by(self) -> CutBy | None:
        """Who has it now: live talk before urgent messages; None: nobody."""
        kinds = {hold.by for hold in self._holds}
        return next((by for by in (CutBy.TALK, CutBy.URGENT) if by in kinds), None)

    def take(self, by: CutBy) -> Hold:
        """Take it. Urgent messages may follow each other, people may not.

        Raises:
            Conflict: somebody talks already.
        """
        if by is CutBy.TALK and self.taken_by is CutBy.TALK:
            raise Conflict("somebody talks over this loudspeaker now")
        hold = Hold(self, by)
        self._holds.append(hold)
        self._free.clear()
        return hold

    def released(self, hold: Hold) -> None:
        """A hold ended."""
        if hold in self._holds:
            self._holds.remove(hold)
        if not self._holds:
            self._free.set()

    async def free(self) -> None:
        """Wait until nobody besides runs has it."""
        await self._free.wait()

    def silence(self) -> None:
        """Tell everybody that it was silenced: all holds end."""
        for hold in self._holds:
            hold.silenced.set()
        self._holds.clear()
        self._free.set()
