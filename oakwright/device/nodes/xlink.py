"""XLinkIn and XLinkOut: the link to the host, with copies in both directions."""

from __future__ import annotations

from ..message import copy_message, kind_of
from .node import Node

# Arrival times are sums of fractions; one in time must not miss its turn by their rounding.
SLACK_S = 1e-4


class XLinkOut(Node):
    """Hands every message to the host as one of its own; ``maxFpsLimit`` by time of arrival."""

    honoured = ("streamName", "maxFpsLimit", "metadataOnly")
    _next_s = float("-inf")

    def set_up(self) -> None:
        """See Node."""
        self.stream = self.context.output_stream(self.properties["streamName"])

    def step(self) -> None:
        """See Node."""
        message = self.inputs["in"].get()
        faults = self.context.faults
        if faults is not None and faults.loses_message(self.properties["streamName"], self.steps):
            return
        limit = self.properties["maxFpsLimit"]
        if limit > 0:
            now = self.context.clock.now()
            if now < self._next_s - SLACK_S:
                return
            # In step with the frames before, unless there was a gap.
            start = self._next_s if now < self._next_s + 1 / limit else now
            self._next_s = start + 1 / limit
        copy = copy_message(message)
        if self.properties["metadataOnly"] and kind_of(copy) != "MessageGroup":
            copy.setData([])
        self.stream.deliver(copy)


class XLinkIn(Node):
    """Hands on what the host sends."""

    honoured = ("streamName", "maxDataSize")
    harmless = ("numFrames",)
    sends = ("out",)

    def set_up(self) -> None:
        """See Node."""
        self.stream = self.context.input_stream(self.properties["streamName"])

    def step(self) -> None:
        """See Node."""
        self.send("out", self.stream.queue.get())
