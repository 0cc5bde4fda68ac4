"""The data's pictures, decoded once: in memory, else on disk, else each time anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from oakwright.dataset import Dataset, read_image

from .augment import fit
from .template import Model

# Crops are cut from pictures a half larger than the input: none is blown up by much.
STRETCH = 1.5
# How much of what is free may be taken.
_SHARE = 0.25


class Pictures:
    """Pictures of ``dataset`` as uint8 [height, width, 3] in the model's colour order.

    ``stretch`` is their size in units of the input. :attr:`kind` says where they are kept:
    in memory, on disk, or not at all. ``sharers``: processes of this machine that each keep them.
    """

    def __init__(
        self, dataset: Dataset, model: Model, stretch: float = 1.0, *, sharers: int = 1
    ) -> None:
        self.dataset, self.is_rgb = dataset, model.color == "RGB"
        self.height, self.width = round(model.height * stretch), round(model.width * stretch)
        shape = (len(dataset), self.height, self.width, 3)
        size = int(np.prod(shape, dtype=np.int64))
        share = _SHARE / max(1, sharers)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._store: np.ndarray | None = None
        if size < share * _free_memory():
            self.kind = "in memory"
            self._store = np.empty(shape, np.uint8)
        elif size < share * _free_disk() and self._reserve(shape):
            self.kind = "on disk"
        else:
            self.kind = "decoded each time"
        self._is_here = np.zeros(len(dataset), bool)

    def _reserve(self, shape: tuple[int, ...]) -> bool:
        """A file of that size: writing into one with holes ends the process on a full disk."""
        self._folder = tempfile.TemporaryDirectory(prefix="oakwright-pictures-")
        place = Path(self._folder.name) / "pictures"
        try:
            with place.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, int(np.prod(shape, dtype=np.int64)))
            self._store = np.memmap(place, np.uint8, "r+", shape=shape)
        except OSError:
            self.close()
            return False
        return True

    def __getitem__(self, index: int) -> np.ndarray:
        """One picture. Raises DatasetError if it is gone or damaged."""
        if self._store is None:
            return self._decode(index)
        if not self._is_here[index]:
            self._store[index] = self._decode(index)
            self._is_here[index] = True
        return np.asarray(self._store[index])

    def _decode(self, index: int) -> np.ndarray:
        picture = fit(read_image(self.dataset.samples[index].path), self.width, self.height)
        return np.ascontiguousarray(picture[..., ::-1]) if self.is_rgb else picture

    def close(self) -> None:
        """Give the disk back."""
        self._store = None
        if self._folder is not None:
            self._folder.cleanup()


def _free_disk() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free


def _free_memory() -> float:
    """Bytes that can be had without pushing anyone out."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf"):
        return 0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 4 << 30
