"""How long a command that we gave up, or a copy of it, may still arrive.

Late copies of ARM armed vehicles unattended (QGroundControl #9104, #8334).
"""

from dataclasses import dataclass

# Nobody knows what became of it: a link that comes back delivers what it kept.
UNANSWERED_S = 120.0
# It was answered, so only a copy that took another way can follow.
ANSWERED_S = 15.0


@dataclass(slots=True)
class Late:
    """Until when an ARM or START of ours is undone when it takes effect."""

    arm_until_s: float = float("-inf")
    start_until_s: float = float("-inf")

    def arm_sent(self, now_s: float) -> None:
        """ARM goes out."""
        self.arm_until_s = now_s + UNANSWERED_S

    def arm_answered(self, now_s: float) -> None:
        """The vehicle said what it did with it."""
        self.arm_until_s = now_s + ANSWERED_S

    def start_sent(self, now_s: float) -> None:
        """START, or the mode of the mission, goes out."""
        self.start_until_s = now_s + UNANSWERED_S
