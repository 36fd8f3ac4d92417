"""The MQTT contract: every topic with its QoS, retention and expiry.

This table is what is published, what the AsyncAPI document is made from, and
what the tests compare a real broker's traffic with.
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from patrolctl.domain.errors import InputError

PREFIX = "patrolctl/v1"


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of topic.

    ``expiry_s`` None: messages do not expire; ``ours``: the service publishes
    them, the others come from speakers.
    """

    name: str
    what: str
    qos: int = 0
    retain: bool = False
    expiry_s: int | None = None
    ours: bool = True
    media: str = "application/json"

    def topic(self, site_id: str, name: str | None = None) -> str:
        """The topic of one site and one vehicle, run or speaker."""
        own = self.name if name is None else self.name.replace("{id}", segment(name))
        return f"{PREFIX}/{segment(site_id)}/{own}"

    def filter(self, site_id: str) -> str:
        """The subscription that gets all of them."""
        return f"{PREFIX}/{segment(site_id)}/{self.name.replace('{id}', '+')}"


SERVICE = Channel(
    "service/connection", "ONLINE, OFFLINE; will CONNECTION_BROKEN", qos=1, retain=True
)
CONNECTION = Channel(
    "vehicles/{id}/connection", "state of the vehicle's link", qos=1, retain=True
)
FACTSHEET = Channel(
    "vehicles/{id}/factsheet", "what the vehicle is", qos=1, retain=True
)
STATE = Channel(
    "vehicles/{id}/state", "everything known, at 1 Hz and on change", expiry_s=10
)
POSITION = Channel("vehicles/{id}/position", "where it is, up to 5 Hz")
VEHICLE_EVENTS = Channel("vehicles/{id}/events", "facts, each with a unique id", qos=1)
RUN_STATE = Channel(
    "runs/{id}/state",
    "the run's state machine and progress",
    qos=1,
    retain=True,
    expiry_s=86_400,
)
RUN_EVENTS = Channel("runs/{id}/events", "facts, each with a unique id", qos=1)
ALERTS = Channel("alerts", "what somebody should look at, each with a unique id", qos=1)
GAP_STATE = Channel(
    "gaps/{id}/state",
    "whom a run missed, until somebody has reached them; closed ones expire",
    qos=1,
    retain=True,
)
COMMAND = Channel(
    "speakers/{id}/command",
    "to the speaker, with an idempotency key and an expiry",
    qos=1,
)
PLAYBACK = Channel(
    "speakers/{id}/playback", "what was really played", qos=1, ours=False
)
SPEAKER_STATE = Channel(
    "speakers/{id}/state",
    "idle, caching, playing, fault; cached clips",
    qos=1,
    retain=True,
    ours=False,
)
TALK = Channel(
    "speakers/{id}/talk",
    "live talk: 2 bytes PT, 16 bytes talk id, uint32 sequence, one Opus packet",
    media="application/octet-stream",
)
CHANNELS = (
    SERVICE,
    CONNECTION,
    FACTSHEET,
    STATE,
    POSITION,
    VEHICLE_EVENTS,
    RUN_STATE,
    RUN_EVENTS,
    ALERTS,
    GAP_STATE,
    COMMAND,
    PLAYBACK,
    SPEAKER_STATE,
    TALK,
)

LONGEST_SEGMENT = 200


def segment(name: str) -> str:
    """A name as one level of a topic: ``/``, ``+`` and ``#`` are escaped.

    Raises:
        InputError: empty or too long.
    """
    if not name or len(name) > LONGEST_SEGMENT:
        raise InputError.one(
            f"name {name[:40]!r}", "is no topic level", f"1 to {LONGEST_SEGMENT} long"
        )
    return quote(name, safe="-._~:@ ")


def name_in(topic: str) -> str:
    """The id in a topic such as ``patrolctl/v1/{site}/speakers/{id}/state``."""
    return unquote(topic.split("/")[-2])
