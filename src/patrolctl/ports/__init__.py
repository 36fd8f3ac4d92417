"""Protocols that the adapters implement and the use cases call."""

from patrolctl.ports.aftermath import AftermathStore, AlertPublisher
from patrolctl.ports.feed import Feed, FleetPublisher, Publisher
from patrolctl.ports.schedules import ScheduleStore
from patrolctl.ports.sound import AutonomousSpeaker, Speaker, Synthesizer
from patrolctl.ports.store import Store
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
    "Vehicle",
    "VehicleConnector",
]
