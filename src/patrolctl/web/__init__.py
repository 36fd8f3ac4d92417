"""HTTP, the live socket and the console."""

from patrolctl.web.app import create_app
from patrolctl.web.services import WebServices

__all__ = ["WebServices", "create_app"]
