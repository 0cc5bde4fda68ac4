"""Loss and AP over the epochs: a picture, and TensorBoard's log."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oakwright.errors import OutputError, UsageError
from oakwright.files import PathLike, write_aside


def need_matplotlib() -> None:
    """Raise UsageError where Matplotlib is missing, before hours are spent on what it draws."""
    if importlib.util.find_spec("matplotlib") is None:
        raise _missing("Matplotlib")


def draw_curves(history: Sequence[Mapping[str, float]], path: PathLike) -> Path:
    """Loss and AP of each epoch as a PNG. Raises UsageError where Matplotlib is missing."""
    try:
        # The figure alone: pyplot would look for a screen.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise _missing("Matplotlib") from error
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot([row["epoch"] for row in history], [row["loss"] for row in history], ".-")
    left.set(xlabel="epoch", title="loss on the training set", ylim=(0, None))
    for key in ("AP", "AP50"):
        rows = [row for row in history if key in row]
        right.plot([row["epoch"] for row in rows], [row[key] for row in rows], ".-", label=key)
    right.set(xlabel="epoch", title="AP on the validation set", ylim=(0, 1))
    right.legend(loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    return write_aside(path, buffer.getvalue())


class Board:
    """TensorBoard's log in ``folder``, or nothing where that is None."""

    def __init__(self, folder: PathLike | None) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboardX") from error
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            raise OutputError(
                f"cannot write {folder}: {error.strerror}", path=str(folder)
            ) from error

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """The numbers of an epoch."""
        if self._writer is None:
            return
        names = {"loss": "train/loss", "learning_rate": "train/learning_rate",
                 "AP": "validation/AP", "AP50": "validation/AP50"}  # fmt: skip
        for key, name in names.items():
            if key in row:
                self._writer.add_scalar(name, row[key], step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


def _missing(name: str) -> UsageError:
    return UsageError(
        f"training needs {name}, which is not installed", remedy="pip install 'oakwright[train]'"
    )
