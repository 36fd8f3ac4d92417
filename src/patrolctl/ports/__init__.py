"""Protocols that the adapters implement and the use cases call."""

from patrolctl.ports.aftermath import AftermathStore, AlertPublisher
from patrolctl.ports.feed import Feed, FleetPublisher, Publisher
from patrolctl.ports.schedules import ScheduleStore
from patrolctl.ports.sound import (
    AutonomousSpeaker,
    Speaker,
    Synthesizer,
    TalkingSpeaker,
)
from patrolctl.ports.store import Store
from patrolctl.ports.tape import Tape, TapeEnd, Tapes
from patrolctl.ports.vehicle import Vehicle, VehicleConnector

__all__ = [
    "AftermathStore",
    "AlertPublisher",
    "AutonomousSpeaker",
    "Feed",
    "FleetPublisher",
    "Publisher",
    "ScheduleStore",
    "Speaker",
    "Store",
    "Synthesizer",
    "TalkingSpeaker",
    "Tape",
    "TapeEnd",
    "Tapes",
    "Vehicle",
    "VehicleConnector",
]
