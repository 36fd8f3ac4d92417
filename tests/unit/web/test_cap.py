"""Alerts over HTTP: drafted, replaced, cancelled, over, and not for us."""

from dataclasses import replace
from datetime import timedelta

import pytest
from shapely import MultiPolygon, box

from patrolctl.domain.site import Building, Zone, ZoneClass

API = "/api/v1"
CAP = f"{API}/cap"
ALL = f"{API}/announcements"
NEAR = "34.1999,117.1999 34.2001,117.1999 34.2001,117.2001 34.1999,117.1999"
FAR = "10.0,10.0 10.1,10.0 10.1,10.1 10.0,10.0"
ZH = "<language>zh-CN</language><event>停水</event><headline>停水通知</headline>"
EN = "<language>en</language><event>Water</event><headline>No {water}</headline>"
JA = "<language>ja</language><event>水</event>"


@pytest.fixture
def placed(stage):
    site = replace(
        stage.kit.brief.site,
        zones=(Zone("z", "Court", ZoneClass.SEALED, box(-50, -50, 50, 50)),),
        buildings=(
            Building("b1", "East", MultiPolygon([box(0, 0, 9, 9)]), 30.0, 3.0, 10),
            Building("b2", "", MultiPolygon([box(300, 0, 309, 9)]), 30.0, 3.0, 10),
        ),
    )
    stage.kit.brief = replace(stage.kit.brief, site=site)
    return stage


class Sender:
    """Sends alerts of one sender, all sent a moment after each other."""

    def __init__(self, stage) -> None:
        self.stage = stage
        self.now = stage.kit.clock.utc()

    def sent(self, n: int) -> str:
        return (self.now + timedelta(seconds=n)).isoformat()

    def ref(self, n: int, sender: str = "met@x") -> str:
        return f"<references>{sender},A{n},{self.sent(n)}</references>"

    async def send(self, n: int, kind: str = "Alert", refs: str = "", **more):
        infos = more.get("infos", (ZH, EN))
        until = self.sent(more.get("until_s", 3600))
        area = more.get("area", f"<polygon>{more.get('polygon', NEAR)}</polygon>")
        told = "".join(
            f"<info>{i}<expires>{until}</expires>"
            f"<area><areaDesc>here</areaDesc>{area}</area></info>"
            for i in infos
        )
        body = (
            '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
            f"<identifier>A{n}</identifier><sender>{more.get('sender', 'met@x')}"
            f"</sender><sent>{self.sent(n)}</sent>"
            f"<status>{more.get('status', 'Actual')}</status>"
            f"<msgType>{kind}</msgType><scope>{more.get('scope', 'Public')}</scope>"
            f"{refs}{'' if kind == 'Cancel' else told}</alert>"
        )
        answer = await self.stage.http.post(f"{CAP}?name=a.xml", content=body.encode())
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def one(self, name: str) -> dict:
        return (await self.stage.http.get(f"{ALL}/{name}")).json()


async def test_an_alert_becomes_one_draft_with_its_languages(placed) -> None:
    async with placed.open():
        sender = Sender(placed)
        told = await sender.send(1)
        assert told["result"] == "drafted"
        assert told["areas"] == ["Yard: zone Court", "Yard: building East"]
        (name,) = told["announcements"]
        draft = await sender.one(name)
        assert draft["origin"] == "alert"
        assert draft["standing"] == "draft"
        assert [w["lang"] for w in draft["wordings"]] == ["zh-CN", "en"]
        assert draft["utterances"][1]["text"] == "No {water}."
        assert draft["open_fields"] == []
        assert draft["valid_until_utc"] is not None
        assert draft["areas"] == told["areas"]
        assert draft["written_by"].startswith("met@x (CAP")
        again = await sender.send(1)
        assert again["why"] == "was taken before"
        assert len((await placed.http.get(ALL)).json()) == 2
        (record,) = (await placed.http.get(CAP)).json()
        assert record["source"] == "a.xml"
    async with placed.open():
        assert len((await placed.http.get(CAP)).json()) == 1
        assert (await sender.send(1))["why"] == "was taken before"


async def test_cancel_withdraws_what_was_approved(placed) -> None:
    async with placed.open():
        sender = Sender(placed)
        (name,) = (await sender.send(1))["announcements"]
        await placed.http.post(f"{ALL}/{name}/approve", json={"version": 1})
        assert (await sender.one(name))["why_not"] is None
        told = await sender.send(2, "Cancel", sender.ref(1))
        assert told["result"] == "withdrawn"
        assert told["withdrawn"] == [name]
        assert "cancelled by the alert A2" in (await sender.one(name))["why_not"]
        log = (await placed.http.get(f"{API}/audit")).json()
        assert (log[0]["actor"], log[0]["action"]) == ("met@x", "withdraw announcement")


async def test_an_update_replaces(placed) -> None:
    async with placed.open():
        sender = Sender(placed)
        (old,) = (await sender.send(1))["announcements"]
        told = await sender.send(2, "Update", sender.ref(1), infos=(ZH,))
        assert told["result"] == "drafted"
        assert told["withdrawn"] == [old]
        (new,) = told["announcements"]
        assert (await sender.one(old))["standing"] == "withdrawn"
        assert (await sender.one(new))["standing"] == "draft"
        # What was replaced comes late: it is not drafted after all.
        told = await sender.send(3, "Update", sender.ref(4))
        assert (await sender.send(4))["why"] == "A3 has ended it already"


async def test_an_update_that_moved_away_still_withdraws(placed) -> None:
    async with placed.open():
        sender = Sender(placed)
        (old,) = (await sender.send(1))["announcements"]
        told = await sender.send(2, "Update", sender.ref(1), polygon=FAR)
        assert told["result"] == "withdrawn"
        assert told["withdrawn"] == [old]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"status": "Test"}, "status is Test"),
        ({"status": "Exercise"}, "status is Exercise"),
        ({"scope": "Private"}, "scope is Private"),
        ({"kind": "Ack"}, "is an Ack"),
        ({"polygon": FAR}, "touches none of the sites"),
        ({"until_s": -60}, "it expired at"),
        ({"infos": (JA,)}, "ja is left out"),
    ],
)
async def test_what_is_not_for_us(placed, more, why) -> None:
    async with placed.open():
        told = await Sender(placed).send(1, **more)
        assert told["result"] == "ignored"
        assert why in told["why"]
        assert told["announcements"] == []
        assert len((await placed.http.get(ALL)).json()) == 1


async def test_only_the_sender_itself_cancels(placed) -> None:
    async with placed.open():
        sender = Sender(placed)
        (name,) = (await sender.send(1))["announcements"]
        told = await sender.send(2, "Cancel", sender.ref(1), sender="evil@x")
        assert told["why"] == "it refers to alerts of met@x, not its own"
        assert (await sender.one(name))["standing"] == "draft"


async def test_two_infos_of_a_language_are_two_announcements(placed) -> None:
    async with placed.open():
        told = await Sender(placed).send(1, infos=(ZH, JA, EN, ZH))
        assert len(told["announcements"]) == 2
        assert "ja is left out" in told["why"]


async def test_an_area_without_polygon_is_told_and_a_circle_is_seen(placed) -> None:
    async with placed.open():
        sender = Sender(placed)
        assert (await sender.send(1, area=""))["areas"] == ["no polygon: here"]
        circle = "<circle>34.2,117.203 0.1</circle>"
        assert (await sender.send(2, area=circle))["areas"] == ["Yard: building b2"]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&b;</identifier></alert>
"""


@pytest.mark.parametrize("raw", [BOMB, b"", b"PK\x03\x04", b"\xff\xfe", b"<alert/>"])
async def test_bad_documents(placed, raw) -> None:
    async with placed.open():
        answer = await placed.http.post(CAP, content=raw)
        assert answer.status_code == 422
        assert "\n" not in answer.json()["detail"]
        assert (await placed.http.get(CAP)).json() == []
