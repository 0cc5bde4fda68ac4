"""What ``oakwright run`` feeds a blob: arrays, pictures, folders and videos, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from oakwright.blob import BlobReader
from oakwright.errors import OakwrightError, UsageError

from .pictures import (
    PICTURES,
    VIDEOS,
    count_frames,
    fit,
    frames,
    frames_per_second,
    load_arrays,
)


@dataclass(frozen=True)
class Frame:
    """One run of the blob: ``picture`` is what boxes are drawn on, ``error`` why it cannot be."""

    name: str
    arrays: Mapping[str, np.ndarray]
    picture: np.ndarray | None = None
    error: OakwrightError | None = None


class Feed:
    """The frames that ``--input`` words ask for; arrays and single pictures go into every one.

    Raises UsageError for words that do not fit the blob, UnreadableModel for bad files.
    """

    def __init__(self, blob: BlobReader, texts: tuple[str, ...]) -> None:
        self.specs = {info.name: info.spec for info in blob.inputs}
        self.fixed: dict[str, np.ndarray] = {}
        self.moving: dict[str, Path] = {}
        self.still: tuple[str, np.ndarray] | None = None
        for text in texts:
            self._add(*self._named(text))
        missing = [n for n in self.specs if n not in self.fixed and n not in self.moving]
        if missing:
            raise UsageError(
                f"no data for input {', '.join(missing)}",
                remedy="give --input NAME=PATH for each input",
                key="input",
            )

    @property
    def video(self) -> Path | None:
        """The first video among the inputs."""
        return next((p for p in self.moving.values() if p.suffix.lower() in VIDEOS), None)

    @property
    def fps(self) -> float:
        """Frames per second of that video; 30 where it does not say."""
        return frames_per_second(self.video) if self.video else 30.0

    def total(self, limit: int | None) -> int | None:
        """How many frames come, where that can be told."""
        counts = [count_frames(path) for path in self.moving.values()]
        known = [n for n in counts if n is not None]
        if len(set(known)) > 1:
            words = ", ".join(
                f"{p}: {n}" for p, n in zip(self.moving.values(), counts, strict=True)
            )
            click.secho(
                f"warning: inputs of different length ({words}); the shortest ends", err=True
            )
        return min([*known, *([limit] if limit else [])], default=None if self.moving else 1)

    def frames(self, limit: int | None) -> Iterator[Frame]:
        """Every frame. One picture of a folder that cannot be read is a frame with an error."""
        if not self.moving:
            name, picture = self.still or ("result", None)
            yield Frame(name, self.fixed, picture)
            return
        together = zip(*(frames(path) for path in self.moving.values()), strict=False)
        for index, row in enumerate(together):
            if limit is not None and index >= limit:
                return
            name, first = row[0]
            bad = next((picture for _, picture in row if isinstance(picture, OakwrightError)), None)
            if bad is not None:
                yield Frame(name, {}, error=bad)
                continue
            arrays = {
                at: fit(picture, self.specs[at].shape, self.specs[at].layout)
                for at, (_, picture) in zip(self.moving, row, strict=True)
            }
            yield Frame(name, {**self.fixed, **arrays}, first)

    def _named(self, text: str) -> tuple[str, Path]:
        """``NAME=PATH``, or a path alone; names may hold ``=`` themselves."""
        for name in sorted(self.specs, key=len, reverse=True):
            if text.startswith(f"{name}="):
                return name, Path(text[len(name) + 1 :])
        if "=" in text and not Path(text).exists():
            known = ", ".join(self.specs)
            raise UsageError(f"--input {text} names no input", remedy=f"the blob has {known}")
        return "", Path(text)

    def _add(self, name: str, path: Path) -> None:
        if not path.exists():
            raise UsageError(f"there is no {path}", remedy="check the path", key="input")
        suffix = path.suffix.lower()
        if suffix == ".npz":
            self._add_archive(name, path)
            return
        name = name or self._only_free(path)
        if name in self.fixed or name in self.moving:
            raise UsageError(
                f"input '{name}' has its data already, and {path} is for it too",
                remedy="give each input once",
            )
        if suffix == ".npy":
            self.fixed[name] = self._shaped(name, load_arrays(path), str(path))
        elif path.is_dir() or suffix in VIDEOS:
            self.moving[name] = path
        elif suffix in PICTURES:
            ((label, picture),) = frames(path)
            if isinstance(picture, OakwrightError):
                raise picture
            spec = self.specs[name]
            self.fixed[name] = fit(picture, spec.shape, spec.layout)
            self.still = self.still or (label, picture)
        else:
            raise UsageError(
                f"{path} is neither picture, video, .npy nor .npz",
                remedy=f"known are {', '.join((*PICTURES, *VIDEOS))}",
            )

    def _only_free(self, path: Path) -> str:
        free = [n for n in self.specs if n not in self.fixed and n not in self.moving]
        if not free:
            raise UsageError(
                f"every input has its data already; {path} is one too many",
                remedy=f"the blob has {', '.join(self.specs)}",
            )
        if len(free) > 1:
            names = ", ".join(self.specs)
            raise UsageError(f"which input is {path} for?", remedy=f"say NAME=PATH: {names}")
        return free[0]

    def _add_archive(self, name: str, path: Path) -> None:
        arrays = load_arrays(path)
        if len(arrays) == 1 and not set(arrays) & set(self.specs):
            # numpy.savez calls a lone array 'arr_0': it can only be for the one input.
            arrays = {name or self._only_free(path): next(iter(arrays.values()))}
        for key, array in arrays.items():
            if key not in self.specs:
                raise UsageError(
                    f"{path} holds '{key}', the blob has inputs {', '.join(self.specs)}",
                    remedy="save the arrays by those names: numpy.savez(path, **{name: array})",
                )
            self.fixed[key] = self._shaped(key, array, f"{path}['{key}']")

    def _shaped(self, name: str, array: np.ndarray, what: str) -> np.ndarray:
        """The array with the input's axes: axes of 1 come and go, a flat array is taken in order.

        Anything else of the same size would be read in the wrong order, and nobody would see.
        """
        shape = tuple(self.specs[name].shape)
        plain = [n for n in array.shape if n != 1]
        if plain == [n for n in shape if n != 1] or array.shape == (int(np.prod(shape)),):
            return array.reshape(shape)
        remedy = f"the axes are {self.specs[name].layout}"
        if array.ndim == 3 and array.transpose(2, 0, 1).shape == shape[-3:]:
            remedy += "; yours looks like HWC: numpy.transpose(array, (2, 0, 1))"
        if array.ndim == 4 and array.transpose(0, 3, 1, 2).shape == shape:
            remedy += "; yours looks like NHWC: numpy.transpose(array, (0, 3, 1, 2))"
        raise UsageError(
            f"{what} has the shape {array.shape}, input '{name}' takes {shape}",
            remedy=remedy,
            key="input",
        )


@contextmanager
def progress(total: int | None, quiet: bool) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr for more than a handful of frames; gives what advances it."""
    if quiet or (total is not None and total <= 5):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("running", total=total)
        yield lambda: bar.advance(task)
