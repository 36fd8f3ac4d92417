"""Names of things, so that one kind of id cannot pass for another."""

from typing import NewType

AnnouncementId = NewType("AnnouncementId", str)
BuildingId = NewType("BuildingId", str)
PlanId = NewType("PlanId", str)
ReceiverId = NewType("ReceiverId", str)
RunId = NewType("RunId", str)
ScheduleId = NewType("ScheduleId", str)
SiteId = NewType("SiteId", str)
SortieId = NewType("SortieId", str)
SpeakerId = NewType("SpeakerId", str)
StationId = NewType("StationId", str)
VehicleId = NewType("VehicleId", str)
