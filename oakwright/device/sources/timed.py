"""A source with a watch: what making its pictures costs, by the camera that asks."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..clock import real_perf_counter
from .source import FrameSource, Shot


class TimedSource:
    """See the module. ``busy_s``: real seconds by the thread's name, which is the node's title."""

    def __init__(self, source: FrameSource, busy_s: dict[str, float]) -> None:
        self._source, self._busy_s = source, busy_s

    def frame(self, shot: Shot) -> np.ndarray | None:
        """See FrameSource."""
        started = real_perf_counter()
        try:
            return self._source.frame(shot)
        finally:
            name = threading.current_thread().name
            spent = real_perf_counter() - started
            self._busy_s[name] = self._busy_s.get(name, 0.0) + spent

    def close(self) -> None:
        """See FrameSource."""
        self._source.close()

    def __getattr__(self, name: str) -> Any:
        if name == "_source":
            raise AttributeError(name)
        return getattr(self._source, name)
