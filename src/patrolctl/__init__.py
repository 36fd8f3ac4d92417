"""patrolctl: announcements by loudspeaker drones and patrol vehicles."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("patrolctl")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
