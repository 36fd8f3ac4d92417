"""ArduPilot's mission engine: storage, jumps, start, resume, set current.

The engine knows nothing of motion: an :class:`Executor` starts items and says
when they are done. Source: AP_Mission.cpp, whose names are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from simulators.items import Refused, Stored, is_nav, name_of, store_item
from simulators.params import Params
from simulators.wire import Message, mavlink

NONE = 65535  # AP_MISSION_CMD_INDEX_NONE
FOREVER = -1
MAX_JUMPS = 100  # AP_MISSION_MAX_NUM_DO_JUMP_COMMANDS on SITL

_JUMP = mavlink.MAV_CMD_DO_JUMP
_ALWAYS_DONE = frozenset(
    {
        mavlink.MAV_CMD_DO_SET_SERVO,
        mavlink.MAV_CMD_DO_SET_RELAY,
        mavlink.MAV_CMD_DO_REPEAT_SERVO,
        mavlink.MAV_CMD_DO_REPEAT_RELAY,
        mavlink.MAV_CMD_DO_SEND_SCRIPT_MESSAGE,
        mavlink.MAV_CMD_DO_SPRAYER,
        mavlink.MAV_CMD_DO_GRIPPER,
        mavlink.MAV_CMD_DO_PARACHUTE,
        mavlink.MAV_CMD_DO_AUX_FUNCTION,
        mavlink.MAV_CMD_JUMP_TAG,
    }
)

Text = Callable[[int, str], None]


class State(Enum):
    """AP_Mission::mission_state."""

    STOPPED = 0
    RUNNING = 1
    COMPLETE = 2


class Executor(Protocol):
    """What moves the vehicle."""

    def start_item(self, index: int, item: Stored) -> bool:
        """Begin an item; False when the vehicle cannot do it."""
        ...

    def verify_item(self, index: int, item: Stored) -> bool:
        """Whether the item is done."""
        ...

    def item_reached(self, index: int) -> None:
        """Report MISSION_ITEM_REACHED."""
        ...

    def mission_complete(self) -> None:
        """Nothing is left to do."""
        ...


@dataclass(slots=True)
class _Slot:
    """A loaded command: its index (NONE when there is none) and whether it runs."""

    index: int = NONE
    loaded: bool = False


class Mission:
    """The list and where the vehicle is in it."""

    mission_type = mavlink.MAV_MISSION_TYPE_MISSION
    label = "Mission"

    def __init__(self, params: Params, text: Text, max_items: int) -> None:
        self.max_items = max_items
        self.items: list[Stored] = []
        self.home: Stored | None = None
        self.state = State.STOPPED
        self.armed = False  # kept by the vehicle: what is flown is not cleared
        self.version = 0
        self._params = params
        self._text = text
        self._executor: Executor | None = None
        self._nav = _Slot()
        self._do = _Slot()
        self._do_all_done = False
        self._jumps: dict[int, int] = {}
        self._seen: tuple[int, int, tuple[Stored, ...]] | None = None

    def bind(self, executor: Executor) -> None:
        """Say who moves the vehicle."""
        self._executor = executor

    # -- storage -------------------------------------------------------------

    def count(self) -> int:
        """Items stored, home included."""
        return len(self.items)

    def set_home(self, home: Stored) -> None:
        """Home is item 0, whatever was uploaded there."""
        self.home = home
        if self.items:
            self.items[0] = home
        else:
            self.items.append(home)
        self._changed()

    def begin(self, count: int) -> None:
        """An upload: what lies beyond its count is gone at once."""
        if len(self.items) > count:
            del self.items[count:]
            self._changed()

    def put(self, seq: int, item: Message, last_seq: int) -> None:
        """Replace or append one item."""
        stored = store_item(item)
        if stored.command == _JUMP:
            target = int(stored.params[0])
            if target == 0 or (target >= len(self.items) and target > last_seq):
                raise Refused(mavlink.MAV_MISSION_ERROR)
        if seq > len(self.items):
            raise Refused(mavlink.MAV_MISSION_ERROR)
        if seq < len(self.items):
            self.items[seq] = stored
        else:
            self.items.append(stored)
        self._changed()

    def complete(self) -> int:
        """The upload is whole."""
        return int(mavlink.MAV_MISSION_ACCEPTED)

    def clear(self) -> bool:
        """Forget the mission, unless it is being flown."""
        if self.state is State.RUNNING and self.armed:
            return False
        self.items.clear()
        self._nav, self._do = _Slot(), _Slot()
        self.state = State.STOPPED
        self._changed()
        return True

    def read(self, seq: int) -> Stored:
        """One item as it is read back; home may always be read."""
        if seq == 0 and self.home is not None:
            return self.home
        if seq >= len(self.items):
            raise Refused(mavlink.MAV_MISSION_INVALID_SEQUENCE)
        return self.items[seq]

    def _changed(self) -> None:
        self.version += 1
        self._params.put("MIS_TOTAL", float(len(self.items)))

    # -- what the wire shows -------------------------------------------------

    @property
    def current(self) -> int:
        """MISSION_CURRENT.seq: the active navigation item, 0 when none."""
        return 0 if self._nav.index == NONE else self._nav.index

    @property
    def total(self) -> int:
        """MISSION_CURRENT.total: without home."""
        return max(0, len(self.items) - 1)

    def item(self, index: int) -> Stored | None:
        """The item at an index, None beyond the end."""
        return self.items[index] if 0 <= index < len(self.items) else None

    # -- running -------------------------------------------------------------

    def start(self) -> None:
        """From the first item, jump counters at zero."""
        self.state = State.RUNNING
        self.reset()
        if not self._advance_nav():
            self._complete()

    def stop(self) -> None:
        """Updates do nothing until it is started or resumed."""
        self.state = State.STOPPED

    def start_or_resume(self) -> None:
        """As MIS_RESTART says."""
        if self._params["MIS_RESTART"] == 1:
            self.start()
        else:
            self.resume()

    def resume(self) -> None:
        """Go on where it was; a finished mission starts again."""
        if self.state is State.COMPLETE:
            self.start()
            return
        if self.state is State.STOPPED:
            self.state = State.RUNNING
            if self._nav.index == NONE:
                self.start()
                return
        if self.item(self._nav.index) is None:
            self.start()
        elif self._do.loaded and self._do.index != NONE:
            self.set_current(self._do.index)
        elif self._nav.loaded:
            self.set_current(self._nav.index)

    def reset(self) -> None:
        """Back to the beginning; the state stays as it is."""
        self._nav, self._do = _Slot(), _Slot()
        self._do_all_done = False
        self._jumps.clear()

    def set_current(self, index: int) -> bool:
        """Make an item the current one, as DO_SET_MISSION_CURRENT asks."""
        if index >= len(self.items) or len(self.items) == 1:
            return False
        self._do = _Slot()
        self._do_all_done = False
        self._nav.loaded = False
        if index == 0 or self.state is State.COMPLETE:
            self._jumps.clear()
            index = max(index, 1)
        if self.state is not State.RUNNING:
            return self._load_stopped(index)
        if not self._advance_nav(index):
            self._complete()
            return False
        return True

    def update(self) -> None:
        """One turn of the engine."""
        if self.state is not State.RUNNING or not self.items:
            return
        if not self._nav.loaded or self._nav.index == NONE:
            if not self._advance_nav():
                self._complete()
                return
        elif self._verify(self._nav.index):
            self._nav.loaded = False
            if not self._advance_nav():
                self._complete()
                return
        self._update_do()

    def restart_if_changed(self) -> bool | None:
        """Restart the current item when the list changed under it.

        Returns:
            None when nothing changed, else whether the restart worked.
        """
        seen = self._seen
        if seen is not None and seen[:2] == (self.version, self._nav.index):
            return None
        upcoming = self._upcoming()
        now = (self.version, self._nav.index, upcoming)
        self._seen = now
        if seen is None or seen[0] == now[0] or seen[1] != now[1]:
            return None
        if seen[2] == upcoming or self.state is not State.RUNNING:
            return None
        if self.current == 0 or self.current >= len(self.items):
            return False
        return self.set_current(self._nav.index)

    def note_unchanged(self) -> None:
        """Take the list as it is for the known one."""
        self._seen = (self.version, self._nav.index, self._upcoming())

    def next_nav(self, start: int) -> tuple[int, Stored] | None:
        """The first navigation item at or after an index, jumps followed."""
        index = start
        for _ in range(len(self.items)):
            found = self._next_item(index, counting=False)
            if found is None or is_nav(found[1].command):
                return found
            index = found[0] + 1
        return None

    # -- inside --------------------------------------------------------------

    def _load_stopped(self, index: int) -> bool:
        """Point at the next navigation item without starting anything."""
        while not self._nav.loaded:
            found = self._next_item(index, counting=True)
            if found is None:
                self._nav.index = NONE
                return False
            at, item = found
            if is_nav(item.command):
                self._nav = _Slot(at, loaded=True)
            elif not self._do.loaded:
                self._do = _Slot(at, loaded=True)
            index = at + 1
        self._do_all_done = not self._do.loaded
        self.state = State.STOPPED
        return True

    def _advance_nav(self, start: int = 0) -> bool:
        if self.state is not State.RUNNING or self._nav.loaded:
            return False
        self._do = _Slot()
        self._do_all_done = False
        index = start if start > 0 else self._after_nav()
        for _ in range(255):
            found = self._next_item(index, counting=True)
            if found is None:
                return False
            at, item = found
            if is_nav(item.command):
                self._nav = _Slot(at, loaded=self._start(at, item))
            elif not self._do.loaded:
                self._do = _Slot(at, loaded=True)
                self._start(at, item)
            if self._nav.loaded:
                self._do_all_done = not self._do.loaded
                return True
            index = at + 1
        return False

    def _after_nav(self) -> int:
        return 1 if self._nav.index == NONE else self._nav.index + 1

    def _update_do(self) -> None:
        if self._do.loaded:
            if self._verify(self._do.index):
                self._do.loaded = False
            return
        if self._do_all_done:
            return
        start = 1 if self._do.index == NONE else self._do.index + 1
        found = self._next_item(start, counting=False)
        if found is None or is_nav(found[1].command):
            self._do_all_done = True
            return
        self._do = _Slot(found[0], loaded=True)
        self._start(*found)

    def _next_item(self, start: int, *, counting: bool) -> tuple[int, Stored] | None:
        """The item at or after an index, with DO_JUMPs taken."""
        index, first_jump = start, NONE
        for _ in range(64):
            if index >= len(self.items):
                return None
            item = self.items[index]
            if item.command != _JUMP:
                return index, item
            if not counting and first_jump == index:
                return None
            first_jump = index if first_jump == NONE else first_jump
            index = self._jump(index, item, counting=counting)
        return None

    def _jump(self, index: int, item: Stored, *, counting: bool) -> int:
        target, times = int(item.params[0]), int(item.params[1])
        if target == 0 or target >= len(self.items):
            return len(self.items)
        run = self._jumps.get(index, 0)
        if times != FOREVER and run >= times:
            return index + 1
        if counting:
            self._jumps[index] = run + 1
            of = "unlimited" if times == FOREVER else str(times)
            self._text(6, f"Mission: {index} Jump {run + 1}/{of}")
        return target

    def _start(self, index: int, item: Stored) -> bool:
        self._text(6, f"Mission: {index} {name_of(item.command)}")
        return self._executor is not None and self._executor.start_item(index, item)

    def _verify(self, index: int) -> bool:
        item, executor = self.item(index), self._executor
        if item is None or executor is None:
            return True
        if item.command in _ALWAYS_DONE:
            return True  # AP_Mission answers for these and reports nothing
        if not executor.verify_item(index, item):
            return False
        executor.item_reached(index)
        return True

    def _complete(self) -> None:
        self.state = State.COMPLETE
        if self._executor is not None:
            self._executor.mission_complete()

    def _upcoming(self) -> tuple[Stored, ...]:
        found: list[Stored] = []
        index = self.current
        while len(found) < 3:
            one = self.next_nav(max(index, 1))
            if one is None:
                break
            found.append(one[1])
            index = one[0] + 1
        return tuple(found)
