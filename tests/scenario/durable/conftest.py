"""The stage, and a plan that is made once."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


def _load(name: str) -> object:
    """A helper beside this file; tests are no packages here."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"durable_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"durable_{name}"] = module
    spec.loader.exec_module(module)
    return module


_load("proxy")
stage_module = _load("stage")


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drones, a sortie each."""
    return stage_module.make_plan(tmp_path_factory.mktemp("plan"))


@pytest.fixture
def stage(tmp_path: Path, plan: Path) -> Iterator[object]:
    """Opens stages; closes them with the test."""
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")):
        pytest.skip("mosquitto is not installed")
    opened = []

    def start(**options: object):
        folder = tmp_path / f"stage-{len(opened)}"
        folder.mkdir()
        opened.append(stage_module.Stage(folder, plan, **options))
        opened[-1].open()
        return opened[-1]

    yield start
    for one in opened:
        one.close()
