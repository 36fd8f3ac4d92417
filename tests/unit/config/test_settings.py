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


def test_a_database_of_several_nodes(tmp_path: Path) -> None:
    environ = {"PATROLCTL_STORE_URL": "postgresql://p@db/x", "PATROLCTL_NODE": "n1"}
    read = load_settings(None, environ)
    assert (read.database, read.node) == ("postgresql://p@db/x", "n1")
    alone = load_settings(None, {"PATROLCTL_DATA_DIR": str(tmp_path)})
    assert alone.database == tmp_path / "patrolctl.db"
    with pytest.raises(InputError, match="PATROLCTL_STORE_URL") as refused:
        load_settings(None, {"PATROLCTL_STORE_URL": "mysql://u:secret@h/x"})
    assert "secret" not in str(refused.value)


def test_conditions_have_limits_and_some_hold_always(tmp_path: Path) -> None:
    file = tmp_path / "patrolctl.toml"
    file.write_text('[conditions]\ndaylight = "civil"\noverridable = ["wind"]\n')
    rules = load_settings(file, {}).conditions
    assert (rules.daylight, rules.overridable) == ("civil", {"wind"})
    assert rules.wind_ratio == 0.7
    file.write_text('[conditions]\noverridable = ["disk"]\n')
    with pytest.raises(InputError, match=r"overridable.*nobody may set aside"):
        load_settings(file, {})
