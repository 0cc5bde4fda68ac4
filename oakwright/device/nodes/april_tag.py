"""AprilTag: the tags of a family in a grey picture, with their corners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import depthai as dai

from ..blocks.tags import FAMILIES, Tag, TagReader
from ..message import frame_of, stamp_like
from ..schema import NodeRecord
from .configs import ConfigReader
from .node import Context, Node

# Types whose first plane is luma.
_READS = ("GRAY8", "RAW8", "NV12", "YUV420p", "YUV400p")


class AprilTag(Node):
    """See the module."""

    honoured = ("initialConfig.*", "inputConfigSync")
    sends = ("out", "passthroughInputImage")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._tags = ConfigReader("AprilTag")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from _wrong(record.properties["initialConfig"])

    def set_up(self) -> None:
        """See Node."""
        self._reader = TagReader(self.properties["initialConfig"])

    def step(self) -> None:
        """See Node."""
        message = self.inputs["inputImage"].get()
        config = self.inputs["inputConfig"]
        if config.is_linked:
            waits = self.properties["inputConfigSync"] or config.waits_for_message
            self._use(config.get() if waits else config.queue.try_get())
        frame = frame_of(message)
        if frame.type not in _READS:
            self.error(
                f"the picture is of type {frame.type}, not of {', '.join(_READS)}: dropped",
                once=True,
            )
            return
        luma = frame.data[: frame.width * frame.height].reshape(frame.height, frame.width)
        if self.output("out").is_linked:
            found: Any = dai.AprilTags()
            found.aprilTags = [_tag_message(tag) for tag in self._reader.read(luma)]
            self.send("out", stamp_like(found, message))
        if self.output("passthroughInputImage").is_linked:
            self.send("passthroughInputImage", message)

    def _use(self, message: Any) -> None:
        if message is None:
            return
        config = self._tags.read(message)
        wrong = list(_wrong(config))
        if wrong:
            self.error(f"{wrong[0]}: the config is dropped")
        else:
            self._reader = TagReader(config)


def _wrong(config: Mapping[str, Any]) -> Iterable[str]:
    if config["family"] not in FAMILIES:
        name = dai.AprilTagConfig.Family(config["family"]).name
        known = ", ".join(dai.AprilTagConfig.Family(n).name for n in FAMILIES)
        yield f"family = {name} is not supported, only {known} are"


def _tag_message(tag: Tag) -> Any:
    message: Any = dai.AprilTag()
    message.id, message.hamming, message.decisionMargin = tag.id, tag.hamming, tag.margin
    points = [dai.Point2f(float(x), float(y)) for x, y in tag.corners]
    message.topLeft, message.topRight, message.bottomRight, message.bottomLeft = points
    return message
