"""Why a receiver was not reached, in one line for people."""

from patrolctl.domain.ids import StationId
from patrolctl.domain.plan import Plan, PlanReceiver
from patrolctl.evidence.messages import Heard, Message
from patrolctl.evidence.track import Track


class Reasons:
    """What happened at each station, asked by the receivers that miss it."""

    def __init__(
        self, plan: Plan, heard: Heard, placed: list[tuple[Message, Track]]
    ) -> None:
        self._need = plan.requirement.sti_min
        self._spoken: set[StationId | None] = {m.station for m, _ in placed}
        self._whole: set[StationId | None] = {m.station for m in heard.messages}
        self._outcomes: dict[StationId | None, str] = {
            o.station: o.text for o in heard.outcomes
        }
        self._any = bool(placed)

    def why(self, receiver: PlanReceiver, sti: float | None, *, seen: bool) -> str:
        """The reason for one receiver.

        Args:
            receiver: as planned.
            sti: the best it got of any whole message, None without one.
            seen: whether any loudspeaker that spoke was in its view.
        """
        if not receiver.reached:
            return f"not planned: {receiver.reason or 'no station reaches it'}"
        spoken = [s for s in receiver.stations if s in self._spoken]
        if not spoken:
            return self._silent(receiver)
        if not seen:
            return "hidden from every place where the message was played"
        got = "nothing" if sti is None else f"STI {sti:.2f}"
        if sti is not None and sti >= self._need:
            return (
                f"{got} at best, but not for certain: not from everywhere that the"
                " vehicle may have been through a whole message"
            )
        return (
            f"too faint: {got} at best, {self._need:g} required"
            f" ({', '.join(spoken)} played)"
        )

    def _silent(self, receiver: PlanReceiver) -> str:
        """None of its stations spoke a message that proves anything."""
        for station in receiver.stations:
            if station in self._whole:
                return f"station {station}: played, but the vehicle left no track"
            if station in self._outcomes:
                return f"station {station}: {self._outcomes[station]}"
        names = ", ".join(receiver.stations) or "no station"
        return f"never played at {names}"
