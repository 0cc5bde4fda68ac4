"""Sync and MessageDemux: messages of the same moment into one, and apart again."""

from __future__ import annotations

from typing import Any

import depthai as dai

from ..message import stamp_like, time_of
from .node import Node


class Sync(Node):
    """Waits for one message of every input no further apart than the threshold.

    Of a set that is too far apart the oldest is dropped for the next of its input; after
    ``syncAttempts`` such drops (-1: never) the set is sent as it is.
    """

    honoured = ("syncThresholdNs", "syncAttempts")
    harmless = ("processor",)
    sends = ("out",)

    def step(self) -> None:
        """See Node."""
        names = {key: key.rpartition("/")[2] for key in sorted(self.inputs)}
        found = {key: self.inputs[key].get() for key in names if self.inputs[key].is_linked}
        threshold = self.properties["syncThresholdNs"] / 1e9
        attempts = 0
        while not _is_together(found, threshold):
            if 0 <= self.properties["syncAttempts"] <= attempts:
                break
            attempts += 1
            oldest = min(found, key=lambda key: time_of(found[key]))
            found[oldest] = self.inputs[oldest].get()
        group = dai.MessageGroup()
        for key, message in found.items():
            group[names[key]] = message
        newest = max(found.values(), key=time_of)
        self.send("out", stamp_like(group, newest))


class MessageDemux(Node):
    """Sends every message of a group from the output of its name."""

    harmless = ("processor",)
    sends = ("outputs/",)

    def step(self) -> None:
        """See Node."""
        group = self.inputs["input"].get()
        for name in sorted(group.getMessageNames()):
            key = f"outputs/{name}"
            if key in self.outputs and self.outputs[key].is_linked:
                self.send(key, group[name])


def _is_together(messages: dict[str, Any], threshold_s: float) -> bool:
    moments = [time_of(message) for message in messages.values()]
    return max(moments) - min(moments) <= threshold_s
