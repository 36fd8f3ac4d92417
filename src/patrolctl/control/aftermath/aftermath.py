"""What is done with runs that have ended, in one place for the web."""

from dataclasses import dataclass

from patrolctl.control.aftermath.alerts import Bulletin
from patrolctl.control.aftermath.gaps import Gaps
from patrolctl.control.aftermath.overview import Overviews
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.evidence import Dossier, Format, Signer, render
from patrolctl.ports import AftermathStore, Store


@dataclass(frozen=True, slots=True)
class Reports:
    """Renders reports, signed by this service.

    ``public_key`` is hex, what people hold a signature against.
    """

    library: Library
    store: Store
    signer: Signer
    public_key: str

    async def dossier(self, run_id: RunId) -> Dossier:
        """Everything that a report is made of.

        Raises:
            NotFound: no such run, or it has no evidence (yet).
        """
        evidence = await self.store.evidence(run_id)
        plan = await self.store.plan(PlanId(evidence.plan_id))
        return Dossier(
            evidence=evidence,
            plan=plan,
            site=self.library.site_of(plan),
            playbacks=await self.store.playbacks(run_id),
            tracks=await self.store.track(run_id),
        )

    async def render(self, run_id: RunId, form: Format) -> bytes:
        """A report file; raises NotFound."""
        return render(await self.dossier(run_id), form, self.signer)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Gaps, exposure, overview, alerts and reports."""

    store: AftermathStore
    gaps: Gaps
    ledger: Ledger
    overviews: Overviews
    reports: Reports
    bulletin: Bulletin
