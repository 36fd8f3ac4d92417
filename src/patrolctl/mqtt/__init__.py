"""Telemetry and facts out, speakers' commands and reports, over MQTT."""

from patrolctl.mqtt.accounts import Account, load_accounts
from patrolctl.mqtt.broker import (
    BrokerAddress,
    BrokerFailed,
    TlsListener,
    run_broker,
)
from patrolctl.mqtt.contract import asyncapi, asyncapi_document
from patrolctl.mqtt.hub import MqttHub, open_mqtt
from patrolctl.mqtt.speaker import MqttSpeaker

__all__ = [
    "Account",
    "BrokerAddress",
    "BrokerFailed",
    "MqttHub",
    "MqttSpeaker",
    "TlsListener",
    "asyncapi",
    "asyncapi_document",
    "load_accounts",
    "open_mqtt",
    "run_broker",
]
