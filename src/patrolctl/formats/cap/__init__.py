"""Alerts of the Common Alerting Protocol, CAP 1.2."""

from patrolctl.formats.cap.feed import MOST_LINKS, links_of
from patrolctl.formats.cap.read import LARGEST_BYTES, read_cap

__all__ = ["LARGEST_BYTES", "MOST_LINKS", "links_of", "read_cap"]
