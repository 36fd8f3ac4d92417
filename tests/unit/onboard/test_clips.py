"""The clip cache: what comes over http, what fits, what a full disk does."""

import errno
import hashlib
import io
import os
import struct
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from patrolctl.onboard import clips
from patrolctl.onboard.clips import ClipCache, ClipUnavailable


def wav(seconds: float = 0.1, width: int = 2, fill: int = 1000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(width)
        f.setframerate(8000)
        sample = struct.pack("<h", fill)[:width]
        f.writeframes(sample * int(seconds * 8000))
    return out.getvalue()


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@contextmanager
def served(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A web server, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            raw = files.get(self.path)
            if raw is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cache(tmp_path: Path, most_bytes: int = 10**6) -> ClipCache:
    return ClipCache(tmp_path / "cache", most_bytes=most_bytes)


def test_a_clip_is_fetched_once_and_kept(tmp_path: Path) -> None:
    raw = wav()
    with served({"/a.wav": raw}) as (url, asked):
        one = cache(tmp_path)
        path = one.get(sha(raw), f"{url}/a.wav")
        assert path.read_bytes() == raw
        assert one.get(sha(raw), f"{url}/a.wav") == path
        assert cache(tmp_path).get(sha(raw), None) == path  # another life
    assert asked == ["/a.wav"]


@pytest.mark.parametrize(
    ("sent", "named", "why"),
    [
        (wav(fill=1), wav(fill=2), "wrong hash"),
        (wav()[:-1], wav(), "wrong hash"),
        (wav()[:-100], None, "cut short"),
        (wav(width=1), None, "not 16-bit"),
        (b"PK\x03\x04 a zip", None, "no WAV"),
        (None, wav(), "404"),
    ],
)
def test_what_is_not_the_clip_is_refused_and_not_kept(
    tmp_path: Path, sent: bytes | None, named: bytes | None, why: str
) -> None:
    name = sha(named if named is not None else sent or b"")
    one = cache(tmp_path)
    with served({} if sent is None else {"/a.wav": sent}) as (url, _):
        for _ in range(2):
            with pytest.raises(ClipUnavailable, match=why):
                one.get(name, f"{url}/a.wav")
    assert one.cached() == ()
    assert list((tmp_path / "cache").iterdir()) == []


def test_one_that_is_too_large_or_drips_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = wav(1.0)
    with served({"/a.wav": raw}) as (url, _):
        monkeypatch.setattr(clips, "LARGEST_CLIP_BYTES", 1000)
        with pytest.raises(ClipUnavailable, match="more than 1,000 bytes"):
            cache(tmp_path).get(sha(raw), f"{url}/a.wav")
        monkeypatch.undo()
        monkeypatch.setattr(clips, "FETCH_S", -1.0)
        with pytest.raises(ClipUnavailable, match="not here after"):
            cache(tmp_path).get(sha(raw), f"{url}/a.wav")


def test_the_bound_holds_and_what_is_needed_stays(tmp_path: Path) -> None:
    raws = [wav(fill=n) for n in range(8)]
    files = {f"/{n}": raw for n, raw in enumerate(raws)}
    one = cache(tmp_path, most_bytes=3 * len(raws[0]) + 10)
    with served(files) as (url, _):
        for n, raw in enumerate(raws):
            one.get(sha(raw), f"{url}/{n}", pinned={sha(raws[0])})
            os.utime(tmp_path / "cache" / f"{sha(raw)}.wav", (n, n))
            size = sum(p.stat().st_size for p in (tmp_path / "cache").iterdir())
            assert size <= 3 * len(raws[0]) + 10
        assert set(one.cached()) == {sha(raws[0]), sha(raws[6]), sha(raws[7])}
        # A sheet that needs more than fits is told, and nothing of it is lost.
        with pytest.raises(ClipUnavailable, match="too small"):
            one.get(sha(raws[1]), f"{url}/1", pinned=set(one.cached()))
        assert len(one.cached()) == 3


def test_a_full_disk_is_told_and_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, kept = wav(fill=1), wav(fill=2)
    one = cache(tmp_path)
    with served({"/a": raw, "/b": kept}) as (url, _):
        one.get(sha(kept), f"{url}/b")

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ClipUnavailable, match="No space left"):
            one.get(sha(raw), f"{url}/a")
        assert one.cached() == (sha(kept),)
        assert not [p for p in (tmp_path / "cache").iterdir() if ".new-" in p.name]
        assert one.get(sha(kept), None).read_bytes() == kept
        monkeypatch.undo()
        assert one.get(sha(raw), f"{url}/a").read_bytes() == raw


def test_many_at_once_from_two_threads(tmp_path: Path) -> None:
    raws = [wav(fill=n) for n in range(12)]
    files = {f"/{n}": raw for n, raw in enumerate(raws)}
    one = cache(tmp_path, most_bytes=4 * len(raws[0]))
    faults: list[Exception] = []
    with served(files) as (url, _):

        def ask(first: int) -> None:
            for n in range(first, first + 12):
                raw = raws[n % 12]
                try:
                    one.get(sha(raw), f"{url}/{n % 12}")
                except Exception as e:  # noqa: BLE001 - counted below
                    faults.append(e)

        threads = [threading.Thread(target=ask, args=(k,)) for k in (0, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    assert sum(p.stat().st_size for p in (tmp_path / "cache").iterdir()) <= 4 * len(
        raws[0]
    )


def test_a_clip_that_two_want_at_once_is_never_away(tmp_path: Path) -> None:
    """Who has its path may open it, whoever else still brings it."""
    raw = wav(0.5)
    name = sha(raw)
    with served({"/a": raw}) as (url, _):
        for turn in range(20):
            one = ClipCache(tmp_path / f"cache{turn}", most_bytes=10**6)
            missing: list[str] = []
            both = threading.Barrier(2)

            def ask(here: ClipCache, gate: threading.Barrier, out: list[str]) -> None:
                gate.wait()
                path = here.get(name, f"{url}/a")
                out.extend("away" for _ in range(200) if not path.exists())

            threads = [
                threading.Thread(target=ask, args=(one, both, missing))
                for _ in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert missing == []
