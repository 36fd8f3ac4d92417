"""Schedules that fire once, in the site's time zone, across restarts."""

from patrolctl.durable.recurrence import (
    check_schedule,
    next_occurrences,
    occurrences_between,
)
from patrolctl.durable.rules import rule_text
from patrolctl.durable.ticker import Ticker

__all__ = [
    "Ticker",
    "check_schedule",
    "next_occurrences",
    "occurrences_between",
    "rule_text",
]
