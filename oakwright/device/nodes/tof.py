"""ToF: depth, amplitude and intensity from a time-of-flight camera's raw pictures.

Two raw pictures make one of depth, at the moment of the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..blocks.formats import decode, encode
from ..blocks.tof import TYPE, amplitude, measured, range_mm, read_raw
from ..message import frame_of, image_like
from ..schema import NodeRecord
from .configs import ConfigReader
from .node import Context, Node

_RAWS = 2
_MEDIANS = (0, 3, 5, 7)
_MOST_LEVELS = 5


class ToF(Node):
    """See the module. Corrections of the real sensor's errors have no effect: ours has none."""

    honoured = (
        "initialConfig.median",
        "initialConfig.enablePhaseUnwrapping",
        "initialConfig.phaseUnwrappingLevel",
    )
    harmless = (
        "initialConfig.enable*",
        "initialConfig.phaseUnwrapErrorThreshold",
        "numFramesPool",
        "numShaves",
        "warpHwIds*",
    )
    sends = ("depth", "amplitude", "intensity")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._config: Mapping[str, Any] = self.properties["initialConfig"]
        self._reader = ConfigReader("ToF")
        self._raws = 0

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from _wrong(record.properties["initialConfig"])

    def step(self) -> None:
        """See Node."""
        message = self.inputs["input"].get()
        config = self.inputs["inputConfig"]
        while config.is_linked and (told := config.queue.try_get()) is not None:
            self._use(self._reader.read(told))
        frame = frame_of(message)
        if frame.type != TYPE:
            self.error(
                f"{frame.type} came, which is no time-of-flight camera's raw: dropped", once=True
            )
            return
        self._raws += 1
        if self._raws % _RAWS:
            return
        raw, light = read_raw(decode(frame))
        # Nothing said about unwrapping means that it is done.
        unwraps = self._config["enablePhaseUnwrapping"] is not False
        reach = range_mm(unwraps, self._config["phaseUnwrappingLevel"])
        depth = measured(raw, reach, self._config["median"])
        for key, values in (
            ("depth", depth),
            ("amplitude", amplitude(light, raw)),
            ("intensity", light.astype(np.uint16)),
        ):
            if self.output(key).is_linked:
                self.send(key, image_like(encode(values, TYPE), message))

    def _use(self, config: Mapping[str, Any]) -> None:
        wrong = list(_wrong(config))
        if wrong:
            self.error(f"{wrong[0]}: the config is dropped")
        else:
            self._config = config


def _wrong(config: Mapping[str, Any]) -> Iterable[str]:
    if config["median"] not in _MEDIANS:
        yield f"median = {config['median']} is none of {_MEDIANS}"
    if not 0 <= config["phaseUnwrappingLevel"] <= _MOST_LEVELS:
        yield f"phaseUnwrappingLevel = {config['phaseUnwrappingLevel']} is not 0 to {_MOST_LEVELS}"
