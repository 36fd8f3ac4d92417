"""Loudspeakers behind the DJI Cloud API: its speaker methods over MQTT.

What is spoken here is the wire of DJI's documentation ("PSDK Function", dock
to cloud): a service per command, answered in ``services_reply``, progress in
``events``, the speaker's state among the aircraft's ``state``. What DJI's
speakers cannot do is said in ``docs/dji.md`` and in the errors.
"""

from patrolctl.mqtt.dji.driver import DjiSpeaker
from patrolctl.mqtt.dji.hub import DjiHub, DjiOptions, open_dji

__all__ = ["DjiHub", "DjiOptions", "DjiSpeaker", "open_dji"]
