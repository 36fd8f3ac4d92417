"""Accounts, rights and certificates, against a real mosquitto."""

import asyncio
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from patrolctl.clock import SystemClock
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.sound import Cue
from patrolctl.mqtt import (
    BrokerFailed,
    TlsListener,
    load_accounts,
    open_mqtt,
    run_broker,
)
from patrolctl.mqtt.address import parse_address

pytestmark = pytest.mark.broker
BASE = "patrolctl/v1/estate"


@dataclass
class Client:
    """Somebody at the broker, with a name or without."""

    port: int
    user: str | None = None
    password: str | None = None
    context: ssl.SSLContext | None = None

    def __enter__(self) -> "Client":
        self.heard: list[str] = []
        self.answer: int | None = None
        self._answered, self._subscribed = threading.Event(), threading.Event()
        self.granted: list[int] = []
        self.client = client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5
        )
        if self.user is not None:
            client.username_pw_set(self.user, self.password)
        if self.context is not None:
            client.tls_set_context(self.context)
        client.on_connect = self._on_connect
        client.on_message = lambda _c, _d, m: self.heard.append(m.topic)
        client.on_subscribe = self._on_subscribe
        client.connect("localhost", self.port)
        client.loop_start()
        assert self._answered.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, *args: object) -> None:
        self.answer = args[3].value
        self._answered.set()

    def _on_subscribe(self, *args: object) -> None:
        self.granted = [r.value for r in args[3]]
        self._subscribed.set()

    def listen(self, topic: str) -> "Client":
        self.client.subscribe(topic, 1)
        assert self._subscribed.wait(5)
        return self

    def says(self, topic: str) -> None:
        self.client.publish(topic, b"{}", 1).wait_for_publish(5)


async def test_every_client_has_its_own_rights(tmp_path: Path) -> None:
    accounts = load_accounts(tmp_path / "accounts.json", ["spk-1", "spk-2"])
    secret = {a.name: a.password for a in accounts}
    async with run_broker(
        state_dir=tmp_path / "b", mosquitto=True, accounts=accounts
    ) as broker:
        port = broker.port
        with Client(port) as nobody, Client(port, "service", "wrong") as wrong:
            assert nobody.answer in {135, 134, 5}
            assert wrong.answer in {135, 134, 5}
        clock = SystemClock()
        async with open_mqtt(broker.url, site_id="estate", clock=clock) as hub:
            await hub.ready()
            with (
                Client(port, "speaker.spk-1", secret["speaker.spk-1"]) as one,
                Client(port, "speaker.spk-2", secret["speaker.spk-2"]) as two,
                Client(port, "viewer", secret["viewer"]) as viewer,
            ):
                for client in (one, two, viewer):
                    assert client.answer == 0
                    client.listen("patrolctl/v1/#")
                speaker = hub.speaker(SpeakerId("spk-1"), VehicleId("d1"))
                expires = clock.utc() + timedelta(seconds=20)
                cue = Cue("c", 1, "ab" * 32, 1, 1.0)
                await speaker.play(cue, key="r:c", expires_utc=expires)
                speaker.talk_frame("00000000-0000-0000-0000-000000000001", 1, b"\x78x")
                one.says(f"{BASE}/speakers/spk-1/playback")
                one.says(f"{BASE}/speakers/spk-2/playback")  # not its own
                two.says(f"{BASE}/speakers/spk-1/command")  # an order
                viewer.says(f"{BASE}/speakers/spk-1/command")
                one.says(f"{BASE}/vehicles/d1/state")
                await asyncio.sleep(0.4)
                command = f"{BASE}/speakers/spk-1/command"
                assert sorted(one.heard) == [command, f"{BASE}/speakers/spk-1/talk"]
                assert two.heard == []
                assert viewer.heard.count(f"{BASE}/speakers/spk-1/playback") == 1
                assert not [t for t in viewer.heard if t.endswith(("command", "talk"))]
                assert f"{BASE}/speakers/spk-2/playback" not in viewer.heard
                assert f"{BASE}/vehicles/d1/state" not in viewer.heard
                assert f"{BASE}/service/connection" in viewer.heard


async def test_passwords_are_kept_and_nobody_else_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    first = {a.name: a.password for a in load_accounts(file, ["a"])}
    again = {a.name: a.password for a in load_accounts(file, ["a", "b"])}
    assert first.items() <= again.items()
    assert len(set(again.values())) == 4
    accounts = load_accounts(file, ["a", "b"])
    async with run_broker(state_dir=tmp_path / "b", mosquitto=True, accounts=accounts):
        for path in (file, tmp_path / "b/passwords", tmp_path / "b/rights"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        written = "".join(p.read_text() for p in (tmp_path / "b").glob("*[!b]"))
        assert not [p for p in again.values() if p in written]
    assert "password" not in repr(accounts)
    assert again["service"] not in repr(accounts)
    file.write_text("[]")
    with pytest.raises(InputError, match="holds no accounts"):
        load_accounts(file, [])


def openssl(folder: Path, *args: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    subprocess.run([program, *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a broker's certificate for localhost, a client's."""
    folder = tmp_path_factory.mktemp("pki")
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem",
        "-days", "2", "-subj", "/CN=Test authority",
    )  # fmt: skip
    for name in ("localhost", "agent"):
        openssl(
            folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}",
        )  # fmt: skip
        openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem",
            "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", f"{name}.pem", "-extfile", "san",
        )  # fmt: skip
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connects(url: str, within_s: float = 2.0) -> bool:
    async with open_mqtt(
        url, site_id="estate", clock=SystemClock(), client_id="tls-test"
    ) as hub:
        try:
            async with asyncio.timeout(within_s):
                await hub.ready()
        except TimeoutError:
            return False
    return True


@pytest.mark.parametrize("mutual", [False, True])
async def test_tls_for_other_machines(tmp_path: Path, pki: Path, mutual: bool) -> None:
    (service, *_) = accounts = load_accounts(tmp_path / "a.json", ["spk-1"])
    listener = TlsListener(
        "127.0.0.1",
        free_port(),
        pki / "localhost.pem",
        pki / "localhost.key",
        pki / "ca.pem" if mutual else None,
    )
    async with run_broker(
        state_dir=tmp_path / "b", mosquitto=True, accounts=accounts, tls=listener
    ) as broker:
        assert await connects(broker.url, 5.0)  # our own, on loopback
        base = f"mqtts://{service.credentials}@localhost:{listener.port}"
        ca = f"?ca={pki}/ca.pem"
        mine = f"&cert={pki}/agent.pem&key={pki}/agent.key"
        assert await connects(base + ca + mine, 5.0)
        assert await connects(base + ca) is not mutual
        assert not await connects(base + "?" + mine[1:])  # an unknown authority
        wrong = base.replace(service.credentials, "service:wrong")
        assert not await connects(wrong + ca + mine)
        assert not await connects(f"mqtt://localhost:{listener.port}")  # no TLS


async def test_a_name_that_is_not_the_brokers_is_refused(
    tmp_path: Path, pki: Path
) -> None:
    accounts = load_accounts(tmp_path / "a.json", [])
    listener = TlsListener(
        "127.0.0.2", free_port(), pki / "localhost.pem", pki / "localhost.key"
    )
    async with run_broker(
        state_dir=tmp_path / "b", mosquitto=True, accounts=accounts, tls=listener
    ):
        url = f"mqtts://{accounts[0].credentials}@127.0.0.2:{listener.port}"
        assert not await connects(f"{url}?ca={pki}/ca.pem")


async def test_listeners_that_cannot_be(tmp_path: Path, pki: Path) -> None:
    bad = TlsListener("127.0.0.1", free_port(), tmp_path / "no.pem", pki / "ca.key")
    with pytest.raises(BrokerFailed, match="needs accounts"):
        async with run_broker(state_dir=tmp_path, mosquitto=True, tls=bad):
            pass
    accounts = load_accounts(tmp_path / "a.json", [])
    with pytest.raises(BrokerFailed, match=r"no\.pem does not exist"):
        async with run_broker(
            state_dir=tmp_path, mosquitto=True, tls=bad, accounts=accounts
        ):
            pass


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mqtt://h:1?ca=x", "without mqtts"),
        ("mqtts://h?cert=x", "one of cert and key"),
        ("mqtts://h?psk=x", "option psk"),
        ("mqtts://h?ca=/nowhere.pem", "CA file /nowhere.pem"),
        ("mqtts://u:hunter2@h/x", "has a path"),
    ],
)
def test_urls_that_cannot_be(url: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        parse_address(url)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(InputError, match="cannot be used"):
        parse_address(f"mqtts://h?ca={junk}")


@pytest.mark.parametrize("kind", ["agent", "simulator"])
async def test_a_speaker_reports_over_tls_under_its_own_name(
    tmp_path: Path, pki: Path, kind: str
) -> None:
    accounts = load_accounts(tmp_path / "a.json", ["spk-1"])
    mine = next(a for a in accounts if a.name == "speaker.spk-1")
    cert, key = pki / "localhost.pem", pki / "localhost.key"
    listener = TlsListener("127.0.0.1", free_port(), cert, key, pki / "ca.pem")
    files = f"?ca={pki}/ca.pem&cert={pki}/agent.pem&key={pki}/agent.key"
    url = f"mqtts://{mine.credentials}@localhost:{listener.port}{files}"
    command = {
        "agent": (
            "patrolctl", "agent", "--vehicle", "v1", "--speaker", "spk-1",
            "--site", "estate", "--mavlink", f"udpin:127.0.0.1:{free_port()}",
            "--sink", f"file:{tmp_path}/heard", "--cache", f"{tmp_path}/cache",
        ),
        "simulator": (
            "simulators", "speaker", "--id", "spk-1", "--vehicle", "v1",
            "--site", "estate",
        ),
    }[kind]  # fmt: skip
    async with (
        run_broker(
            state_dir=tmp_path / "b", mosquitto=True, accounts=accounts, tls=listener
        ) as broker,
        open_mqtt(broker.url, site_id="estate", clock=SystemClock()) as hub,
    ):
        speaker = hub.speaker(SpeakerId("spk-1"), VehicleId("v1"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, "--mqtt", url
        )
        try:
            async with asyncio.timeout(20):
                while speaker.state.phase != "idle":  # noqa: ASYNC110 - told
                    await asyncio.sleep(0.05)
        finally:
            process.terminate()
            await process.wait()
