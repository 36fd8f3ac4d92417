"""CAP 1.2: what is read, and what is refused in one clear line."""

from datetime import UTC, datetime

import pytest

from patrolctl.domain.cap import CapMsgType, CapStatus
from patrolctl.domain.errors import InputError
from patrolctl.formats.cap import links_of, read_cap

ALERT = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>CN-2026-0105-7</identifier>
  <sender>weather@example.cn</sender>
  <sent>2026-01-05T09:00:00+08:00</sent>
  <status>Actual</status>
  <msgType>Update</msgType>
  <scope>Public</scope>
  <references>weather@example.cn,CN-1,2026-01-04T09:00:00+08:00
    weather@example.cn,CN-2,2026-01-04T10:00:00+08:00</references>
  <info>
    <language>zh-CN</language>
    <category>Met</category>
    <event>台风</event>
    <urgency>Immediate</urgency>
    <headline>台风
      红色预警</headline>
    <description>今晚登陆</description>
    <instruction>请留在家中</instruction>
    <expires>2026-01-05T21:00:00+08:00</expires>
    <area>
      <areaDesc>徐州</areaDesc>
      <polygon>34.1,117.1 34.3,117.1 34.3,117.3 34.1,117.1</polygon>
      <circle>34.2,117.2 5</circle>
    </area>
  </info>
  <info><event>Typhoon</event></info>
</alert>
"""


def read(text: str):
    return read_cap(text.encode(), "a.xml")


def test_everything_is_read() -> None:
    alert = read(ALERT)
    assert alert.name.identifier == "CN-2026-0105-7"
    assert alert.name.sent_utc == datetime(2026, 1, 5, 1, tzinfo=UTC)
    assert (alert.status, alert.msg_type) == (CapStatus.ACTUAL, CapMsgType.UPDATE)
    assert [r.identifier for r in alert.references] == ["CN-1", "CN-2"]
    zh, en = alert.infos
    assert (zh.lang, en.lang) == ("zh-CN", "en-US")
    assert zh.headline == "台风 红色预警"
    assert zh.expires_utc == datetime(2026, 1, 5, 13, tzinfo=UTC)
    (area,) = zh.areas
    assert area.polygons[0][1] == (34.3, 117.1)
    assert area.circles[0].radius_m == 5000.0


def test_the_same_moment_is_the_same_reference() -> None:
    alert = read(ALERT)
    moved = ALERT.replace("2026-01-04T09:00:00+08:00", "2026-01-04T01:00:00-00:00")
    assert read(moved).references[0].key == alert.references[0].key


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&c;</identifier></alert>
"""
FILE = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&x;</identifier></alert>
"""
DTD = '<!DOCTYPE alert SYSTEM "http://127.0.0.1:1/x.dtd"><alert/>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "document type or entities"),
        (FILE, "document type or entities"),
        (DTD, "document type or entities"),
        ("", "is not XML"),
        ("PK\x03\x04", "is not XML"),
        ("<alert/>", "begins with 'alert'; alert in urn:oasis"),
        (ALERT.replace("cap:1.2", "cap:1.1"), "alert in urn:oasis"),
        (ALERT.replace("<status>Actual</status>", ""), "alert.status: is missing"),
        (ALERT.replace("Actual", "actual"), "one of Actual, Draft"),
        (ALERT.replace("Update", "Updated"), "one of Ack"),
        (ALERT.replace("CN-2026-0105-7", "a b"), "no space, comma"),
        (ALERT.replace("09:00:00+08:00</sent>", "09:00:00</sent>"), "alert.sent"),
        (ALERT.replace("2026-01-05T09", "9999-12-31T23").replace("+08", "-08"), "sent"),
        (ALERT.replace("21:00:00+08:00", "evening"), "info[0].expires"),
        (ALERT.replace("<event>Typhoon</event>", ""), "info[1].event: is missing"),
        (ALERT.replace("34.3,117.3", "94.3,117.3"), "within ±90"),
        (ALERT.replace("34.3,117.3", "34.3,nan"), "no coordinate"),
        (ALERT.replace("117.3 34.1,117.1", "117.3 34.1,117.2"), "no closed ring"),
        (ALERT.replace("117.2 5", "117.2 -5"), "below 0"),
        (ALERT.replace("117.2 5", "117.2"), "no coordinate"),
        (ALERT.replace("CN-1,2026-01-04T09:00:00+08:00", "CN-1"), "sender,identifier"),
    ],
)
def test_refused_in_one_clear_line(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("a.xml")
    assert len(str(caught.value)) < 250


def test_every_fault_is_told_and_size_is_limited() -> None:
    with pytest.raises(InputError) as caught:
        read('<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>')
    assert len(caught.value.faults) == 6
    with pytest.raises(InputError, match="at most"):
        read_cap(b" " * (3 * 2**20), "a.xml")


def test_a_feed_points_only_to_its_own_host() -> None:
    feed = """<feed xmlns="http://www.w3.org/2005/Atom">
    <entry><link href="/b.xml"/></entry>
    <entry><link rel="self" href="/self.xml"/><link href="http://h:80/a.xml"/></entry>
    <entry><link href="http://10.0.0.1/x"/><link href="file:///etc/passwd"/></entry>
    </feed>"""
    assert links_of(feed.encode(), "http://h:80/feed") == (
        "http://h:80/b.xml",
        "http://h:80/a.xml",
    )
    assert links_of(ALERT.encode(), "http://h/feed") is None
    with pytest.raises(InputError, match="entities"):
        links_of(BOMB.encode(), "http://h/feed")
