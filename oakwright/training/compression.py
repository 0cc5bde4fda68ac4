"""Compress a trained detector to int8: measured ranges first, then some training with them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from oakwright.dataset import Dataset, read, split_list
from oakwright.errors import CheckpointError, TrainingError, UsageError
from oakwright.files import PathLike, require_writable

from .batches import Batches
from .checkpoint import Checkpoint, load, save
from .detect import detect, normalised
from .loss import ssd_loss
from .metrics import coco_metrics
from .pictures import Pictures
from .quantised import CALIBRATION, description_of, quantise

# OTE's; ten times as much makes detectors worse than measured ranges alone.
LEARNING_RATE = 3e-5
STEPS = 40


@dataclass(frozen=True)
class CompressOptions:
    """Options of :func:`compress`; ``steps``: of training, 0 is none."""

    load_weights: PathLike
    train_ann_files: PathLike | Sequence[PathLike]
    val_ann_files: PathLike | Sequence[PathLike]
    train_data_roots: PathLike | Sequence[PathLike] | None = None
    val_data_roots: PathLike | Sequence[PathLike] | None = None
    save_checkpoints_to: PathLike = "outputs"
    classes: str | Sequence[str] | None = None
    batch_size: int | None = None
    base_learning_rate: float = LEARNING_RATE
    steps: int = STEPS
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.steps < 1_000_000:
            raise UsageError(f"--steps {self.steps}: at least 0", key="steps")


@dataclass(frozen=True)
class Compressed:
    """``path`` of the checkpoint; AP on the validation set of what was given, with measured ranges
    alone, and after training (None where there was none); ``kept`` is "ranges" or "training".
    """

    path: Path
    ap_before: float
    ap_ranges: float
    ap_trained: float | None
    kept: str

    @property
    def ap(self) -> float:
        """Of what was kept."""
        is_trained = self.kept == "training" and self.ap_trained is not None
        return self.ap_trained if is_trained else self.ap_ranges  # type: ignore[return-value]


def compress(
    options: CompressOptions, *, say: Callable[[str], None] = lambda _: None
) -> Compressed:
    """Write ``compressed.pth``: the better, on the validation set, of the two int8 networks.

    ``eval`` and ``export`` take it as any checkpoint. Raises CheckpointError, DatasetError,
    TrainingError where the loss is no number, OutputError.
    """
    given = load(options.load_weights)
    network = given.network()
    if given.rounding is not None:
        raise CheckpointError(
            f"{options.load_weights} is compressed already",
            remedy="give the latest.pth or best.pth of a training",
            path=str(options.load_weights),
        )
    assert given.classes is not None  # network() has refused trunks
    if options.classes is not None and tuple(split_list(options.classes)) != given.classes:
        raise UsageError(
            f"--classes: the checkpoint was trained for {','.join(given.classes)}",
            remedy="leave --classes away", key="classes",
        )  # fmt: skip
    data = read(options.train_ann_files, options.train_data_roots, list(given.classes))
    validation = read(options.val_ann_files, options.val_data_roots, list(given.classes))
    require_writable(options.save_checkpoints_to)
    pictures = Pictures(validation, given.template.model)
    try:
        measure = _Measure(validation, given, pictures)
        before = measure(network)
        say(f"as it is: AP {before:.3f}")
        plain = quantise(network, _calibration(data, given), min(len(data), CALIBRATION))
        ranges = measure(plain)
        say(f"int8 by measured ranges: AP {ranges:.3f}")
        best, kept, trained = plain, "ranges", None
        if options.steps:
            tuned = _train(plain, data, given, options, say)
            trained = measure(tuned)
            say(f"int8 after {options.steps} steps of training: AP {trained:.3f}")
            if trained > ranges:
                best, kept = tuned, "training"
    finally:
        pictures.close()
    path = save(
        Checkpoint(
            given.template, given.classes, best.state_dict(), given.statistics, given.source,
            rounding=description_of(best),
        ),
        Path(options.save_checkpoints_to) / "compressed.pth",
    )  # fmt: skip
    return Compressed(path, before, ranges, trained, kept)


class _Measure:
    """AP of a network on the validation set."""

    def __init__(self, validation: Dataset, given: Checkpoint, pictures: Pictures) -> None:
        self.validation, self.model, self.pictures = validation, given.template.model, pictures

    def __call__(self, network: Any) -> float:
        found = detect(network.eval(), self.validation, self.model, self.pictures)
        return float(coco_metrics(self.validation, found).stats["AP"])


def _calibration(data: Dataset, given: Checkpoint) -> list[Any]:
    """Normalised training pictures, spread over the set."""
    model = given.template.model
    chosen = np.linspace(0, len(data) - 1, min(len(data), CALIBRATION)).round().astype(int)
    pictures = Pictures(Dataset(data.classes, tuple(data.samples[i] for i in chosen)), model)
    try:
        stacked = np.stack([pictures[i] for i in range(len(chosen))])
    finally:
        pictures.close()
    tensor = torch.from_numpy(stacked).permute(0, 3, 1, 2)
    return [normalised(tensor[i : i + 1], model) for i in range(len(chosen))]


def _train(
    plain: Any, data: Dataset, given: Checkpoint, options: CompressOptions,
    say: Callable[[str], None],
) -> Any:  # fmt: skip
    """The network after ``options.steps`` steps at a fixed, low rate; BatchNorm keeps its means."""
    model, recipe = given.template.model, given.template.recipe
    network = copy.deepcopy(plain).eval()
    batches = Batches(
        data, model, recipe, seed=options.seed,
        batch_size=options.batch_size or recipe.batch_size,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.base_learning_rate)
    step, epoch = 0, 0
    try:
        while step < options.steps:
            for batch in batches.epoch(epoch):
                if step == options.steps:
                    break
                offsets, logits = network(normalised(batch.pictures, model))
                positives = max(float((batch.classes > 0).sum()), 1.0)
                box_loss, class_loss = ssd_loss(
                    offsets, logits, batch.offsets, batch.classes, recipe.negatives, positives
                )
                loss = box_loss + class_loss
                if not torch.isfinite(loss):
                    raise TrainingError(
                        f"the loss is no number any more in step {step + 1}; nothing was written",
                        remedy=f"a lower --base-learning-rate than {options.base_learning_rate:g}",
                        step=step + 1,
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                step += 1
                if step % 10 == 0:
                    say(f"step {step}/{options.steps}  loss {float(loss.detach()):.3f}")
            epoch += 1
    finally:
        batches.pictures.close()
    return network
