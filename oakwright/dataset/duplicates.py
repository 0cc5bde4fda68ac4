"""Pictures that are there twice: the same bytes, or the same to the eye.

The eye's measure is a difference hash: 16 x 16 signs of neighbours in a small grey copy, which
scaling, another format or compression hardly change (N. Krawetz, "Kind of like that", 2013).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oakwright.errors import DatasetError

from .image import read_image
from .sample import Sample

# Of 256 bits. bench/duplicate_pictures.py: 97 % of copies at half the size and JPEG quality 30 are
# nearer, and none of the 66,066 pairs of different pictures in a set of blood cells.
NEAR = 15
# 15 differing bits leave at least one of 16 bands of 16 bits equal, so nothing near is missed.
_BANDS = 16


@dataclass(frozen=True)
class Twins:
    """Two pictures, as places in the list that was given; ``bits`` differ, -1: the same bytes."""

    first: int
    second: int
    bits: int


def find_twins(samples: Sequence[Sample], near: int = NEAR) -> list[Twins]:
    """Every pair of pictures that are the same, or nearly: ``near`` bits of 256 at most.

    Pictures that cannot be decoded have only their bytes compared; pictures of one colour too.
    """
    digests: dict[bytes, int] = {}
    twins: list[Twins] = []
    codes: list[np.ndarray] = []
    places: list[int] = []
    for place, sample in enumerate(samples):
        digest = _digest(sample.path)
        if digest in digests:
            twins.append(Twins(digests[digest], place, -1))
            continue
        digests[digest] = place
        code = code_of(sample.path)
        if code is not None:
            codes.append(code)
            places.append(place)
    if codes:
        for a, b, bits in _near_pairs(np.stack(codes), near):
            twins.append(Twins(places[a], places[b], bits))
    return sorted(twins, key=lambda twin: (twin.first, twin.second))


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except AttributeError:  # Python 3.10
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}", path=str(path)) from error


def code_of(path: Path) -> np.ndarray | None:
    """32 bytes of a picture; none if it has no structure to tell it by."""
    import cv2

    try:
        picture = read_image(path)
    except DatasetError:
        return None
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA).astype(np.int16)
    if small.std() < 2:
        return None
    return np.packbits(small[:, 1:] > small[:, :-1])


def count_bits(values: np.ndarray) -> np.ndarray:
    """How many bits of uint8 [..., 32] are set, along the last axis."""
    counts: np.ndarray = _BITS[values].sum(-1)
    return counts


def _near_pairs(codes: np.ndarray, near: int) -> Iterator[tuple[int, int, int]]:
    """Pairs of rows of uint8 [n, 32] that differ in at most ``near`` bits, each once."""
    width = codes.shape[1] // _BANDS
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        part = codes[:, band * width : (band + 1) * width]
        order = np.lexsort(part.T)
        edges = np.flatnonzero((np.diff(part[order].astype(np.int16), axis=0) != 0).any(1)) + 1
        for group in np.split(order, edges):
            if len(group) > 1:
                yield from _within(codes, np.sort(group), near, seen)


def _within(
    codes: np.ndarray, group: np.ndarray, near: int, seen: set[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    for i, first in enumerate(group[:-1].tolist()):
        rest = group[i + 1 :]
        bits = count_bits(codes[first] ^ codes[rest])
        for second, count in zip(rest[bits <= near].tolist(), bits[bits <= near], strict=True):
            if (first, second) not in seen:
                seen.add((first, second))
                yield first, second, int(count)


_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)


def groups_of(count: int, twins: Iterable[Twins]) -> list[list[int]]:
    """0 .. count-1 in groups: whatever is connected by twins is together."""
    parent = list(range(count))

    def top(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for twin in twins:
        parent[top(twin.second)] = top(twin.first)
    groups: dict[int, list[int]] = {}
    for i in range(count):
        groups.setdefault(top(i), []).append(i)
    return list(groups.values())
