import json
import signal
import socket
import time
import urllib.request

import pytest


def test_the_quickstart_is_carried_out_to_the_end(patrolctl) -> None:
    demo = patrolctl(
        "demo",
        "--mission",
        "quickstart",
        "--headless",
        "--once",
        "--speedup",
        "20",
        "--json",
    )
    code, out, err = demo.finish(110)
    assert code == 0, err
    report = json.loads(out)
    assert report["mission"] == "quickstart"
    assert report["receivers_reached"] == report["receivers_reachable"] > 0
    assert report["playbacks"] == report["playbacks_complete"] > 0
    assert {w["phase"] for w in report["works"]} == {"FINISHED"}
    assert "Traceback" not in err
    assert demo.none_left()


@pytest.mark.parametrize("after_s", [0.1, 0.8, 2.0, 4.0, 7.0])
def test_ctrl_c_at_any_moment_leaves_no_process(patrolctl, after_s: float) -> None:
    demo = patrolctl("demo", "--mission", "quickstart", "--headless", "--once")
    time.sleep(after_s)
    demo.signal(signal.SIGINT)
    code, _, err = demo.finish(15)
    assert code in {130, -signal.SIGINT}, err
    assert "Traceback" not in err or code == -signal.SIGINT
    assert demo.none_left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_other_ends_leave_no_process_either(patrolctl, number) -> None:
    demo = patrolctl("demo", "--mission", "quickstart", "--port", "0", "--idle")
    demo.until("READY console at")
    assert len(demo.left()) >= 4
    demo.signal(number)
    code, _, _ = demo.finish(15)
    assert code in {128 + number, -number}
    assert demo.none_left()


def test_the_console_shows_moving_vehicles_without_mosquitto_too(patrolctl) -> None:
    words = ["--mission", "quickstart", "--port", "0", "--speedup", "20"]
    demo = patrolctl("demo", *words, "--no-mosquitto")
    url = demo.until("READY console at").split()[-1]
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert json.load(answer)["status"] == "ok"
    demo.until(": launched")
    demo.until("played to the end")
    seen = set()
    for _ in range(100):
        with urllib.request.urlopen(f"{url}/api/v1/vehicles") as answer:
            for vehicle in json.load(answer):
                if (vehicle["telemetry"]["ground_speed_m_s"] or 0.0) > 1.0:
                    seen.add(vehicle["entry"]["kind"])
        if seen:
            break
        time.sleep(0.1)
    assert seen
    demo.signal(signal.SIGINT)
    assert demo.finish(15)[0] == 130
    assert demo.none_left()


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    return lines[0]


def test_a_port_in_use(patrolctl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = patrolctl(*f"demo --port {port}".split()).finish(30)
    assert (code, out) == (2, "")
    assert one_line(err) == (
        f"port {port} on 127.0.0.1: address already in use; another one with --port"
    )


def test_a_mission_that_does_not_exist(patrolctl) -> None:
    code, out, err = patrolctl("demo", "--mission", "nowhere").finish(30)
    assert (code, out) == (2, "")
    assert one_line(err).startswith("mission nowhere: is no folder")


def test_headless_without_once(patrolctl) -> None:
    code, _, err = patrolctl("demo", "--headless").finish(30)
    assert code == 2
    assert "--once" in err
