"""Which pictures are seen when, and how they become tensors.

Order and randomness depend on seed, epoch and place in the epoch alone: not on the number of
processes, nor on where a run was broken off.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from oakwright.dataset import Dataset
from oakwright.errors import UsageError

from .anchors import priors
from .assign import assign
from .augment import augment
from .mosaic import PARTS, mosaic
from .pictures import STRETCH, Pictures
from .recipe import Recipe
from .template import Model


@dataclass(frozen=True)
class Batch:
    """``pictures`` uint8 [n, 3, h, w] (channels last in memory), targets as of assign()."""

    pictures: Any
    classes: Any
    offsets: Any
    indices: tuple[int, ...]


class Batches:
    """The training data, epoch by epoch. ``batch_size`` counts over all processes, of which
    ``sharers`` have one memory.
    """

    def __init__(
        self,
        dataset: Dataset,
        model: Model,
        recipe: Recipe,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        sharers: int = 1,
    ) -> None:
        self.dataset, self.model, self.recipe = dataset, model, recipe
        self.seed, self.rank, self.world = seed, rank, world
        seen = len(dataset) * recipe.repeat
        self.size = min(batch_size, seen)
        if self.size < world:
            raise UsageError(
                f"--batch-size {self.size} for {world} processes: each needs a picture",
                remedy="a larger batch, or fewer processes",
                key="batch_size",
            )
        self.steps = max(1, seen // self.size)
        self.anchors = priors(model)
        self.pictures = Pictures(dataset, model, STRETCH, sharers=sharers)
        self._boxes = [
            (s.boxes / np.array([s.width, s.height] * 2, np.float32)).astype(np.float32)
            for s in dataset.samples
        ]

    def plan(self, epoch: int) -> np.ndarray:
        """Indices of the pictures of an epoch: int [steps, size]; each picture `repeat` times."""
        rng = np.random.default_rng([self.seed, epoch])
        wanted = self.steps * self.size
        rounds = -(-wanted // len(self.dataset))
        order = [rng.permutation(len(self.dataset)) for _ in range(rounds)]
        return np.concatenate(order)[:wanted].reshape(self.steps, self.size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """This process's share of each batch, made one ahead in a thread."""
        plan = self.plan(epoch)
        cv2.setNumThreads(1)
        with ThreadPoolExecutor(1, "batches") as maker:
            coming = maker.submit(self._make, epoch, 0, plan)
            for step in range(self.steps):
                batch = coming.result()
                if step + 1 < self.steps:
                    coming = maker.submit(self._make, epoch, step + 1, plan)
                yield batch

    def _make(self, epoch: int, step: int, plan: np.ndarray) -> Batch:
        places = range(self.rank, self.size, self.world)
        model = self.model
        pictures = np.empty((len(places), model.height, model.width, 3), np.uint8)
        classes = np.empty((len(places), len(self.anchors)), np.int64)
        offsets = np.empty((len(places), len(self.anchors), 4), np.float32)
        for row, place in enumerate(places):
            index = int(plan[step, place])
            rng = np.random.default_rng([self.seed, epoch, step, place])
            pictures[row], boxes, labels, crowd = self._example(index, rng)
            classes[row], offsets[row] = assign(
                boxes, labels, crowd, self.anchors, self.recipe.matches
            )
        return Batch(
            torch.from_numpy(pictures).permute(0, 3, 1, 2),
            torch.from_numpy(classes),
            torch.from_numpy(offsets),
            tuple(int(plan[step, place]) for place in places),
        )

    def _example(
        self, index: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A picture as the network shall see it, its boxes, their labels and which are crowds."""
        recipe, size = self.recipe, (self.model.width, self.model.height)
        chosen = [index]
        if recipe.mosaic and rng.random() < recipe.mosaic:
            chosen += rng.integers(0, len(self.dataset), PARTS - 1).tolist()
        parts = [(self.pictures[i], self._boxes[i]) for i in chosen]
        if len(parts) > 1:
            picture, boxes, kept = mosaic(parts, rng, recipe, *size)
        else:
            picture, boxes, kept = augment(*parts[0], rng, recipe, *size)
        samples = [self.dataset.samples[i] for i in chosen]
        labels = np.concatenate([sample.labels for sample in samples])
        crowd = np.concatenate([sample.crowd for sample in samples])
        return picture, boxes, labels[kept], crowd[kept]
