"""The stage of the durable runs: real service, simulated drones as processes."""

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location(
    "durable_conftest", Path(__file__).parents[1] / "durable" / "conftest.py"
)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
plan = _MODULE.plan
stage = _MODULE.stage
