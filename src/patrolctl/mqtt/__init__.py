"""Telemetry and facts out, speakers' commands and reports, over MQTT."""

from patrolctl.mqtt.broker import BrokerAddress, BrokerFailed, run_broker
from patrolctl.mqtt.contract import asyncapi, asyncapi_document
from patrolctl.mqtt.hub import MqttHub, open_mqtt
from patrolctl.mqtt.speaker import MqttSpeaker

__all__ = [
    "BrokerAddress",
    "BrokerFailed",
    "MqttHub",
    "MqttSpeaker",
    "asyncapi",
    "asyncapi_document",
    "open_mqtt",
    "run_broker",
]
