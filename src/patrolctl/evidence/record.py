"""What a run left behind, from which its evidence is drawn."""

from dataclasses import dataclass
from datetime import datetime

from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.plan import Plan
from patrolctl.domain.sound import Playback


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Tracks and playback reports of one run, and the plan it was to follow.

    The plan says who was to be reached, by which loudspeaker and message;
    where the vehicle was and what was played come from the record alone.
    """

    run_id: RunId
    plan_id: PlanId
    plan: Plan
    tracks: tuple[TrackPoint, ...]
    playbacks: tuple[Playback, ...]
    loops_completed: int
    created_utc: datetime
