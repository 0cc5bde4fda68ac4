"""The trained networks that come with the package: they know the virtual camera's furnished rooms.

A detector of faces, people, balls, boxes and signs, and a second network that tells a thing's
colour and what is drawn on it. They were trained on made-up pictures alone
(docs/reference/sample-networks.md) and are there so that a complete application runs with nothing
to download: the source ``furnished:SEED`` shows what they know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.decode import Classifier
from oakwright.errors import UsageError
from oakwright.files import PathLike, write_aside

FOLDER = Path(__file__).with_name("networks")
FACTS = "networks.json"
NETWORKS = ("detector", "recognizer")


@cache
def facts() -> Mapping[str, Any]:
    """``labels`` of the detector (the first is the background), ``colors`` and ``marks``."""
    whole: Mapping[str, Any] = json.loads((FOLDER / FACTS).read_text(encoding="utf-8"))
    return whole


def ir(name: str) -> Path:
    """The OpenVINO IR of ``detector`` or ``recognizer``: FP16 weights, bytes [1,3,H,W], BGR.

    The detector's input is 256 wide and 160 high; it gives rows [1,1,N,7] as an SSD does. The
    recogniser's is 64x64; it gives logits ``color`` and ``mark``. Raises UsageError.
    """
    if name not in NETWORKS:
        raise UsageError(f"there is no network '{name}'", remedy=f"one of {', '.join(NETWORKS)}")
    return FOLDER / f"{name}.xml"


def write_blobs(folder: PathLike, shaves: int = 6) -> dict[str, Path]:
    """Compile both into ``folder`` as ``detector.blob`` and ``recognizer.blob``; gives the paths.

    Raises what `oakwright.conversion.convert` does, and OutputError.
    """
    from oakwright.conversion import convert

    written = {}
    for name in NETWORKS:
        made = convert(str(ir(name)), shaves=shaves, input_precision="U8")
        written[name] = write_aside(Path(folder) / f"{name}.blob", made.blobs[shaves])
    return written


@dataclass(frozen=True)
class Look:
    """What the recogniser says of a thing: a colour, a mark, and how sure it is of both, 0..1."""

    color: str
    mark: str
    probability: float

    def __str__(self) -> str:
        return f"{self.color} {self.mark}"


def look(tensors: Mapping[str, np.ndarray]) -> Look:
    """``decode`` of a TwoStage with this recogniser. Raises ModelError for another's tensors."""
    color = Classifier(facts()["colors"], "color", "logits")(tensors)
    mark = Classifier(facts()["marks"], "mark", "logits")(tensors)
    return Look(color.name, mark.name, min(color.probability, mark.probability))
