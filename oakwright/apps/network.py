"""The networks of an application: a blob each, and how its results are to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from oakwright.decode import YoloSettings, read_settings
from oakwright.errors import UnreadableModel, UsageError

from .need import need

COLORS = ("BGR", "RGB")
# dai.TensorInfo.DataType -> numpy
_ELEMENTS = {"U8F": "u1", "I8": "i1", "FP16": "<f2", "FP32": "<f4", "INT": "<i4"}


@dataclass(frozen=True)
class Network:
    """A blob with one input for pictures [1,3,H,W], compiled for bytes.

    ``color``: the order of the planes it was trained on, BGR or RGB; check it first where results
    are poor. The blob is read at once: UnreadableModel where it cannot be, UsageError where it
    takes no pictures.
    """

    blob: str | Path
    color: str = "BGR"
    _wanted: ClassVar[str] = "one colour picture"
    _remedy: ClassVar[str] = "one input [1,3,height,width] is wanted"

    def __post_init__(self) -> None:
        if self.color not in COLORS:
            raise UsageError(f"color '{self.color}' is neither BGR nor RGB", key="color")
        self._demand_pictures()

    def _demand_pictures(self) -> None:
        inputs = self._opened.networkInputs
        sizes = {tuple(entry.dims[:2]) for entry in inputs.values()}
        is_colour = all(list(entry.dims[2:]) in ([3, 1], [3]) for entry in inputs.values())
        if not self._counts(len(inputs)) or len(sizes) > 1 or not is_colour:
            shapes = ", ".join(f"{n} {list(i.dims)[::-1]}" for n, i in inputs.items())
            raise UsageError(
                f"{self.blob} does not take {self._wanted}: its inputs are {shapes}",
                remedy=self._remedy,
                path=str(self.blob),
            )
        for name, entry in inputs.items():
            if entry.dataType.name != "U8F":
                raise UsageError(
                    f"input '{name}' of {self.blob} takes {entry.dataType.name}, a camera sends"
                    " bytes",
                    remedy="compile it for bytes: oakwright convert MODEL --ip U8",
                    path=str(self.blob),
                )

    @staticmethod
    def _counts(inputs: int) -> bool:
        return inputs == 1

    @cached_property
    def _opened(self) -> Any:
        dai = need("depthai")
        if not Path(self.blob).is_file():
            raise UnreadableModel(f"there is no blob {self.blob}", path=str(self.blob))
        try:
            opened = dai.OpenVINO.Blob(str(self.blob))
        except RuntimeError as error:
            raise UnreadableModel(
                f"{self.blob} is no blob that depthai reads: {error}",
                remedy="make one from your model: oakwright convert MODEL -o FILE.blob",
                path=str(self.blob),
            ) from error
        if not opened.networkInputs:
            raise UnreadableModel(f"{self.blob} has no input", path=str(self.blob))
        return opened

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture it takes, pixels."""
        dims = next(iter(self._opened.networkInputs.values())).dims
        return int(dims[0]), int(dims[1])

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of its outputs by name, outermost first."""
        # depthai lists W, H, C, N; of a plain list of numbers C, N.
        return {n: tuple(o.dims)[::-1] for n, o in self._opened.networkOutputs.items()}

    def tensors(self, message: Any) -> dict[str, np.ndarray]:
        """The results in an ``NNData`` as arrays, in the blob's shapes; FP16 stays FP16."""
        shapes, data, found = self.outputs, np.asarray(message.getData()), {}
        for info in message.getAllLayers():
            dtype = np.dtype(_ELEMENTS[info.dataType.name])
            shape = shapes.get(info.name, tuple(info.dims))
            end = info.offset + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            found[info.name] = data[info.offset : end].view(dtype).reshape(shape)
        return found


@dataclass(frozen=True)
class Detector(Network):
    """A detector: an SSD (its last layer DetectionOutput), or a YOLO with its decoder's settings.

    ``labels``: names by number. ``keep``: numbers of the classes to go on with; all if empty.
    ``yolo``: the JSON that `oakwright yolo` writes beside the blob (a path, or its content), whose
    ``confidence`` (0..1) then holds unless another is given.
    """

    confidence: float | None = None
    labels: Sequence[str] = ()
    keep: Sequence[int] = ()
    yolo: str | Path | Mapping[str, Any] | None = None
    settings: YoloSettings | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise UsageError(f"confidence {self.confidence} must be between 0 and 1")
        if self.yolo is not None:
            settings = read_settings(self.yolo)
            object.__setattr__(self, "settings", settings)
            object.__setattr__(self, "labels", tuple(self.labels) or settings.names)
        else:
            self._demand_rows()

    @property
    def threshold(self) -> float:
        """The least confidence of what is shown."""
        return self.confidence or (self.settings.confidence if self.settings else 0.5)

    def name(self, label: int) -> str:
        """The class's name; its number where there is none."""
        return self.labels[label] if 0 <= label < len(self.labels) else str(label)

    def _demand_rows(self) -> None:
        shapes = self.outputs
        if len(shapes) != 1 or next(iter(shapes.values()))[-1] != 7:
            told = ", ".join(f"{n} {list(s)}" for n, s in shapes.items())
            raise UsageError(
                f"{self.blob} is no SSD whose output has rows of 7 numbers: it gives {told}",
                remedy="for a YOLO give its settings: Detector(blob, yolo='FILE.json')",
                path=str(self.blob),
            )


@dataclass(frozen=True)
class Recognizer(Network):
    """A network that looks at one thing at a time.

    ``margin``: what is cut out is wider than the box by this share of it on every side.
    """

    margin: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -0.4 <= self.margin <= 2:
            raise UsageError(f"margin {self.margin} must be between -0.4 and 2", key="margin")


@dataclass(frozen=True)
class Successive(Network):
    """A network that looks at several pictures of one size together, the oldest at its first input.

    ``names``: its inputs in the blob's order, two or more.
    """

    _wanted: ClassVar[str] = "two or more colour pictures of one size"
    _remedy: ClassVar[str] = "inputs [1,3,height,width], all alike, are wanted"

    @staticmethod
    def _counts(inputs: int) -> bool:
        return inputs > 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs, the oldest picture's first."""
        # depthai lists them in no order.
        inputs = self._opened.networkInputs
        return tuple(sorted(inputs, key=lambda name: int(inputs[name].offset)))
