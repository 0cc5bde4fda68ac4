"""A trained detector where it will run: the exported script, on the virtual OAK, over a dataset.

Every picture fills what the detector sees: the camera's view is wider than its input, and the rest
of it is black. The network is then given the very bytes that evaluation gives to a blob.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from oakwright.dataset import Dataset, Sample
from oakwright.errors import CheckpointError, RunError, UsageError
from oakwright.files import PathLike

from .description import Description, read_beside
from .detectors import Detector
from .metrics import Detections
from .pictures import Pictures
from .template import Model

BOARD = "OAK-1"
_VIEW = 16 / 9


def open_application(folder: PathLike, blob: PathLike) -> Detector:
    """The script that ``export(..., app=folder)`` wrote, as a detector that can be evaluated.

    ``blob``: the export's, whose description stands beside it. The script runs as it is, but for
    the least confidence, which is the template's: AP counts what is unsure too.
    Raises UsageError where depthai is missing, CheckpointError where there is no such script, and
    what the virtual camera raises.
    """
    from oakwright.decompiler import CompiledBlob

    description = read_beside(Path(blob))
    place = Path(folder) / "main.py"
    main = _module(place)

    def find(dataset: Dataset, tell: Callable[[int], None]) -> dict[int, Detections]:
        return _find(main, description, dataset, tell)

    return Detector(
        place, "virtual OAK", description.template, description.classes,
        CompiledBlob(Path(blob)).model, find,
    )  # fmt: skip


def need_depthai() -> Any:
    """The package, without its remark that no USB is here. Raises UsageError."""
    os.environ.setdefault("DEPTHAI_LEVEL", "error")
    try:
        import depthai
    except ImportError as error:
        raise UsageError(
            f"the virtual OAK needs depthai, which cannot be imported: {error}",
            remedy="pip install 'oakwright[train,depthai,opencv]'",
        ) from error
    return depthai


def _module(place: Path) -> ModuleType:
    need_depthai()
    if not place.is_file():
        raise CheckpointError(
            f"there is no script {place}", remedy="export with --app writes it", path=str(place)
        )
    spec = importlib.util.spec_from_file_location("oakwright_exported_main", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _find(
    main: ModuleType, description: Description, dataset: Dataset, tell: Callable[[int], None]
) -> dict[int, Detections]:
    from oakwright.device import VirtualOak

    depthai = need_depthai()
    model, found = description.template.model, {}
    source = _InView(dataset, model)
    try:
        with VirtualOak(source, board=BOARD, deterministic=True):
            pipeline = main.build()
            for node in pipeline.getAllNodes():
                if isinstance(node, depthai.node.DetectionNetwork):
                    node.setConfidenceThreshold(model.score)
            with depthai.Device(pipeline) as device:
                for number, _, rows in islice(main.watch(device), len(dataset)):
                    sample = dataset.samples[number]
                    found[sample.image_id] = _detections(rows, sample)
                    tell(len(found))
    finally:
        source.close()
    if len(found) != len(dataset):
        raise RunError(f"the script gave {len(found)} results for {len(dataset)} pictures")
    return found


def _detections(rows: Any, sample: Sample) -> Detections:
    """ImgDetections' list, whose boxes are shares of what the detector saw; labels count from 1."""
    pixels = np.array([sample.width, sample.height] * 2, np.float32)
    boxes = np.array([[r.xmin, r.ymin, r.xmax, r.ymax] for r in rows], np.float32).reshape(-1, 4)
    return Detections(
        np.clip(boxes, 0, 1) * pixels,
        np.array([r.confidence for r in rows], np.float32),
        np.array([r.label for r in rows], np.int64) - 1,
    )


class _InView:
    """A source of frames: picture by picture, each where a 16:9 camera cuts its preview from."""

    def __init__(self, dataset: Dataset, model: Model) -> None:
        self._pictures, self._last = Pictures(dataset, model), len(dataset) - 1
        self._is_rgb = model.color == "RGB"
        self._across = max(0, math.ceil((model.height * _VIEW - model.width) / 2))
        self._down = max(0, math.ceil((model.width / _VIEW - model.height) / 2))

    def frame(self, shot: Any) -> np.ndarray:
        """The picture of that number; the camera may ask for more than there are."""
        picture = self._pictures[min(shot.number, self._last)]
        planes = picture[..., ::-1] if self._is_rgb else picture
        edges = ((self._down, self._down), (self._across, self._across), (0, 0))
        return np.ascontiguousarray(np.pad(planes, edges))

    def close(self) -> None:
        """Give the pictures' memory back."""
        self._pictures.close()
