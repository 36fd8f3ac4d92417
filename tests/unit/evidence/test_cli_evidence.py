"""``patrolctl evidence`` against a service that speaks the HTTP contract."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from patrolctl.cli.evidence import command
from patrolctl.domain.errors import Conflict, InputError, LinkFailed, NotFound
from patrolctl.domain.jsondoc import encode
from patrolctl.evidence import verify
from patrolctl.sites import site_geojson


@pytest.fixture
def service(story, site) -> Iterator[str]:
    played, track = story.played(), story.track()
    evidence = story.prove(played)
    plan = encode(story.plan).replace(b'"site_id":null', b'"site_id":"s"')
    answers = {
        "/api/v1/evidence/r": encode(evidence),
        "/api/v1/plans/p": plan,
        "/api/v1/sites/s": site_geojson(site),
        "/api/v1/runs/r/playbacks": encode((played,)),
        "/api/v1/runs/r/track": encode(track),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path)
            code = 500 if "broken" in self.path else 200 if body else 404
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, *_args):
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _run(*args):
    return CliRunner().invoke(command, list(map(str, args)))


@pytest.mark.parametrize("ending", ["json", "html", "csv", "geojson"])
def test_a_report_is_written_in_the_form_of_its_ending(service, tmp_path, ending):
    out = tmp_path / f"report.{ending}"
    done = _run("r", "-o", out, "--url", service)
    assert done.exit_code == 0, done.output
    assert "10 of 11 receivers reached" in done.stderr
    assert done.stdout == ""
    assert out.stat().st_size > 500


def test_json_goes_to_stdout_alone_and_can_be_verified(service, tmp_path):
    done = _run("r", "--json", "--url", service)
    assert json.loads(done.stdout)["report"]["run_id"] == "r"
    file = tmp_path / "report.json"
    file.write_text(done.stdout)
    assert verify(file.read_bytes(), source="r").site_sha256 == "a" * 64
    assert "unchanged" in _run(file, "--verify").stderr
    file.write_text(done.stdout.replace('"reached": false', '"reached": true'))
    assert isinstance(_run(file, "--verify").exception, InputError)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("other",), NotFound),
        (("broken",), Conflict),
        (("r", "-o", "report.pdf"), InputError),
        (("r", "-o", "/nowhere/report.json"), InputError),
        (("missing.json", "--verify"), InputError),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(service, args, error):
    done = _run(*args, "--url", service)
    assert isinstance(done.exception, error)
    assert done.exception.exit_code == 2


def test_no_service_is_a_link_failure():
    done = _run("r", "--url", "http://127.0.0.1:9")
    assert isinstance(done.exception, LinkFailed)
    assert done.exception.exit_code == 5
    assert isinstance(_run("r", "--url", "file:///etc/passwd").exception, InputError)
