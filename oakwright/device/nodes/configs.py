"""Config messages read completely: the host's classes do not bind every field, the JSON has all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import depthai as dai

from ..schema import read_pipeline


class ConfigReader:
    """Reads messages of one kind of node by way of a serialised node that is made for it."""

    def __init__(self, kind: str, field: str = "initialConfig") -> None:
        self._pipeline, self._field = dai.Pipeline(), field
        self._node: Any = self._pipeline.create(getattr(dai.node, kind))

    def read(self, message: Any) -> Mapping[str, Any]:
        """The message's fields as the node's ``initialConfig`` has them in the JSON."""
        self._node.initialConfig.set(message.get())
        found: Mapping[str, Any] = read_pipeline(self._pipeline).nodes[0].properties[self._field]
        return found
