"""The MQTT contract as an AsyncAPI 3 document, made from what is published.

Channels come from the table of topics and schemas from the types that are
encoded, so that the document cannot drift from the traffic.
"""

from dataclasses import dataclass

import msgspec

from patrolctl import __version__
from patrolctl.domain.alerts import Alert
from patrolctl.domain.gaps import GapHead
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.sound import Playback, SpeakerState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent
from patrolctl.mqtt import payloads, topics
from patrolctl.mqtt.topics import Channel

Json = dict[str, object]
_REF = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a payload is made of a type: what is left out and what is added."""

    types: tuple[type, ...]
    drop: tuple[str, ...] = ()
    add: tuple[tuple[str, Json], ...] = ()


_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_STEP_OR_NULL: Json = {
    "anyOf": [{"type": "integer"}, {"type": "null"}],
    "description": "mission step, counted from 1",
}
_NUMBER: Json = {"type": "number"}
_SHAPES: dict[str, _Shape] = {
    topics.SERVICE.name: _Shape((payloads.ConnectionPayload,)),
    topics.CONNECTION.name: _Shape((payloads.LinkPayload,)),
    topics.FACTSHEET.name: _Shape((payloads.FactsheetPayload,)),
    topics.STATE.name: _Shape(
        (Telemetry,), ("seq",), (("item", _STEP_OR_NULL), ("sortie", _TEXT_OR_NULL))
    ),
    topics.POSITION.name: _Shape(
        (Telemetry,),
        tuple(
            f
            for f in Telemetry.__dataclass_fields__
            if f not in payloads.POSITION_FIELDS
        ),
    ),
    topics.VEHICLE_EVENTS.name: _Shape(
        (VehicleEvent,), ("seq",), (("item", _STEP_OR_NULL),)
    ),
    topics.RUN_STATE.name: _Shape(
        (RunState,), ("id",), (("run_id", _TEXT), ("progress_ratio", _NUMBER))
    ),
    topics.RUN_EVENTS.name: _Shape((RunEvent,)),
    topics.ALERTS.name: _Shape((Alert,)),
    topics.GAP_STATE.name: _Shape((GapHead,), ("id",), (("run_id", _TEXT),)),
    topics.COMMAND.name: _Shape((payloads.CommandPayload, payloads.SheetPayload)),
    topics.PLAYBACK.name: _Shape((Playback,), (), (("run_id", _TEXT_OR_NULL),)),
    topics.SPEAKER_STATE.name: _Shape((SpeakerState,)),
}
_ENVELOPE: Json = {
    "id": {"type": "string", "description": "unique; a repeated one changes nothing"},
    "ts_utc": {"type": "string", "format": "date-time"},
    "seq": {"type": "integer", "description": "counts within its topic"},
}


def _payload(shape: _Shape, schemas: dict[str, Json]) -> Json:
    built, components = msgspec.json.schema_components(shape.types, ref_template=_REF)
    schemas.update({k: v for k, v in components.items() if _keep(k, shape)})
    choices = [_resolved(schema, components, shape) for schema in built]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _keep(name: str, shape: _Shape) -> bool:
    """Payload types themselves stand in their message, not beside it."""
    return name not in {t.__name__ for t in shape.types}


def _resolved(schema: Json, components: dict[str, Json], shape: _Shape) -> Json:
    name = str(schema["$ref"]).rpartition("/")[2]
    own = components[name]
    fields = own["properties"]
    required = own.get("required", [])
    if not isinstance(fields, dict) or not isinstance(required, list):
        msg = f"{name} has no fields"
        raise TypeError(msg)
    kept = {k: v for k, v in fields.items() if k not in shape.drop}
    needs = [r for r in required if r not in shape.drop]
    return {
        "type": "object",
        "properties": {**_ENVELOPE, **kept, **dict(shape.add)},
        "required": sorted({*_ENVELOPE, *needs}),
    }


def _channel(channel: Channel) -> Json:
    address = f"{topics.PREFIX}/{{site}}/{channel.name}"
    parameters: Json = {"site": {"description": "id of the site"}}
    if "{id}" in channel.name:
        kind = channel.name.split("/")[0].rstrip("s")
        parameters["id"] = {"description": f"id of the {kind}"}
    return {
        "address": address,
        "description": channel.what,
        "parameters": parameters,
        "messages": {
            _name(channel): {"$ref": f"#/components/messages/{_name(channel)}"}
        },
        "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
    }


def _operation(channel: Channel) -> Json:
    binding: Json = {
        "qos": channel.qos,
        "retain": channel.retain,
        "bindingVersion": "0.2.0",
    }
    if channel.expiry_s is not None:
        binding["messageExpiryInterval"] = channel.expiry_s
    return {
        "action": "send" if channel.ours else "receive",
        "channel": {"$ref": f"#/channels/{_name(channel)}"},
        "summary": channel.what,
        "bindings": {"mqtt": binding},
    }


def _name(channel: Channel) -> str:
    parts = channel.name.replace("/{id}", "").replace("/", "_").split("_")
    return parts[0] + "".join(p.title() for p in parts[1:])


def asyncapi_document() -> Json:
    """The AsyncAPI 3.0 document of everything the service sends and receives."""
    schemas: dict[str, Json] = {}
    messages = {
        _name(c): {
            "contentType": c.media,
            "payload": _payload(_SHAPES[c.name], schemas)
            if c.name in _SHAPES
            else {"type": "string", "format": "binary"},
        }
        for c in topics.CHANNELS
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "patrolctl",
            "version": __version__,
            "description": "Vehicles, runs and loudspeakers over MQTT",
        },
        "defaultContentType": "application/json",
        "channels": {_name(c): _channel(c) for c in topics.CHANNELS},
        "operations": {_name(c): _operation(c) for c in topics.CHANNELS},
        "components": {"messages": messages, "schemas": schemas},
    }


def asyncapi() -> bytes:
    """The document as JSON, for ``/asyncapi.json``."""
    return msgspec.json.encode(asyncapi_document())
