"""FeatureTracker: corners of a grey picture, with ids that follow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import depthai as dai

from ..blocks.features import Corner, FeatureTracker
from ..message import frame_of, stamp_like
from ..schema import NodeRecord
from .configs import ConfigReader
from .node import Context, Node

# Types whose first plane is luma.
_READS = ("GRAY8", "RAW8", "NV12", "YUV420p", "YUV400p")


class FeatureTrackerNode(Node):
    """See the module. The hardware's motion estimation is optical flow here, too."""

    honoured = ("initialConfig.*",)
    # How much of the chip it may use.
    harmless = ("numShaves", "numMemorySlices")
    sends = ("outputFeatures", "passthroughInputImage")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._tracker = FeatureTracker(self.properties["initialConfig"])
        self._reader = ConfigReader("FeatureTracker")

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from _wrong(record.properties["initialConfig"])

    def step(self) -> None:
        """See Node."""
        message = self.inputs["inputImage"].get()
        config = self.inputs["inputConfig"]
        if config.is_linked:
            told = config.get() if config.waits_for_message else config.queue.try_get()
            if told is not None:
                self._use(self._reader.read(told))
        frame = frame_of(message)
        if frame.type not in _READS:
            self.error(
                f"the picture is of type {frame.type}, not of {', '.join(_READS)}: dropped",
                once=True,
            )
            return
        luma = frame.data[: frame.width * frame.height].reshape(frame.height, frame.width)
        corners = self._tracker.step(luma)
        if self.output("outputFeatures").is_linked:
            found = dai.TrackedFeatures()
            found.trackedFeatures = [_feature(corner) for corner in corners]
            self.send("outputFeatures", stamp_like(found, message))
        if self.output("passthroughInputImage").is_linked:
            self.send("passthroughInputImage", message)

    def _use(self, config: Mapping[str, Any]) -> None:
        wrong = list(_wrong(config))
        if wrong:
            self.error(f"{wrong[0]}: the config is dropped")
        else:
            self._tracker.configure(config)


def _wrong(config: Mapping[str, Any]) -> Iterable[str]:
    flow = config["motionEstimator"]["opticalFlow"]
    sizes = [flow["searchWindowWidth"], flow["searchWindowHeight"]]
    if any(size < 3 for size in sizes):
        yield f"opticalFlow's search window of {sizes[0]}x{sizes[1]} is below 3x3"
    if config["cornerDetector"]["cellGridDimension"] < 1:
        yield "cornerDetector.cellGridDimension is below 1"


def _feature(corner: Corner) -> Any:
    feature: Any = dai.TrackedFeature()
    feature.position = dai.Point2f(corner.x, corner.y)
    feature.id, feature.age = corner.id, corner.age
    feature.harrisScore, feature.trackingError = corner.score, corner.error
    return feature
