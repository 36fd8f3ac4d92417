"""Whatever the API's own document allows to be asked is answered as it says."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from patrolctl.app.http import serving
from patrolctl.app.listening import bind
from patrolctl.store import open_store

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
GOOD = [
    ("/api/v1/sites/{site_id}", {"site_id": "yard"}),
    ("/api/v1/plans/{plan_id}", {"plan_id": "p1"}),
    ("/api/v1/plans/{plan_id}/check", {"plan_id": "p1"}),
    ("/api/v1/runs/{run_id}", {"run_id": "R"}),
    ("/api/v1/runs/{run_id}/events", {"run_id": "R"}),
    ("/api/v1/runs/{run_id}/track", {"run_id": "R"}),
    ("/api/v1/runs/{run_id}/playbacks", {"run_id": "R"}),
    ("/api/v1/evidence/{run_id}", {"run_id": "R"}),
    ("/api/v1/vehicles/{vehicle_id}/events", {"vehicle_id": "d1"}),
]


class Server(threading.Thread):
    """The in-memory service on a real socket, in a thread of its own."""

    def __init__(self, make_stage, make, database: Path) -> None:
        super().__init__(daemon=True)
        self._make_stage, self._make, self._database = make_stage, make, database
        self.up, self.down = threading.Event(), threading.Event()
        self.url = ""
        self.run_id = ""

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        kit = self._make.Kit()
        listener = bind("127.0.0.1", 0)
        async with open_store(self._database, kit.clock) as store:
            stage = self._make_stage(kit, store, self._database.parent)
            async with stage.open():
                await stage.plan(self._make.copter_sortie("s1", 1))
                answer = await stage.http.post("/api/v1/runs", json={"plan_id": "p1"})
                self.run_id = answer.json()["id"]
                await kit.until(lambda: not stage.runs.under_way)
                async with serving(stage.app, listener) as self.url:
                    self.up.set()
                    await asyncio.to_thread(self.down.wait)
        listener.close()


@pytest.fixture(scope="module")
def server(make_stage, make, tmp_path_factory) -> Iterator[Server]:
    thread = Server(make_stage, make, tmp_path_factory.mktemp("openapi") / "p.db")
    thread.start()
    assert thread.up.wait(90)
    yield thread
    thread.down.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def schema(server: Server):
    return schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_operation_answers_as_documented(schema, mode) -> None:
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        count += 1

        @settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case) -> None:
            case.call_and_validate(checks=CHECKS)

        # What takes no input cannot be asked wrongly.
        with contextlib.suppress(Unsatisfiable):
            ask()
    assert count >= 30


@pytest.mark.parametrize(("path", "names"), GOOD)
def test_good_answers_are_as_documented(schema, server, path, names) -> None:
    known = {k: server.run_id if v == "R" else v for k, v in names.items()}
    case = schema[path]["GET"].Case(path_parameters=known)
    answer = case.call_and_validate(checks=CHECKS)
    assert answer.status_code == 200
