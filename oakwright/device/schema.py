"""The pipeline as data: what ``dai.Pipeline.serializeToJson`` says, as frozen records.

The JSON carries every asset as a list of integers, which takes seconds for a large blob; so the
assets are taken out of their nodes first, without a copy, and put back afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import depthai as dai
import numpy as np

from oakwright.errors import PipelineError

# How the JSON tells a receiving port from a sending one (dai.Node.Output/Input::Type).
_RECEIVES = 3


@dataclass(frozen=True)
class Port:
    """One end of a node. ``key`` is its name, or ``group/name`` for ports made on demand."""

    group: str
    name: str
    is_input: bool
    queue_size: int
    is_blocking: bool
    waits_for_message: bool

    @property
    def key(self) -> str:
        """Unique among the node's inputs, or outputs."""
        return port_key(self.group, self.name)


@dataclass(frozen=True)
class NodeRecord:
    """A node: ``kind`` is its schema name (``ColorCamera``), ``properties`` as in the JSON."""

    id: int
    kind: str
    properties: Mapping[str, Any]
    ports: tuple[Port, ...]
    assets: Mapping[str, np.ndarray]

    @property
    def title(self) -> str:
        """How it is called in messages: ``ColorCamera(0)``."""
        return f"{self.kind}({self.id})"

    def asset(self, uri: str) -> np.ndarray | None:
        """The asset an ``asset:name`` property points to, uint8."""
        return self.assets.get(uri.removeprefix("asset:")) if uri else None


@dataclass(frozen=True)
class Connection:
    """From an output to an input, by node id and port key."""

    source: int
    output: str
    target: int
    input: str


@dataclass(frozen=True)
class Schema:
    """A whole pipeline."""

    nodes: tuple[NodeRecord, ...]
    connections: tuple[Connection, ...]
    settings: Mapping[str, Any]
    assets: Mapping[str, np.ndarray]
    # What a webcam's host is told (BoardConfig.uvc): width, height; None where nothing is said.
    uvc_size: tuple[int, int] | None = None

    def node(self, id: int) -> NodeRecord:
        """The node of that id."""
        return next(n for n in self.nodes if n.id == id)

    @property
    def sets_calibration(self) -> bool:
        """Whether the script gave the pipeline a calibration to use instead of the device's."""
        given = self.settings.get("calibData") or {}
        return bool(given.get("cameraData"))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to run."""
        return not self.nodes


def port_key(group: str, name: str) -> str:
    """``name``, or ``group/name``."""
    return f"{group}/{name}" if group else name


def read_pipeline(pipeline: Any) -> Schema:
    """Read a ``dai.Pipeline``; it is left as it was."""
    nodes = {int(node.id): node for node in pipeline.getAllNodes()}
    taken: list[tuple[Any, Any]] = []
    managers: list[tuple[int | None, Any]] = [(None, pipeline.getAssetManager())]
    managers += [(id, node.getAssetManager()) for id, node in nodes.items()]
    assets: dict[int | None, dict[str, np.ndarray]] = {}
    try:
        for id, manager in managers:
            for asset in list(manager.getAll()):
                assets.setdefault(id, {})[asset.key] = asset.data
                taken.append((manager, asset))
                manager.remove(asset.key)
        try:
            text = pipeline.serializeToJson()
        except RuntimeError as error:
            raise PipelineError(
                f"depthai cannot serialise the pipeline: {error}", findings=(str(error),)
            ) from error
    finally:
        for manager, asset in taken:
            manager.set(asset)
    body = text["pipeline"]
    return Schema(
        tuple(_node(entry, assets) for _, entry in body["nodes"]),
        tuple(_connection(entry) for entry in body["connections"]),
        MappingProxyType(body["globalProperties"]),
        MappingProxyType(assets.get(None, {})),
        _uvc_size(pipeline.getBoardConfig().uvc),
    )


def _uvc_size(said: Any) -> tuple[int, int] | None:
    return None if said is None or not said.enable else (int(said.width), int(said.height))


def python_name(kind: str) -> str:
    """The class in ``dai.node`` that a schema name stands for: networks have their base's."""
    return {
        "DetectionNetwork": "MobileNetDetectionNetwork",
        "SpatialDetectionNetwork": "MobileNetSpatialDetectionNetwork",
    }.get(kind, kind)


@cache
def default_properties(kind: str) -> Mapping[str, Any]:
    """The properties of a fresh node of this schema name; what differs was set by the script."""
    pipeline, name = dai.Pipeline(), python_name(kind)
    if not hasattr(dai.node, name):
        return MappingProxyType({})
    pipeline.create(getattr(dai.node, name))
    return MappingProxyType(read_pipeline(pipeline).nodes[0].properties)


def changed_fields(record: NodeRecord) -> dict[str, Any]:
    """Dotted names and values of the properties that are not as in a fresh node."""
    found: dict[str, Any] = {}
    _compare(record.properties, default_properties(record.kind), "", found)
    return found


def _compare(value: Any, default: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and isinstance(default, Mapping) and default:
        for key in value:
            _compare(value[key], default.get(key), f"{path}.{key}".lstrip("."), found)
    elif value != default:
        found[path] = value


def _node(entry: Mapping[str, Any], assets: Mapping[int | None, Any]) -> NodeRecord:
    ports = tuple(_port(port) for _, port in entry["ioInfo"])
    return NodeRecord(
        entry["id"],
        entry["name"],
        MappingProxyType(entry["properties"] or {}),
        tuple(sorted(ports, key=lambda p: p.key)),
        MappingProxyType(assets.get(entry["id"], {})),
    )


def _port(entry: Mapping[str, Any]) -> Port:
    return Port(
        entry["group"],
        entry["name"],
        entry["type"] == _RECEIVES,
        entry["queueSize"],
        entry["blocking"],
        entry["waitForMessage"],
    )


def _connection(entry: Mapping[str, Any]) -> Connection:
    return Connection(
        entry["node1Id"],
        port_key(entry["node1OutputGroup"], entry["node1Output"]),
        entry["node2Id"],
        port_key(entry["node2InputGroup"], entry["node2Input"]),
    )
