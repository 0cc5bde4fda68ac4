"""Parts of a dataset that have every class in the same share, and no picture twice.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011): the rarest class first, each
picture to the part that lacks most of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from oakwright.errors import DatasetError, UsageError

from .duplicates import find_twins, groups_of
from .sample import Dataset


def split(
    dataset: Dataset, shares: Mapping[str, float], *, seed: int = 0, keep_twins: bool = True
) -> dict[str, Dataset]:
    """Named parts of a dataset, e.g. ``{"train": 0.8, "val": 0.2}``; shares add up to 1.

    Pictures that look the same go into the same part (``keep_twins``, which decodes them all).
    The same arguments give the same parts. Raises UsageError for shares that make no sense,
    DatasetError where there are fewer pictures than parts.
    """
    total = sum(shares.values())
    if len(shares) < 2 or min(shares.values()) <= 0 or abs(total - 1) > 1e-3:
        raise UsageError(
            "the shares must be above 0 and add up to 1, not "
            + " + ".join(f"{name} {share:g}" for name, share in shares.items()),
            remedy="for example train=0.8,val=0.2",
            key="shares",
        )
    twins = find_twins(dataset.samples) if keep_twins else []
    groups = groups_of(len(dataset), twins)
    if len(groups) < len(shares):
        raise DatasetError(
            f"{len(groups)} different pictures cannot be split into {len(shares)} parts"
        )
    owner = _stratify(_counts(dataset, groups), np.array(list(shares.values())) / total, seed)
    parts = {}
    for index, name in enumerate(shares):
        chosen = sorted(i for g, group in enumerate(groups) if owner[g] == index for i in group)
        samples = tuple(dataset.samples[i] for i in chosen)
        parts[name] = Dataset(dataset.classes, samples)
    return parts


def _counts(dataset: Dataset, groups: list[list[int]]) -> np.ndarray:
    """[groups, classes + 1]: boxes of each class, and last the number of pictures."""
    counts = np.zeros((len(groups), len(dataset.classes) + 1))
    for g, group in enumerate(groups):
        for i in group:
            np.add.at(counts[g], dataset.samples[i].labels, 1)
            counts[g, -1] += 1
    return counts


def _stratify(counts: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """The part of each group; every part gets at least one."""
    rng = np.random.default_rng(seed)
    wanted = counts.sum(0)[None, :] * shares[:, None]
    owner = np.full(len(counts), -1)
    shuffled = rng.permutation(len(counts))

    def give(group: int, part: int) -> None:
        owner[group] = part
        wanted[part] -= counts[group]

    while (owner < 0).any():
        left = shuffled[owner[shuffled] < 0]
        there = counts[left].sum(0)
        # The last column, pictures, decides where no class is left.
        named = np.flatnonzero(there[:-1] > 0)
        column = named[np.argmin(there[named])] if named.size else counts.shape[1] - 1
        with_it = left[counts[left, column] > 0]
        # Rich pictures first: what is left over is then easy to balance.
        for group in with_it[np.argsort(-counts[with_it, column], kind="stable")]:
            lacking = wanted[:, column]
            best = np.flatnonzero(lacking == lacking.max())
            pictures = wanted[best, -1]
            give(int(group), int(best[np.argmax(pictures)]))
    for part in range(len(shares)):
        if not (owner == part).any():
            rich = np.bincount(owner, minlength=len(shares)).argmax()
            poorest = min(np.flatnonzero(owner == rich), key=lambda g: counts[g].sum())
            give(int(poorest), part)
    return owner
