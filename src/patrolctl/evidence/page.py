"""The report for people: one HTML page that needs nothing else.

No script, no font, no address: it opens from a stick in ten years. All text
that comes from sites, vehicles and speakers is escaped.
"""

from dataclasses import dataclass
from html import escape

from patrolctl.domain.evidence import Evidence, ReceiverEvidence, TrackPoint
from patrolctl.domain.jsondoc import utc_text
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site
from patrolctl.evidence.drawing import HATCH, MISSED, REACHED, draw_facade, draw_map
from patrolctl.evidence.signing import Signature
from patrolctl.evidence.tally import Comparison, ReasonCount, ZoneCount

MOST_REASONS = 40

STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto;
  padding: 0 1em; color: #222; }}
h1 {{ font-size: 1.5em }} h2 {{ font-size: 1.2em; margin-top: 2em }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: .2em .8em .2em 0; text-align: left; border-bottom: 1px solid #ddd }}
td.n, th.n {{ text-align: right }}
.big {{ font-size: 2em; font-weight: 600 }}
svg {{ max-width: 100%; height: auto; background: #f7f7f5 }}
svg.facade {{ background: none; display: block }}
svg text {{ font: 8px system-ui, sans-serif; text-anchor: end; fill: #555 }}
.building {{ stroke: #444; stroke-width: .6; fill-rule: evenodd }}
.track {{ fill: none; stroke: #222; stroke-width: 1; opacity: .45 }}
.station {{ fill: #f0e442; stroke: #222 }}
.hit {{ fill: {REACHED} }} .miss {{ fill: url(#miss) }} .out {{ fill: #c8c8c8 }}
.charts {{ display: flex; flex-wrap: wrap; gap: 1.5em }}
figure {{ margin: 0 }} figcaption {{ font-size: .85em }}
.swatch {{ display: inline-block; width: 1em; height: 1em; vertical-align: -2px }}
code {{ overflow-wrap: anywhere }}
"""


def _check(digest: str, signature: Signature | None) -> str:
    """How this page can be held against the signed JSON report."""
    lines = [
        "<h2>Check</h2><p>sha256 of the JSON report's document (RFC 8785):"
        f" <code>{escape(digest)}</code></p>"
    ]
    if signature is None:
        lines.append("<p>Not signed.</p>")
    else:
        lines.append(
            f"<p>{escape(signature.algorithm)} signature of that document:"
            f" <code>{escape(signature.value)}</code></p><p>Public key:"
            f" <code>{escape(signature.public_key)}</code>, fingerprint"
            f" {escape(signature.fingerprint)}</p>"
        )
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class Page:
    """One run's report."""

    evidence: Evidence
    plan: Plan
    site: Site
    tracks: tuple[TrackPoint, ...]
    counts: tuple[Comparison, tuple[ZoneCount, ...], tuple[ReasonCount, ...]]

    def html(self, digest: str, signature: Signature | None = None) -> bytes:
        """The whole page."""
        title = f"Evidence of run {self.evidence.run_id}"
        parts = [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f'<svg width="0" height="0" style="position:absolute">{HATCH}</svg>',
            f"<h1>{escape(title)}</h1>",
            self._summary(),
            "<h2>Map</h2>",
            draw_map(self.evidence, self.plan, self.site, self.tracks),
            self._legend(),
            self._compared(),
            self._missed(),
            self._charts(),
            self._notes(),
            _check(digest, signature),
            "</body></html>\n",
        ]
        return "\n".join(parts).encode()

    def _summary(self) -> str:
        s, need = self.evidence.summary, self.plan.requirement
        share = f"{s.reached / s.receivers:.1%}" if s.receivers else "–"
        site = self.site.name or self.site.id
        rows = [
            ("Site", escape(site)),
            ("Plan", escape(self.evidence.plan_id)),
            ("Written", escape(utc_text(self.evidence.created_utc))),
            ("Receivers reached", f"{s.reached} of {s.receivers} ({s.reachable}"
             " reachable)"),
            ("Households reached", f"{s.households_reached} of {s.households}"),
            ("Playbacks complete", f"{s.playbacks_complete} of {s.playbacks}"),
            ("Patrol loops completed", str(s.loops_completed)),
            ("Heard means", f"STI {need.sti_min:g} or better, windows"
             f" {escape(need.window)}, {need.indoor_noise_db:g} dB indoors,"
             f" {need.outdoor_noise_db:g} dB outdoors"),
        ]  # fmt: skip
        body = "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows)
        return (
            f'<p><span class="big">{share}</span> of receivers reached</p>'
            f"<table>{body}</table>"
        )

    def _legend(self) -> str:
        return (
            f'<p><span class="swatch" style="background:{REACHED}"></span> reached'
            f' <span class="swatch" style="background:{MISSED}"></span> missed'
            ' <span class="swatch" style="background:#c8c8c8"></span> no receivers, or'
            " not planned; yellow: stations; line: where the vehicles were</p>"
        )

    def _compared(self) -> str:
        c, zones, _ = self.counts
        lines = [
            f"<p>{c.promised_and_reached} of {c.promised} receivers that the plan"
            " promised are reached."
        ]
        if c.level_median_db is not None:
            lines.append(
                f" Level flown less predicted: median {c.level_median_db:+.1f} dB,"
                f" {c.level_p5_db:+.1f} to {c.level_p95_db:+.1f} dB for nine in ten."
            )
        rows = "".join(
            f'<tr><td>{escape(z.zone_class)}</td><td class="n">{z.reached}</td>'
            f'<td class="n">{z.receivers}</td></tr>'
            for z in zones
        )
        return (
            f"<h2>Predicted against flown</h2>{''.join(lines)}</p><h2>Zones</h2>"
            '<table><tr><th>Class</th><th class="n">Reached</th>'
            f'<th class="n">Receivers</th></tr>{rows}</table>'
        )

    def _missed(self) -> str:
        reasons = self.counts[2]
        if not reasons:
            return "<h2>Missed</h2><p>Nobody.</p>"
        rows = "".join(
            f'<tr><td class="n">{r.receivers}</td><td>{escape(r.reason)}</td></tr>'
            for r in reasons[:MOST_REASONS]
        )
        rest = len(reasons) - MOST_REASONS
        more = (
            f"<p>… and {rest} more reasons, in the JSON report.</p>" if rest > 0 else ""
        )
        return (
            '<h2>Missed</h2><table><tr><th class="n">Receivers</th><th>Why</th></tr>'
            f"{rows}</table>{more}"
        )

    def _charts(self) -> str:
        by_building: dict[str, list[ReceiverEvidence]] = {}
        for r in self.evidence.receivers:
            if r.building_id is not None:
                by_building.setdefault(r.building_id, []).append(r)
        names = {b.id: b.name for b in self.site.buildings}
        figures = []
        for building, rows in sorted(by_building.items()):
            reached = sum(r.reached for r in rows)
            name = names.get(building) or building
            figures.append(
                f"<figure>{draw_facade(tuple(rows))}<figcaption>{escape(name)}:"
                f" {reached} of {len(rows)}</figcaption></figure>"
            )
        return (
            "<h2>Façades</h2><p>Each row is a floor, each cell a receiver along the"
            f' façade.</p><div class="charts">{"".join(figures)}</div>'
        )

    def _notes(self) -> str:
        notes = "".join(f"<li>{escape(n)}</li>" for n in self.evidence.notes)
        return f"<h2>Notes</h2><ul>{notes}</ul>"
