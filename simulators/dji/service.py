"""The dock on MQTT, with paho; files over HTTP."""

import argparse
import asyncio
import contextlib
import hashlib
import urllib.error
import urllib.request

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from simulators import mqtt_url
from simulators.clock import SimClock
from simulators.dji.dock import Dock, DockFaults, Download, Publish
from simulators.serving import read_faults, serve

MAX_SLEEP_S = 0.25
LARGEST_BYTES = 64 * 2**20


class DockService:
    """Runs one :class:`Dock` against a broker."""

    def __init__(self, dock: Dock, url: str, clock: SimClock) -> None:
        self._broker = mqtt_url.parse(url)
        self.dock = dock
        self.clock = clock
        self.subscribed = asyncio.Event()
        self._inbox: list[bytes] = []
        self._kick = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=dock.gateway_sn
        )
        self._broker.prepare(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def run(self) -> None:
        """Connect and serve until cancelled.

        Raises:
            OSError: the broker cannot be reached at the start.
        """
        host, port = self._broker.host, self._broker.port
        await asyncio.to_thread(self._client.connect, host, port, 30)
        self._client.loop_start()
        try:
            async with asyncio.TaskGroup() as group:
                await self._serve(group)
        finally:
            self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._kick.clear()
            inbox, self._inbox = self._inbox, []
            for payload in inbox:
                self.dock.on_service(payload, self.clock.utc_s())
            self.dock.poll(self.clock.utc_s())
            for action in self.dock.take():
                if isinstance(action, Publish):
                    topic = f"thing/product/{action.sn}/{action.leaf}"
                    self._client.publish(topic, action.payload, qos=1)
                else:
                    group.create_task(self._fetch(action), name="download")
            due_s = self.dock.next_due_s() - self.clock.utc_s()
            wait_s = min(MAX_SLEEP_S, self.clock.real_s(max(0.0, due_s)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._kick.wait()

    async def _fetch(self, wanted: Download) -> None:
        raw = None
        if not self.dock.faults.no_download:
            raw = await asyncio.to_thread(_download, wanted.url)
        md5 = "" if raw is None else hashlib.md5(raw, usedforsecurity=False).hexdigest()
        if raw is None or md5 != wanted.md5:
            self.dock.on_no_file(wanted.md5, self.clock.utc_s())
        else:
            self.dock.on_file(md5, len(raw), self.clock.utc_s())
        self._kick.set()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe(f"thing/product/{self.dock.gateway_sn}/services", qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._greet)

    def _greet(self) -> None:
        self.dock.hello(self.clock.utc_s())
        self.subscribed.set()
        self._kick.set()

    def _on_message(self, _c: paho.Client, _d: object, m: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._enqueue, bytes(m.payload))

    def _enqueue(self, payload: bytes) -> None:
        self._inbox.append(payload)
        self._kick.set()


def _download(url: str) -> bytes | None:
    if not url.startswith(("http://", "https://")):
        return None
    try:
        with urllib.request.urlopen(url, timeout=10.0) as answer:
            return bytes(answer.read(LARGEST_BYTES))
    except (OSError, ValueError, urllib.error.URLError):
        return None


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command line of a dock."""
    add = parser.add_argument
    add("--gateway", required=True, metavar="SN")
    add("--device", required=True, metavar="SN")
    add("--psdk-index", type=int, default=2)
    add("--mqtt", default="mqtt://127.0.0.1:1883")
    add("--speedup", type=float, default=1.0)
    add("--epoch", type=float, default=None, metavar="UNIX_S")
    add("--seed", type=int, default=0)
    add(
        "--fault",
        action="append",
        default=[],
        metavar="mute|no-download|no-state|abnormal-after=S",
    )


def _faults(texts: list[str]) -> DockFaults:
    flags = ("mute", "no-download", "no-state")
    return read_faults(DockFaults(), texts, flags=flags, seconds=("abnormal-after",))


async def run(args: argparse.Namespace) -> int:
    """Run one dock until it is interrupted."""
    dock = Dock(
        args.gateway,
        args.device,
        psdk_index=args.psdk_index,
        faults=_faults(args.fault),
        seed=args.seed,
    )
    service = DockService(dock, args.mqtt, SimClock(args.speedup, args.epoch))
    await serve(service, "dock", f"READY dji {args.gateway}")
    return 0
