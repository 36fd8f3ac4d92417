"""Where facts and samples go: store, then MQTT, then whoever watches.

Facts keep their order, are stored before anybody sees them and are never
dropped. Samples are latest-wins: a watcher that is slow sees fewer of them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from patrolctl.clock import whole
from patrolctl.control.live.broadcast import Overrun
from patrolctl.control.live.jobs import PlanJob
from patrolctl.domain.errors import PatrolError, StoreFailed
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import RunId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.sound import Playback, SpeakerState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent
from patrolctl.ports import Publisher, Store

log = logging.getLogger(__name__)

UNSAVED_MAX = 100_000


class Subscription:
    """(type, JSON) pairs for one watcher, facts before samples."""

    def __init__(self, owner: "LiveFeed", depth: int) -> None:
        self._owner = owner
        self._depth = depth
        self._facts: deque[tuple[str, bytes]] = deque()
        self._samples: dict[str, tuple[str, bytes]] = {}
        self._wake = asyncio.Event()
        self._overrun = False
        self._closed = False

    def fact(self, kind: str, raw: bytes) -> None:
        """Queue a fact; a watcher too far behind is cut off, not misled."""
        if len(self._facts) >= self._depth:
            self._overrun = True
            self.close()
            return
        self._facts.append((kind, raw))
        self._wake.set()

    def sample(self, kind: str, key: str, raw: bytes) -> None:
        """Replace the sample that waits under ``key``."""
        self._samples[key] = (kind, raw)
        self._wake.set()

    def close(self) -> None:
        """End the iteration."""
        self._closed = True
        self._owner.drop(self)
        self._wake.set()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        while True:
            if self._overrun:
                raise Overrun(f"fell {self._depth} facts behind")
            if self._closed:
                raise StopAsyncIteration
            if self._facts:
                return self._facts.popleft()
            if self._samples:
                return self._samples.pop(next(iter(self._samples)))
            self._wake.clear()
            await self._wake.wait()


def telemetry_json(sample: Telemetry, sortie: str | None) -> bytes:
    """The sample's fields plus ``sortie``, one flat object."""
    return encode(sample)[:-1] + b',"sortie":' + encode(sortie) + b"}"


def run_json(state: RunState) -> bytes:
    """The state's fields plus ``progress_ratio``, one flat object."""
    ratio = encode(round(state.progress_ratio, 4))
    return encode(state)[:-1] + b',"progress_ratio":' + ratio + b"}"


class LiveFeed:
    """The one place through which everything passes that is shown or kept."""

    def __init__(
        self,
        store: Store,
        publishers: tuple[Publisher, ...] = (),
        *,
        depth: int = 5000,
    ) -> None:
        self._store = store
        self._publishers = publishers
        self._depth = depth
        self._watchers: set[Subscription] = set()
        self._order = asyncio.Lock()  # asyncio's locks wake in FIFO order
        self._unsaved: deque[Callable[[], Awaitable[None]]] = deque(maxlen=UNSAVED_MAX)
        self.store_fault: str | None = None

    def subscribe(self) -> Subscription:
        """Everything from this call on; close() it when done."""
        watcher = Subscription(self, self._depth)
        self._watchers.add(watcher)
        return watcher

    def drop(self, watcher: Subscription) -> None:
        """Forget a watcher."""
        self._watchers.discard(watcher)

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return len(self._watchers)

    async def telemetry(self, sample: Telemetry, *, sortie: str | None) -> None:
        """A sample; it waits for nobody's fact."""
        for publisher in self._publishers:
            try:
                await publisher.telemetry(sample, sortie=sortie)
            except PatrolError as e:
                log.warning("telemetry not published: %s", e)
        if self._watchers:
            raw = telemetry_json(sample, sortie)
            for watcher in tuple(self._watchers):
                watcher.sample("telemetry", sample.vehicle_id, raw)

    async def vehicle_event(self, event: VehicleEvent) -> None:
        """A fact about a vehicle."""
        async with self._order:
            await self._keep(lambda: self._store.add_vehicle_event(event))
            for publisher in self._publishers:
                await self._tell(publisher.vehicle_event(event))
            self._show("vehicle_event", encode(event))

    async def run_event(self, event: RunEvent, state: RunState) -> None:
        """A fact about a run, and the state after it."""
        async with self._order:
            await self._keep(lambda: self._store.save_run(state, event))
            for publisher in self._publishers:
                await self._tell(publisher.run_event(event, state))
            raw = b'{"state":' + run_json(state) + b',"event":' + encode(event) + b"}"
            self._show("run", raw)

    async def playback(self, run_id: RunId | None, playback: Playback) -> None:
        """What a speaker really did."""
        async with self._order:
            await self._keep(lambda: self._store.add_playback(run_id, playback))
            self._show("playback", encode(playback))

    async def track(self, run_id: RunId, points: tuple[TrackPoint, ...]) -> None:
        """A piece of a flown track; kept, and shown to nobody."""
        async with self._order:
            await self._keep(lambda: self._store.add_track(run_id, points))

    def speaker(self, state: SpeakerState) -> None:
        """A speaker's latest state."""
        raw = encode(state)
        for watcher in tuple(self._watchers):
            watcher.sample("speaker", f"speaker {state.speaker_id}", raw)

    def job(self, job: PlanJob) -> None:
        """A planning job changed."""
        self._show("job", encode(job))

    def show(self, kind: str, raw: bytes) -> None:
        """Show something that is kept elsewhere."""
        self._show(kind, raw)

    def _show(self, kind: str, raw: bytes) -> None:
        for watcher in tuple(self._watchers):
            watcher.fact(kind, raw)

    async def flush(self) -> str | None:
        """Try again to store what could not be; why it still cannot."""
        async with self._order:
            await self._store_all()
        return self.store_fault

    async def _keep(self, write: Callable[[], Awaitable[None]]) -> None:
        """Store, oldest first; what fails is kept here and tried again.

        A vehicle in the air is not abandoned because the disk is full: facts
        go on being shown, launches are refused while ``store_fault`` is set.
        """
        self._unsaved.append(write)
        await self._store_all()

    @whole
    async def _store_all(self) -> None:
        # To its end: one that is cancelled between the commit and its note
        # of it would store the same piece of a track twice.
        while self._unsaved:
            try:
                await self._unsaved[0]()
            except StoreFailed as e:
                if self.store_fault is None:
                    log.error("facts are not stored: %s", e)  # noqa: TRY400 - expected
                self.store_fault = str(e)
                return
            self._unsaved.popleft()
        if self.store_fault is not None:
            log.info("facts are stored again")
        self.store_fault = None

    @staticmethod
    async def _tell(publishing: Awaitable[None]) -> None:
        try:
            await publishing
        except PatrolError as e:
            log.warning("fact not published: %s", e)
