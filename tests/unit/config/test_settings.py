from datetime import UTC, datetime
from pathlib import Path

import pytest

from patrolctl.config import load_settings, missions_dir
from patrolctl.domain.errors import InputError


def test_defaults():
    settings = load_settings(None, {})
    assert (settings.host, settings.port, settings.mqtt_url) == (
        "127.0.0.1",
        8080,
        None,
    )
    assert settings.missions_dir == missions_dir()
    assert settings.clip_dir == settings.data_dir / "clips"
    assert settings.database.parent == settings.data_dir


def test_the_environment_wins_over_the_file(tmp_path):
    path = tmp_path / "patrolctl.toml"
    path.write_text('port = 9000\nhost = "0.0.0.0"\nspeedup = 5')
    settings = load_settings(
        path,
        {
            "PATROLCTL_PORT": "9001",
            "PATROLCTL_DATA_DIR": str(tmp_path),
            "PATROLCTL_EPOCH_UTC": "2026-01-01T00:00:00Z",
            "PATROLCTL_MISSIONS": "a, b",
            "PATROLCTL_DEBUG": "1",
            "PATROLCTL_SOMETHING_ELSE": "x",
        },
    )
    assert (settings.host, settings.port, settings.speedup) == ("0.0.0.0", 9001, 5.0)
    assert settings.data_dir == Path(tmp_path)
    assert settings.epoch_utc == datetime(2026, 1, 1, tzinfo=UTC)
    assert settings.missions == ("a", "b")


def test_faults_name_line_or_variable(tmp_path):
    path = tmp_path / "patrolctl.toml"
    path.write_text('port = 90000\nmqtt_url = "http://x"\nhots = "y"')
    with pytest.raises(InputError) as caught:
        load_settings(path, {"PATROLCTL_SPEEDUP": "fast"})
    lines = str(caught.value).split("\n")
    assert len(lines) == 4
    assert "line 1: port" in lines[0]
    assert "line 2: mqtt_url" in lines[1]
    assert "host may be meant" in lines[2]
    assert lines[3].startswith("PATROLCTL_SPEEDUP")


def test_voice_models_are_a_list_of_files() -> None:
    got = load_settings(None, {"PATROLCTL_VOICE_MODELS": "/v/zh.onnx,/v/en.onnx"})
    assert [str(m) for m in got.voice_models] == ["/v/zh.onnx", "/v/en.onnx"]
    assert load_settings(None, {}).voice_models == ()
    assert load_settings(None, {"PATROLCTL_VOICE_MODELS": ""}).voice_models == ()
