"""The composition root of the control service."""

from patrolctl.app.demo import DemoOptions, DemoReport, run_demo, run_demo_once
from patrolctl.app.lifetime import Terminated, run_interruptible
from patrolctl.app.once import OnceOptions, OnceReport, VehicleChoice, run_once
from patrolctl.app.service import run_service

__all__ = [
    "DemoOptions",
    "DemoReport",
    "OnceOptions",
    "OnceReport",
    "Terminated",
    "VehicleChoice",
    "run_demo",
    "run_demo_once",
    "run_interruptible",
    "run_once",
    "run_service",
]
