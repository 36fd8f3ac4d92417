"""Uploaded recordings, good and bad."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from patrolctl.audio import ClipStore, import_recording
from patrolctl.domain.errors import InputError


def recording(form: str, rate_hz: int = 44_100, seconds: float = 2.0) -> bytes:
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    voice = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20))
    x = 0.2 * voice * (1 + np.sin(2 * np.pi * 4 * t)) / 2
    out = io.BytesIO()
    soundfile.write(out, np.column_stack([x, x]), rate_hz, format=form)
    return out.getvalue()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3", "OGG"])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_recordings_become_mastered_clips(
    tmp_path: Path, form: str, rate_hz: int
) -> None:
    store = ClipStore(tmp_path)
    clip = import_recording(recording(form, rate_hz), store, name="up.bin")
    assert clip.duration_s == pytest.approx(2.0, abs=0.3)
    assert clip.sample_rate_hz == 22_050
    assert clip.peak_dbfs is not None
    assert clip.peak_dbfs <= -0.95
    assert store.clip(clip.sha256) == clip
    assert import_recording(recording("WAV"), store, name="x") == import_recording(
        recording("WAV"), store, name="y"
    )


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a.txt", "hello" * 100)
    return out.getvalue()


def silent() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(44_100), 44_100, format="WAV")
    return out.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        zipped(),
        silent(),
        recording("WAV")[:60],
        recording("FLAC")[:30],
        recording("WAV", seconds=0.1),
        recording("WAV", rate_hz=1000),
        recording("AIFF"),
        b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\0" * 40,
    ],
)
def test_bad_uploads_are_refused_in_one_line(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(InputError) as caught:
        import_recording(raw, ClipStore(tmp_path), name="up.wav")
    assert str(caught.value).startswith("up.wav: ")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_never_ends_is_not_read_to_its_end(tmp_path: Path) -> None:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(8000 * 1000), 8000, format="FLAC")
    raw = out.getvalue()
    assert len(raw) < 100_000  # a thousand seconds of silence
    with pytest.raises(InputError, match="too long"):
        import_recording(raw, ClipStore(tmp_path), name="bomb.flac")
