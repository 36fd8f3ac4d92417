"""DJI WPML: a KMZ with ``wpmz/template.kml`` and ``wpmz/waylines.wpml``.

Source: DJI Cloud API, API reference, DJI WPML 1.0.2 (template.kml,
waylines.wpml, common elements). The megaphone action exists on Matrice 4D
and 4TD with an AS1 only, so that is the aircraft that the file names.
"""

import io
import uuid
import zipfile
from xml.etree import ElementTree as ET  # builds only, never parses

from patrolctl.domain.errors import InputError
from patrolctl.domain.plan import Plan
from patrolctl.formats.exporting.audio import BITRATE_ENUM, MegaphoneFile
from patrolctl.formats.exporting.route import Route, Waypoint

_KML = "http://www.opengis.net/kml/2.2"
_WPML = "http://www.dji.com/wpmz/1.0.2"
_MATRICE_4D, _MATRICE_4D_CAMERA = 100, 98
_AS1_POSITION = 0
_MIN_TAKEOFF_M = 2.0
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same plan gives the same bytes
_VOLUME = 100


def wpml_kmz(plan: Plan, route: Route, audio: MegaphoneFile) -> bytes:
    """Encode one flight for DJI Pilot 2 and docks.

    Heights are relative to the take-off point. Geofence and rally points are
    not part of the format.

    Raises:
        InputError: the sortie is a patrol vehicle's, or has no waypoint.
    """
    place = f"sortie {route.sortie.id}"
    if not route.copter:
        right = "--format qgc, or a drone's sortie"
        raise InputError.one(place, "is driven; WPML is for aircraft", right)
    points = _flown(route)
    if len(points) < 2:
        raise InputError.one(place, "has fewer than 2 waypoints", "2 or more for WPML")
    writer = _Writer(plan, route, points, audio)
    files = {
        "wpmz/template.kml": writer.document(template=True),
        "wpmz/waylines.wpml": writer.document(template=False),
        "wpmz/res/audio/README.txt": _note(audio).encode(),
    }
    if audio.data is not None:
        files[f"wpmz/res/audio/{audio.name}"] = audio.data
    return _zip(files)


def _flown(route: Route) -> tuple[Waypoint, ...]:
    """Waypoints after take-off; a landing becomes a point above its place."""
    points: list[Waypoint] = []
    for w in route.waypoints:
        if w.land:
            up_m = points[-1].up_m if points else w.up_m
            points.append(Waypoint(w.position, up_m, w.plan_seq, w.speed_m_s))
        elif not w.takeoff:
            points.append(w)
    return tuple(points)


class _Writer:
    def __init__(
        self,
        plan: Plan,
        route: Route,
        points: tuple[Waypoint, ...],
        audio: MegaphoneFile,
    ) -> None:
        self._plan = plan
        self._route = route
        self._points = points
        self._audio = audio
        self._speed_m_s = plan.vehicle.cruise_m_s

    def document(self, *, template: bool) -> bytes:
        """One of the two XML files; they differ in a few element names."""
        ET.register_namespace("", _KML)
        ET.register_namespace("wpml", _WPML)
        root = ET.Element(f"{{{_KML}}}kml")
        document = ET.SubElement(root, f"{{{_KML}}}Document")
        if template:
            created_ms = int(self._plan.created_utc.timestamp() * 1000)
            _put(document, author="patrolctl", createTime=created_ms)
            _put(document, updateTime=created_ms)
        self._config(document)
        folder = ET.SubElement(document, f"{{{_KML}}}Folder")
        if template:
            self._template_head(folder)
        else:
            self._wayline_head(folder)
        for index, point in enumerate(self._points):
            self._placemark(folder, index, point, template=template)
        text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
        return text

    def _config(self, document: ET.Element) -> None:
        config = _child(document, "missionConfig")
        first_up_m = max(w.up_m for w in self._route.waypoints[:1])
        _put(
            config,
            flyToWaylineMode="safely",
            finishAction="autoLand" if self._route.waypoints[-1].land else "goHome",
            exitOnRCLost="executeLostAction",
            executeRCLostAction="goBack",
            takeOffSecurityHeight=_number(max(first_up_m, _MIN_TAKEOFF_M)),
            globalTransitionalSpeed=_number(self._speed_m_s),
            globalRTHHeight=_number(max(self._route.return_up_m or 0.0, first_up_m)),
        )
        drone = _child(config, "droneInfo")
        _put(drone, droneEnumValue=_MATRICE_4D, droneSubEnumValue=0)
        payload = _child(config, "payloadInfo")
        _put(payload, payloadEnumValue=_MATRICE_4D_CAMERA, payloadSubEnumValue=0)
        _put(payload, payloadPositionIndex=0)

    def _template_head(self, folder: ET.Element) -> None:
        _put(folder, templateType="waypoint", templateId=0)
        system = _child(folder, "waylineCoordinateSysParam")
        _put(system, coordinateMode="WGS84", heightMode="relativeToStartPoint")
        _put(folder, autoFlightSpeed=_number(self._speed_m_s))
        _put(folder, globalHeight=_number(self._points[0].up_m))
        _put(folder, gimbalPitchMode="manual")
        heading = _child(folder, "globalWaypointHeadingParam")
        _put(heading, waypointHeadingMode="followWayline")
        _put(heading, waypointHeadingPathMode="followBadArc")
        turn = "toPointAndStopWithDiscontinuityCurvature"
        _put(folder, globalWaypointTurnMode=turn, globalUseStraightLine=1)

    def _wayline_head(self, folder: ET.Element) -> None:
        _put(folder, templateId=0, executeHeightMode="relativeToStartPoint")
        _put(folder, waylineId=0, distance=_number(self._route.sortie.distance_m))
        _put(folder, duration=_number(self._route.sortie.duration_s))
        _put(folder, autoFlightSpeed=_number(self._speed_m_s))

    def _placemark(
        self, folder: ET.Element, index: int, point: Waypoint, *, template: bool
    ) -> None:
        mark = ET.SubElement(folder, f"{{{_KML}}}Placemark")
        place = ET.SubElement(mark, f"{{{_KML}}}Point")
        coordinates = ET.SubElement(place, f"{{{_KML}}}coordinates")
        position = point.position
        coordinates.text = f"{position.lon_deg:.8f},{position.lat_deg:.8f}"
        _put(mark, index=index)
        if template:
            # Without a model of the geoid, both heights are above take-off.
            _put(mark, ellipsoidHeight=_number(point.up_m), height=_number(point.up_m))
            _put(mark, useGlobalHeight=0, useGlobalSpeed=0, useGlobalHeadingParam=0)
            _put(mark, useGlobalTurnParam=0)
        else:
            _put(mark, executeHeight=_number(point.up_m))
        _put(mark, waypointSpeed=_number(point.speed_m_s or self._speed_m_s))
        heading = _child(mark, "waypointHeadingParam")
        # Fixed: the nose stays as the waypoint's actions left it.
        mode = "fixed" if point.departs else "followWayline"
        _put(heading, waypointHeadingMode=mode)
        _put(heading, waypointHeadingPathMode="followBadArc")
        turn = _child(mark, "waypointTurnParam")
        _put(turn, waypointTurnMode="toPointAndStopWithDiscontinuityCurvature")
        _put(turn, waypointTurnDampingDist=0)
        _put(mark, useStraightLine=1)
        if point.stay_s:
            self._actions(mark, index, point)

    def _actions(self, mark: ET.Element, index: int, point: Waypoint) -> None:
        group = _child(mark, "actionGroup")
        _put(group, actionGroupId=index, actionGroupStartIndex=index)
        _put(group, actionGroupEndIndex=index, actionGroupMode="sequence")
        _put(_child(group, "actionTrigger"), actionTriggerType="reachPoint")
        actions: list[tuple[str, dict[str, object]]] = []
        if point.heading_deg is not None and not point.passing:
            angle = (point.heading_deg + 180.0) % 360.0 - 180.0
            turn: dict[str, object] = {"aircraftHeading": _number(angle)}
            actions.append(("rotateYaw", {**turn, "aircraftPathMode": "clockwise"}))
        time: dict[str, object] = {"hoverTime": _number(point.stay_s or 0.0)}
        hover = ("hover", time)
        if point.cue is not None:
            actions.append(self._megaphone(point, start=True))
        actions.append(hover)
        if point.passing or (point.cue is not None and not point.departs):
            actions.append(self._megaphone(point, start=False))
        for number, (function, params) in enumerate(actions):
            action = _child(group, "action")
            _put(action, actionId=number, actionActuatorFunc=function)
            _put(_child(action, "actionActuatorFuncParam"), **params)

    def _megaphone(
        self, point: Waypoint, *, start: bool
    ) -> tuple[str, dict[str, object]]:
        repeats = point.cue.repeats if point.cue else 1
        key = f"{self._route.sortie.id}/{point.plan_seq}/{start}"
        return "megaphone", {
            "payloadPositionIndex": _AS1_POSITION,
            "actionUUID": str(uuid.uuid5(uuid.NAMESPACE_URL, key)),
            "megaphoneOperateType": 0 if start else 1,
            "megaphoneOperateVolume": _VOLUME,
            "megaphoneOperateLoop": int(repeats > 1),
            "megaphoneOperateFilePath": f"/wpmz/res/audio/{self._audio.name}",
            "megaphoneFileName": self._audio.name,
            "megaphoneFileOriginalName": f"{self._plan.announcement.id}.opus",
            "megaphoneFileMd5": self._audio.md5,
            "megaphoneFileBitrate": BITRATE_ENUM,
        }


def _child(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{_WPML}}}{name}")


def _put(parent: ET.Element, **values: object) -> None:
    for name, value in values.items():
        _child(parent, name).text = str(value)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _note(audio: MegaphoneFile) -> str:
    if audio.data is not None:
        return f"{audio.name}: the announcement, Ogg Opus, 32 kbit/s.\n"
    return (
        f"The announcement is not included. Put it here as {audio.name} (Opus, "
        "32 kbit/s)\nand its MD5 into every wpml:megaphoneFileMd5 of "
        "template.kml and waylines.wpml,\nor export again with --clip.\n"
    )


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return out.getvalue()
