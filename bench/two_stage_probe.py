"""Runs a script as it is and writes down what it draws; itself run by ``oakwright device run``.

    oakwright device run two_stage_probe.py ORDER.json SCRIPT [ARGUMENTS]

ORDER holds ``out`` (a file of JSON lines, one for each picture shown), ``grow`` (how much wider
than its box a crop is, as a share of the picture), ``square`` (a crop is the box's middle square)
and ``pictures`` (numbers of frames that are kept, in the folder ``folder``). A line: the frame's
number and the events since the last one, in order: ``box`` (corners, colour, mean of its crop
before anything was drawn), ``text``, ``answer`` (a network's layer and its first numbers).

It only listens: the calls it wraps get their arguments and give their results unchanged, and the
bench compares the digests of runs with and without it.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import cv2
import depthai as dai
import numpy as np


class Listener:
    """Wraps what scripts draw, show and read."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.grow = float(order.get("grow", 0.0))
        self.square = bool(order.get("square", False))
        self.pictures = set(order.get("pictures", ()))
        self.folder = Path(order.get("folder", "."))
        self.file = Path(order["out"]).open("w")  # noqa: SIM115 (open until the process ends)
        self.events: list[Any] = []
        self.number = -1
        self.frame: np.ndarray | None = None

    def install(self) -> None:
        """Put the wrappers in place."""
        for name in ("rectangle", "putText", "imshow"):
            self._wrap(cv2, name, getattr(self, name))
        self._wrap(dai.ImgFrame, "getCvFrame", self.frame_read)
        self._wrap(dai.NNData, "getFirstLayerFp16", self.layer_read)
        self._wrap(dai.NNData, "getLayerFp16", self.layer_read)

    @staticmethod
    def _wrap(place: Any, name: str, listen: Any) -> None:
        original = getattr(place, name)

        def wrapper(*given: Any, **named: Any) -> Any:
            result = original(*given, **named)
            listen(result, *given)
            return result

        setattr(place, name, wrapper)

    def frame_read(self, result: Any, message: Any) -> None:
        self.number, self.frame = message.getSequenceNum(), result.copy()

    def layer_read(self, result: Any, message: Any, layer: str = "") -> None:
        self.events.append(["answer", message.getSequenceNum(), layer, list(result[:3])])

    def rectangle(self, result: Any, picture: Any, first: Any, second: Any, *rest: Any) -> None:
        color = [int(v) for v in rest[0]] if rest else []
        box = [int(v) for v in (*first, *second)]
        height, width = picture.shape[:2]
        share = [v / (width, height)[i % 2] for i, v in enumerate(box)]
        self.events.append(["box", share, color, self._mean(share)])

    def _mean(self, box: list[float]) -> list[float] | None:
        if self.frame is None:
            return None
        height, width = self.frame.shape[:2]
        x0, y0 = (max(v - self.grow, 0.0) for v in box[:2])
        x1, y1 = (min(v + self.grow, 1.0) for v in box[2:])
        x0, y0, x1, y1 = x0 * width, y0 * height, x1 * width, y1 * height
        if self.square:
            half = min(x1 - x0, y1 - y0) / 2
            x, y = (x0 + x1) / 2, (y0 + y1) / 2
            x0, y0, x1, y1 = x - half, y - half, x + half, y + half
        crop = self.frame[round(y0) : round(y1), round(x0) : round(x1)]
        return [round(float(v), 2) for v in crop.mean((0, 1))] if crop.size else None

    def putText(self, result: Any, picture: Any, text: str, place: Any, *rest: Any) -> None:
        self.events.append(["text", text, [int(v) for v in place]])

    def imshow(self, result: Any, window: str, picture: np.ndarray) -> None:
        line = {"window": window, "number": self.number, "events": self.events}
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        self.events = []
        if self.number in self.pictures:
            cv2.imwrite(str(self.folder / f"{self.number:04d}.png"), picture)


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    script = Path(sys.argv[2]).resolve()
    Listener(order).install()
    sys.argv = sys.argv[2:]
    sys.path[0] = str(script.parent)
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
