"""A plain ground station wired straight to a vehicle core.

For tests, for trying things by hand, and as the second ground station of the
faults. It keeps what it heard and does one thing at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.vehicle import Vehicle
from simulators.wire import Encoder, Framer, Message, Signing, mavlink

STEP_S = 0.05


class NoAnswer(Exception):
    """The vehicle said nothing that was waited for."""


@dataclass(frozen=True, slots=True)
class Item:
    """One mission, fence or rally item as it goes out."""

    command: int
    frame: int = 6
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0

    def message(self, seq: int, mission_type: int) -> Message:
        """MISSION_ITEM_INT for system 1."""
        place = (self.x, self.y, self.z)
        head = (1, 1, seq, self.frame, self.command, 0, 1)
        return mavlink.MAVLink_mission_item_int_message(
            *head, *self.params, *place, mission_type
        )


class Ground:
    """Talks over one link of the vehicle."""

    def __init__(
        self,
        vehicle: Vehicle,
        name: str = "ground",
        *,
        sysid: int = 255,
        trusted: bool = False,
        signing: Signing | None = None,
    ) -> None:
        self.vehicle = vehicle
        self.name = name
        self.heard: list[tuple[float, Message]] = []
        self.beats = False
        self._beat_at_s = 0.0
        self._framer = Framer()
        self._encoder = Encoder(sysid, 190, 0, signing or Signing())
        vehicle.open_link(name, trusted=trusted)

    # -- talking -------------------------------------------------------------

    def send(self, message: Message) -> list[Message]:
        """Send one message; what came back at once."""
        return self.send_raw(self._encoder.pack(message))

    def send_raw(self, data: bytes) -> list[Message]:
        """Send bytes as they are; what came back at once."""
        self.vehicle.receive(self.name, data)
        return self.listen()

    def listen(self) -> list[Message]:
        """What came since the last time."""
        packets = self._framer.push(self.vehicle.transmit(self.name))
        messages = [packet.message for packet in packets]
        self.heard += [(self.vehicle.now_s, m) for m in messages]
        return messages

    def run(self, seconds: float) -> list[Message]:
        """Let simulated time pass; what was heard meanwhile."""
        start = len(self.heard)
        end_s = self.vehicle.now_s + seconds
        while self.vehicle.now_s < end_s - 1e-9:
            self.vehicle.advance(min(end_s, self.vehicle.now_s + STEP_S))
            if self.beats and self.vehicle.now_s >= self._beat_at_s:
                self._beat_at_s = self.vehicle.now_s + 1.0
                self.beat()
            self.listen()
        return [message for _, message in self.heard[start:]]

    def beat(self) -> None:
        """One heartbeat."""
        self.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 0, 3))

    # -- asking --------------------------------------------------------------

    def command(self, command: int, *params: float) -> int:
        """COMMAND_LONG; its result.

        Raises:
            NoAnswer: no ACK came.
        """
        seven = [*params, *([0.0] * (7 - len(params)))]
        message = mavlink.MAVLink_command_long_message(1, 1, command, 0, *seven)
        return self._result(self.send(message), command)

    def command_int(
        self,
        command: int,
        *params: float,
        frame: int = 6,
        x: int = 0,
        y: int = 0,
        z: float = 0.0,
    ) -> int:
        """COMMAND_INT; its result.

        Raises:
            NoAnswer: no ACK came.
        """
        four = [*params, *([0.0] * (4 - len(params)))]
        message = mavlink.MAVLink_command_int_message(
            1, 1, frame, command, 0, 0, *four, x, y, z
        )
        return self._result(self.send(message), command)

    def _result(self, messages: list[Message], command: int) -> int:
        for message in messages:
            if message.get_type() == "COMMAND_ACK" and message.command == command:
                return int(message.result)
        msg = f"no ACK of command {command}"
        raise NoAnswer(msg)

    def upload(self, items: Sequence[Item], mission_type: int = 0) -> int:
        """Upload a list; the MAV_MISSION_RESULT.

        Raises:
            NoAnswer: it stopped asking.
        """
        answer = self.send(
            mavlink.MAVLink_mission_count_message(1, 1, len(items), mission_type)
        )
        while True:
            wanted = None
            for message in answer:
                if message.get_type() == "MISSION_ACK":
                    return int(message.type)
                if message.get_type() == "MISSION_REQUEST":
                    wanted = int(message.seq)
            if wanted is None:
                msg = "no request and no ACK"
                raise NoAnswer(msg)
            answer = self.send(items[wanted].message(wanted, mission_type))

    def download(self, mission_type: int = 0) -> list[Message]:
        """Download a list as MISSION_ITEM_INT.

        Raises:
            NoAnswer: the count or an item did not come.
        """
        answer = self.send(
            mavlink.MAVLink_mission_request_list_message(1, 1, mission_type)
        )
        count = _first(answer, "MISSION_COUNT").count
        items = []
        for seq in range(count):
            answer = self.send(
                mavlink.MAVLink_mission_request_int_message(1, 1, seq, mission_type)
            )
            items.append(_first(answer, "MISSION_ITEM_INT"))
        return items

    def set_param(self, name: str, value: float) -> float:
        """PARAM_SET; the value that is in force.

        Raises:
            NoAnswer: there is no such parameter.
        """
        answer = self.send(
            mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9)
        )
        return float(_first(answer, "PARAM_VALUE").param_value)

    # -- looking back --------------------------------------------------------

    def all(self, kind: str) -> list[Message]:
        """Every message of a type, oldest first."""
        return [m for _, m in self.heard if m.get_type() == kind]

    def last(self, kind: str) -> Message:
        """The latest message of a type.

        Raises:
            NoAnswer: none was heard.
        """
        found = self.all(kind)
        if not found:
            msg = f"no {kind} was heard"
            raise NoAnswer(msg)
        return found[-1]

    def texts(self) -> list[str]:
        """Every STATUSTEXT."""
        return [str(m.text) for m in self.all("STATUSTEXT")]


def _first(messages: list[Message], kind: str) -> Message:
    for message in messages:
        if message.get_type() == kind:
            return message
    msg = f"no {kind} came"
    raise NoAnswer(msg)
