"""An independent subscriber, and a mosquitto that a test can kill."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@dataclass
class Heard:
    topic: str
    payload: dict[str, object]
    qos: int
    retain: bool
    expiry_s: int | None


@dataclass
class Witness:
    """Hears everything below the prefix, with a session that survives."""

    port: int
    name: str = "witness"
    heard: list[Heard] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Self:
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, self.name, protocol=paho.MQTTv5
        )
        self.client.on_message = self._on_message
        self.client.on_connect = lambda c, *_: c.subscribe("patrolctl/v1/#", 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self._subscribed = threading.Event()
        self.client.reconnect_delay_set(0.1, 0.5)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 600
        self.client.connect(
            "127.0.0.1", self.port, clean_start=False, properties=properties
        )
        self.client.loop_start()
        assert self._subscribed.wait(5)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _c: object, _d: object, m: paho.MQTTMessage) -> None:
        expiry = getattr(m.properties, "MessageExpiryInterval", None)
        with self.changed:
            self.heard.append(
                Heard(m.topic, json.loads(m.payload), m.qos, m.retain, expiry)
            )
            self.changed.notify_all()

    def publish(self, topic: str, payload: object, *, retain: bool = False) -> None:
        self.client.publish(topic, json.dumps(payload), 1, retain).wait_for_publish(5)

    def on(self, ending: str) -> list[Heard]:
        with self.changed:
            return [h for h in self.heard if h.topic.endswith(ending)]

    def wait(self, ending: str, count: int = 1, timeout_s: float = 10.0) -> list[Heard]:
        """Block until so many messages came on topics with that ending."""
        end_s = time.monotonic() + timeout_s  # noqa: TID251 - a test's own patience
        with self.changed:
            while len(self.on_locked(ending)) < count:
                left_s = end_s - time.monotonic()  # noqa: TID251
                assert self.changed.wait(max(left_s, 0)), (
                    f"{len(self.on_locked(ending))} of {count} on {ending}"
                )
            return self.on_locked(ending)

    def on_locked(self, ending: str) -> list[Heard]:
        return [h for h in self.heard if h.topic.endswith(ending)]


@dataclass
class Mosquitto:
    """A broker process with persistence, killed and started at will."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (self.folder / "m.conf").write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {self.folder}/\n"
            "max_queued_messages 0\nautosave_interval 1\n"
        )

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.folder / "m.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        msg = "mosquitto does not listen"
        raise AssertionError(msg)

    def stop(self) -> None:
        """SIGTERM: it saves sessions and retained messages."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(5)
            self.process = None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(5)
            self.process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.stop()


class Witnesses:
    """Makes witnesses that leave with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, port: int) -> Witness:
        return self._stack.enter_context(Witness(port))

    def late(self, port: int) -> Witness:
        return self._stack.enter_context(Witness(port, "late"))


@pytest.fixture
def witness() -> Iterator[Witnesses]:
    with ExitStack() as stack:
        yield Witnesses(stack)
