"""Schedules that fire once, in the site's time zone, across restarts."""

from patrolctl.durable.recurrence import next_occurrences, occurrences_between
from patrolctl.durable.ticker import Ticker

__all__ = ["Ticker", "next_occurrences", "occurrences_between"]
