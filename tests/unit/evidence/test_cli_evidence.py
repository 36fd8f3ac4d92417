"""``patrolctl evidence`` against a service that speaks the HTTP contract."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from patrolctl.app.keys import report_key
from patrolctl.cli.evidence import command
from patrolctl.domain.errors import Conflict, InputError, LinkFailed, NotFound
from patrolctl.domain.jsondoc import encode
from patrolctl.evidence import FORMATS, Dossier, render, verify


@pytest.fixture
def key(tmp_path):
    return report_key(tmp_path / "data")


@pytest.fixture
def service(story, site, key) -> Iterator[str]:
    played, track = story.played(), story.track()
    evidence = story.prove(played)
    dossier = Dossier(evidence, story.plan, site, (played,), track)
    answers = {
        "/api/v1/evidence/r": encode(evidence),
        "/api/v1/evidence/public-key": json.dumps(
            {"public_key": key.public_key}
        ).encode(),
        **{
            f"/api/v1/evidence/r/report.{form}": render(dossier, form, key)
            for form in FORMATS
        },
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
    assert verify(file.read_bytes(), source="r").report.site_sha256 == "a" * 64
    assert "unchanged" in _run(file, "--verify").stderr
    file.write_text(done.stdout.replace('"reached": false', '"reached": true'))
    assert isinstance(_run(file, "--verify").exception, InputError)


def test_the_key_is_insisted_on(service, tmp_path, key):
    file = tmp_path / "report.json"
    file.write_text(_run("r", "--json", "--url", service).stdout)
    seen = _run(file, "--verify").stderr
    assert "hold that against the service" in seen
    for more in (("--key", key.public_key.upper()), ("--url", service)):
        done = _run(file, "--verify", *more)
        assert done.exit_code == 0, done.output
        assert "the key that was asked for" in done.stderr
    other = report_key(tmp_path / "other").public_key
    assert "signed by somebody else" in str(
        _run(file, "--verify", "--key", other).exception
    )
    assert "64 hex digits" in str(_run(file, "--verify", "--key", "abc").exception)


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
