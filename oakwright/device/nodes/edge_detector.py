"""EdgeDetector: the strength of edges in a picture's luma, as GRAY8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..blocks.edges import ACROSS, DOWN, edges
from ..blocks.formats import encode
from ..message import frame_of, image_like
from ..schema import NodeRecord
from .node import Context, Node

_ACROSS, _DOWN = "sobelFilterHorizontalKernel", "sobelFilterVerticalKernel"
# Types whose first plane is luma.
_READS = ("GRAY8", "RAW8", "NV12", "YUV420p", "YUV400p")


class EdgeDetector(Node):
    """See the module. A config with other kernels holds from the next picture on."""

    honoured = ("initialConfig.*", "outputFrameSize")
    harmless = ("numFramesPool",)
    sends = ("outputImage", "passthroughInputImage")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._kernels = _kernels(record.properties["initialConfig"]["config"])

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from _wrong(_kernels(record.properties["initialConfig"]["config"]))

    def step(self) -> None:
        """See Node."""
        message = self.inputs["inputImage"].get()
        config = self.inputs["inputConfig"]
        if config.is_linked:
            told = config.get() if config.waits_for_message else config.queue.try_get()
            self._take(told)
        frame = frame_of(message)
        if frame.type not in _READS:
            text = f"the picture is of type {frame.type}, not of {', '.join(_READS)}: dropped"
            self.error(text, once=True)
            return
        size = frame.width * frame.height
        limit = self.properties["outputFrameSize"]
        if size > limit:
            self.error(
                f"the result has {size} bytes, more than the {limit} allowed: dropped; "
                "call setMaxOutputFrameSize",
                once=True,
            )
            return
        luma = frame.data[:size].reshape(frame.height, frame.width)
        self.send("outputImage", image_like(encode(edges(luma, *self._kernels), "GRAY8"), message))
        if self.output("passthroughInputImage").is_linked:
            self.send("passthroughInputImage", message)

    def _take(self, message: Any) -> None:
        if message is None:
            return
        data = message.getConfigData()
        kernels = _kernels({name: getattr(data, name) for name in (_ACROSS, _DOWN)})
        for text in _wrong(kernels):
            self.error(f"{text}; the config is dropped")
            return
        self._kernels = kernels


def _kernels(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Both kernels; those that nobody set are Sobel's."""
    return config[_ACROSS] or ACROSS, config[_DOWN] or DOWN


def _wrong(kernels: tuple[Any, Any]) -> Iterable[str]:
    for name, kernel in zip((_ACROSS, _DOWN), kernels, strict=True):
        if [len(row) for row in kernel] != [3, 3, 3] or not np.isfinite(kernel).all():
            yield f"{name} is no 3x3 kernel"
