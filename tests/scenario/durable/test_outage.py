"""No link between service and loudspeakers for all of the sorties."""

import urllib.error

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


def test_without_a_link_every_message_is_played_once_and_counts_afterwards(
    stage,
) -> None:
    """The real agent: sheet before the launch, reports when the link is back."""
    one = stage(agent=True)
    one.serve()
    run_id = one.launch()
    one.until(lambda: one.holds_sheets(run_id), 60, "the sheets")
    one.proxy.cut()
    run, resumed = one.see_through(run_id)
    assert (run["phase"], resumed) == ("FINISHED", 0)
    assert all(s["cues_done"] == [] for s in run["sorties"]), "nobody could tell"
    cues = {f"{s['sortie_id']}": s["cues"] for s in run["sorties"]}
    assert one.launches() == {"drone-1": 1, "drone-2": 1}
    assert len(one.announced()) == sum(cues.values())  # the broker knows already

    def proof() -> dict | None:
        try:
            return one.ask(f"/evidence/{run_id}")["summary"]
        except urllib.error.HTTPError:
            return None

    before = one.until(proof, 60, "the evidence")
    assert before["playbacks_complete"] == before["reached"] == 0
    one.proxy.mend()
    every = sum(cues.values())
    one.until(lambda: proof()["playbacks_complete"] == every, 60, "late reports")
    run = one.run(run_id)
    assert run["phase"] == "FINISHED"
    assert {s["sortie_id"]: len(s["cues_done"]) for s in run["sorties"]} == cues
    assert set(one.announced().values()) == {1}
    assert one.ask(f"/evidence/{run_id}")["summary"]["reached"] > 0
    texts = [e["text"] for e in one.ask(f"/runs/{run_id}/events")]
    assert any("evidence anew" in t for t in texts)
    assert not any(r["status"] == "refused" for r in one.speakers.reports.values())
