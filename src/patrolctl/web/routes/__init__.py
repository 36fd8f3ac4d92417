"""The routes under ``/api/v1``, one module a resource."""

from patrolctl.web.routes import (
    aftermath,
    announcements,
    cap,
    conditions,
    fleet,
    pcm,
    places,
    plans,
    records,
    runs,
    schedules,
    sounds,
    urgent,
    users,
)

ROUTERS = (
    aftermath.router,
    places.router,
    announcements.router,
    cap.router,
    sounds.router,
    pcm.router,
    plans.router,
    urgent.router,
    fleet.router,
    runs.router,
    schedules.router,
    schedules.holidays_router,
    conditions.router,
    records.router,
    users.router,
)

__all__ = ["ROUTERS"]
