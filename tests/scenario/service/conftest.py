"""The same helper as for the demo."""

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location(
    "demo_conftest", Path(__file__).parents[1] / "demo" / "conftest.py"
)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
patrolctl = _MODULE.patrolctl
