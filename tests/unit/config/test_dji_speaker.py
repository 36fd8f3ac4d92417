"""``[vehicle.speaker]`` with ``kind = "dji"``."""

from pathlib import Path

import pytest

from patrolctl.config import load_brief
from patrolctl.domain.errors import InputError
from patrolctl.domain.machines import DjiAddress

QUICKSTART = Path(__file__).parents[3] / "missions/quickstart"
MISSION = """
[[announcement]]
id = "a"
[[announcement.text]]
lang = "en"
text = "Hello"
[[vehicle]]
id = "m30"
kind = "copter"
[vehicle.speaker]
id = "horn"
"""


def brief(tmp_path: Path, more: str):
    folder = tmp_path / "m"
    folder.mkdir()
    site = (QUICKSTART / "site.geojson").read_bytes()
    (folder / "site.geojson").write_bytes(site)
    (folder / "mission.toml").write_text(MISSION + more)
    return load_brief(folder)


def test_a_dji_speaker_has_an_address(tmp_path: Path) -> None:
    more = 'kind = "dji"\ngateway_sn = "7CTDM3D00BHB26"\ndevice_sn = "1581F6Q8D23C"\n'
    (entry,) = brief(tmp_path, more + "psdk_index = 0\n").fleet
    assert entry.speaker_dji == DjiAddress("7CTDM3D00BHB26", "1581F6Q8D23C", 0)
    assert entry.speaker_id == "horn"


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('kind = "dji"\n', "gateway_sn.* is missing"),
        ('gateway_sn = "7CTDM3D00BHB26"\n', "is for a speaker of DJI"),
        ('kind = "horn"\n', "kind"),
        (
            'kind = "dji"\ngateway_sn = "a/#"\ndevice_sn = "1581F6Q8D23C"\n',
            "gateway_sn",
        ),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, more: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        brief(tmp_path, more)
