"""HTTP, the live socket and the console."""

from patrolctl.web.access import Access
from patrolctl.web.app import create_app
from patrolctl.web.services import Check, WebServices

__all__ = ["Access", "Check", "WebServices", "create_app"]
