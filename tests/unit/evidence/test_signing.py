"""Signed reports: one canonical form, and every change is seen."""

import hashlib
import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patrolctl.app.keys import report_key
from patrolctl.domain.errors import InputError, StoreFailed
from patrolctl.evidence import Dossier, render, verify
from patrolctl.evidence.canonical import canonical, number

# RFC 8785, appendix B, and its example of section 3.2.
NUMBERS = {
    0.0: "0", 5e-324: "5e-324", -5e-324: "-5e-324",
    1.7976931348623157e308: "1.7976931348623157e+308",
    9007199254740992.0: "9007199254740992", 295147905179352830000.0:
    "295147905179352830000", 9.999999999999997e22: "9.999999999999997e+22",
    1e23: "1e+23", 1.0000000000000001e23: "1.0000000000000001e+23",
    999999999999999700000.0: "999999999999999700000",
    999999999999999900000.0: "999999999999999900000", 1e21: "1e+21",
    9.999999999999997e-7: "9.999999999999997e-7", 0.000001: "0.000001",
    333333333.3333332: "333333333.3333332", 333333333.33333325:
    "333333333.33333325", -0.0000033333333333333333: "-0.0000033333333333333333",
    1424953923781206.2: "1424953923781206.2", 4.5: "4.5", 0.002: "0.002",
    1e-27: "1e-27", 100.0: "100", 34.20000001: "34.20000001",
}  # fmt: skip


@pytest.mark.parametrize(("value", "told"), NUMBERS.items())
def test_numbers_are_written_as_the_standard_has_them(value, told):
    assert number(value) == told
    assert number(-0.0) == "0"


def test_the_standards_own_example():
    raw = (
        r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
        r'"string":"\u20ac$\u000F\u000aA' r"'" r'\u0042\u0022\u005c\\\"\/",'
        r'"literals":[null,true,false]}'
    )  # fmt: skip
    assert canonical(json.loads(raw)).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,'
        '1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_members_are_sorted_by_utf_16():
    raw = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6}
    order = list(json.loads(canonical(raw)))
    assert order == ["\r", "1", "\u0080", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 10**400, {1, 2}])
def test_what_json_cannot_hold_is_refused(bad):
    with pytest.raises(ValueError, match="JSON"):
        canonical(bad)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-(2**53), 2**53) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=10,
    )
)  # fmt: skip
def test_the_canonical_form_says_the_same_and_is_its_own(value):
    once = canonical(value)
    read = json.loads(once.decode("utf-8", "surrogatepass"), parse_int=float)
    assert read == value
    assert canonical(read) == once


@pytest.fixture
def key(tmp_path):
    return report_key(tmp_path)


@pytest.fixture
def signed(story, site, key):
    played = story.played()
    dossier = Dossier(story.prove(played), story.plan, site, (played,), story.track())
    return json.loads(render(dossier, "json", key))


def check(document, **more):
    return verify(json.dumps(document).encode(), source="report.json", **more)


def test_a_signed_report_is_whole_however_it_is_laid_out(signed, key):
    found = check(signed, public_key=key.public_key)
    assert found.signature is not None
    assert found.signature.public_key == key.public_key
    turned = {k: signed[k] for k in reversed(signed)}
    turned["report"] = dict(reversed(signed["report"].items()))
    raw = json.dumps(turned, indent=7).encode()
    assert verify(raw, source="r").digest_sha256 == found.digest_sha256


def _leaves(node, path=()):
    if isinstance(node, dict):
        for k, v in node.items():
            yield from _leaves(v, (*path, k))
    elif isinstance(node, list):
        for k, v in enumerate(node):
            yield from _leaves(v, (*path, k))
    else:
        yield path


def test_every_changed_value_is_seen(signed):
    """All leaves of the report, one after the other."""
    paths = list(_leaves(signed["report"]))
    assert len(paths) > 150
    raw = json.dumps(signed)
    for path in paths:
        changed = json.loads(raw)
        node = changed["report"]
        for step in path[:-1]:
            node = node[step]
        old = node[path[-1]]
        node[path[-1]] = (not old) if isinstance(old, bool) else (
            old + 1 if isinstance(old, int | float) else f"{old or ''}x"
        )  # fmt: skip
        with pytest.raises(InputError):
            check(changed)


def test_what_was_added_is_seen_too(signed):
    signed["report"]["remark"] = "all well"
    with pytest.raises(InputError, match="digest does not fit"):
        check(signed)


def test_a_new_digest_does_not_help(signed, key):
    signed["report"]["site_name"] = "Elsewhere"
    digest = hashlib.sha256(canonical(signed["report"])).hexdigest()
    with pytest.raises(InputError, match="changed after it was signed"):
        check({**signed, "digest_sha256": digest})
    with pytest.raises(InputError, match="is not signed"):
        check(
            {**signed, "digest_sha256": digest, "signature": None},
            public_key=key.public_key,
        )


def test_somebody_elses_signature_is_seen(story, site, key, tmp_path):
    forger = report_key(tmp_path / "forger")
    dossier = Dossier(story.prove(), story.plan, site)
    forged = json.loads(render(dossier, "json", forger))
    assert check(forged).signature.fingerprint  # whole, but by whom?
    with pytest.raises(InputError, match="signed by somebody else"):
        check(forged, public_key=key.public_key)
    forged["signature"]["public_key"] = key.public_key
    with pytest.raises(InputError, match="signature does not fit"):
        check(forged)
    forged["signature"]["value"] = "zz"
    with pytest.raises(InputError, match="signature does not fit"):
        check(forged)


def test_the_page_names_key_and_signature(story, site, key):
    dossier = Dossier(story.prove(), story.plan, site)
    page = render(dossier, "html", key).decode()
    assert key.public_key in page
    assert key.sign(dossier.report().document()).value in page
    assert "Not signed" in render(dossier, "html").decode()


class TestKeyFile:
    def test_it_is_made_once_and_for_its_owner_alone(self, tmp_path):
        first = report_key(tmp_path / "d")
        file = tmp_path / "d" / "report-key.pem"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert report_key(tmp_path / "d").public_key == first.public_key
        assert os.listdir(file.parent) == [file.name]
        assert report_key(tmp_path / "e").public_key != first.public_key

    def test_one_that_others_may_read_is_refused(self, tmp_path):
        report_key(tmp_path)
        (tmp_path / "report-key.pem").chmod(0o644)
        with pytest.raises(StoreFailed, match="may be read by others"):
            report_key(tmp_path)

    def test_junk_is_no_key(self, tmp_path):
        file = tmp_path / "report-key.pem"
        file.write_text("junk")
        file.chmod(0o600)
        with pytest.raises(StoreFailed, match="no private key"):
            report_key(tmp_path)
