"""What a session asks of the vehicle: commands and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from patrolctl.domain.errors import CommandFailed
from patrolctl.mavlink.autopilots.base import Autopilot, ParamRule
from patrolctl.mavlink.command import CommandBook, Order
from patrolctl.mavlink.exchange import Together
from patrolctl.mavlink.link import Link
from patrolctl.mavlink.params import ReadParam, WriteParam
from patrolctl.mavlink.wire import Cmd


@dataclass(slots=True)
class Desk:
    """Sends orders over a link and tells how they ended."""

    link: Link
    pilot: Autopilot
    _book: CommandBook = field(default_factory=CommandBook)

    async def order(self, order: Order, name: str) -> None:
        """Send one command; returns when it was accepted.

        Raises:
            CommandFailed: denied, expired, or one of its kind is under way.
            LinkFailed: the link was lost.
        """
        result = await self.result_of(order, name)
        if result != "ACCEPTED":
            raise CommandFailed(self.link.entry.id, name, result)

    async def result_of(self, order: Order, name: str) -> str:
        """Send one command; its result, whatever it is."""
        target, timing = self.link.target, self.link.options.timing
        if self._book.is_open(target.vehicle[0], order.command):
            raise CommandFailed(
                self.link.entry.id, name, "another command of its kind is under way"
            )
        exchange = self._book.open(order, target, timing)
        try:
            await self.link.run(exchange)
        finally:
            self._book.close(exchange, target.vehicle[0])
        return exchange.result or "EXPIRED"

    def pre_empt(self, order: Order) -> None:
        """Send at once whatever else is under way, and wait for nothing.

        For STOP: its effect is watched in telemetry.
        """
        for number in range(3):
            self.link.send(order.message(self.link.target, number))

    async def ask_for(self, msg_id: int) -> str:
        """REQUEST_MESSAGE."""
        order = Order(Cmd.REQUEST_MESSAGE, (float(msg_id),), repeatable=True)
        return await self.result_of(order, f"request message {msg_id}")

    async def stream(self, msg_id: int, rate_hz: float) -> str:
        """SET_MESSAGE_INTERVAL; unknown ids are denied, which is fine."""
        order = Order(
            Cmd.SET_MESSAGE_INTERVAL, (float(msg_id), 1e6 / rate_hz), repeatable=True
        )
        return await self.result_of(order, f"stream message {msg_id}")

    async def enforce(self, rules: Sequence[ParamRule], *, write: bool) -> list[str]:
        """See that every rule holds; why those do not that do not.

        All are read at once: an autopilot answers each after a tenth of a
        second, whatever else it is asked meanwhile (seen on 4.7-dev).

        Args:
            rules: the one of a rule's names that the vehicle knows counts.
            write: set the parameters that are not as they must be.
        """
        link, encoding = self.link, self.pilot.encoding
        reads = Together(
            [
                ReadParam(
                    [name for name, _ in rule.names],
                    link.target,
                    encoding,
                    link.options.timing,
                )
                for rule in rules
            ]
        )
        if rules:
            await link.run(reads)
        found = [
            await self._see_to(rule, read, write=write)
            for rule, read in zip(rules, reads.parts, strict=True)
        ]
        return [fault for fault in found if fault]

    async def _see_to(self, rule: ParamRule, read: ReadParam, *, write: bool) -> str:
        if read.value is None:
            names = " or ".join(name for name, _ in rule.names)
            missing = f"the vehicle does not tell {names}: {rule.why}"
            return "" if rule.optional else missing
        wanted = dict(rule.names)[read.name]
        if rule.satisfied(wanted, read.value):
            return ""
        told = f"{read.name} is {read.value:g}: {rule.why}"
        return await self._set(read, rule, wanted, told) if write else told

    async def _set(
        self, read: ReadParam, rule: ParamRule, wanted: float, told: str
    ) -> str:
        value = rule.to_set(wanted, read.value or 0.0)
        link = self.link
        written = await link.run(
            WriteParam(
                read, value, link.target, self.pilot.encoding, link.options.timing
            )
        )
        return "" if written.confirmed else f"{told} (setting {value:g} failed)"
