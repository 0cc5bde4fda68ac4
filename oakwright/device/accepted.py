"""Which classes of messages an input takes: as ``depthai`` itself declares it, input by input."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import depthai as dai

from .schema import python_name

# Types of which the binding has no name, by node and input.
_UNNAMED = {
    ("ImageAlign", "inputConfig"): "ImageAlignConfig",
    ("MessageDemux", "input"): "MessageGroup",
    ("ObjectTracker", "inputConfig"): "ObjectTrackerConfig",
    ("ToF", "inputConfig"): "ToFConfig",
}
# What else a type stands for where its descendants are taken as well; of Buffer all are.
_DESCENDANTS = {"ImgDetections": ("SpatialImgDetections",)}


@cache
def accepted_types(kind: str) -> Mapping[str, frozenset[str]]:
    """Input key to names of message classes, by a node's schema name.

    Inputs that take anything are left out, and so are those that are made on demand.
    """
    name = python_name(kind)
    if not hasattr(dai.node, name):
        return {}
    found = {}
    for port in dai.Pipeline().create(getattr(dai.node, name)).getInputs():
        types = {t for one in port.possibleDatatypes for t in _names(kind, port.name, one)}
        if "Buffer" not in types:
            found[port.name] = frozenset(types)
    return found


def _names(kind: str, port: str, declared: Any) -> tuple[str, ...]:
    name = _UNNAMED.get((kind, port), str(declared.datatype.name))
    return (name, *(_DESCENDANTS.get(name, ()) if declared.descendants else ()))
