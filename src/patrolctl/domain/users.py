"""Who uses the service, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Each may do what the one before it may: look; command; also approve."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"

    def may(self, needed: "Role") -> bool:
        """Whether this role is enough."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """A person with an id that stands in the audit log."""

    id: str
    name: str
    role: Role


# Without configured operators whoever reaches the service is this one.
LOCAL = User("local operator", "local operator", Role.APPROVER)
