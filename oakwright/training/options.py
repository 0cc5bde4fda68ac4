"""What a training is asked to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oakwright.errors import UsageError
from oakwright.files import PathLike


@dataclass(frozen=True)
class TrainOptions:
    """Options of :func:`oakwright.training.train`; None leaves a number to the template.

    ``load_weights``: a trunk (snapshot.pth) or a trained detector. ``resume_from``: a latest.pth,
    whose run is taken up where it was written. ``gpu_num`` 0 is the CPU; for more than one GPU, or
    ``processes`` on the CPU, call :func:`oakwright.training.launch`. ``time_limit_s`` counts on the
    wall from the start of the call. ``pretrained``: fetch the ImageNet trunk if no weights are
    given. ``threads``: of the CPU; fewer than cores are faster where others use them too.
    """

    train_ann_files: PathLike | Sequence[PathLike]
    val_ann_files: PathLike | Sequence[PathLike]
    train_data_roots: PathLike | Sequence[PathLike] | None = None
    val_data_roots: PathLike | Sequence[PathLike] | None = None
    save_checkpoints_to: PathLike = "outputs"
    template: PathLike | None = None
    load_weights: PathLike | None = None
    resume_from: PathLike | None = None
    classes: str | Sequence[str] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    base_learning_rate: float | None = None
    gpu_num: int | None = None
    processes: int | None = None
    time_limit_s: float | None = None
    tensorboard_dir: PathLike | None = None
    pretrained: bool = True
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        least_of = {
            "epochs": 1,
            "batch_size": 1,
            "gpu_num": 0,
            "processes": 1,
            "seed": 0,
            "threads": 1,
        }
        for key, least in least_of.items():
            value = getattr(self, key)
            if value is not None and not least <= value < 2**31:
                raise UsageError(f"{_flag(key)} {value}: at least {least}", key=key)
        for key in ("base_learning_rate", "time_limit_s"):
            value = getattr(self, key)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{_flag(key)} {value}: more than 0", key=key)
        if self.load_weights and self.resume_from:
            raise UsageError(
                "--load-weights and --resume-from exclude each other",
                remedy="--resume-from goes on with a run; --load-weights starts a new one",
            )

    @property
    def folder(self) -> Path:
        """Where checkpoints go."""
        return Path(self.save_checkpoints_to)


def _flag(key: str) -> str:
    return "--" + key.removesuffix("_s").replace("_", "-")


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``10m``, ``1.5h``. Raises UsageError."""
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:].lower())
    try:
        seconds = float(text[:-1] if factor else text) * (factor or 1.0)
        if not 0 < seconds < 1e8:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"'{text}' is no length of time", remedy="write 90s, 10m or 2h", key="time_limit"
        ) from None
    return seconds
