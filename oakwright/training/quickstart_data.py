"""What a quickstart learns from: the parts of a folder, sound, and one to measure on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oakwright import dataset
from oakwright.errors import DatasetError
from oakwright.files import PathLike, write_aside

# Of pictures that come without a part to measure on.
SHARES = {"train": 0.8, "val": 0.2}
_EVERYTHING = ("train", "all")

# (annotations, roots) as dataset.read takes them.
Files = tuple[list[str], list[str]]


@dataclass(frozen=True)
class Parts:
    """To train on, to measure on, and what nothing looks at."""

    train: Files
    validation: Files
    test: Files | None = None


def flags(kind: str, files: Files) -> list[str]:
    """How a command line names a part."""
    more = [f"--{kind}-data-roots", ",".join(files[1])] if files[1] else []
    return [f"--{kind}-ann-files", ",".join(files[0]), *more]


def find_parts(
    data: PathLike,
    root: str | None,
    classes: str | Sequence[str] | None,
    say: Callable[[str], None],
) -> dict[str, Files]:
    """The named parts of the data, every one of them sound. Raises DatasetError, UsageError."""
    named = dataset.sources([str(data)], [root] if root else [])
    checked = dataset.check(named, classes)
    for name, part in checked.sets.items():
        boxes = sum(len(sample.boxes) for sample in part.samples)
        say(f"{name}: {len(part)} pictures, {boxes} boxes of {', '.join(part.classes)}")
    dataset.refuse(checked.findings)
    count = len(checked.findings)
    if count:
        say(f"{count} warnings; `oakwright dataset check {data}` lists them")
    return named


def choose_parts(
    data: PathLike,
    named: dict[str, Files],
    classes: str | Sequence[str] | None,
    place: Path,
    seed: int,
    begin: Callable[[str], None],
) -> Parts:
    """Which part is for what; one to measure on is split off where there is none.

    What is split is written into ``place`` as COCO files for the pictures where they are; ``begin``
    gets a line before that. Raises DatasetError where there is nothing to train on.
    """
    whole = next(name for name in (*_EVERYTHING, *named) if name in named)
    if len(named) > 1 and whole not in _EVERYTHING:
        raise DatasetError(
            f"{data} has the parts {', '.join(named)}, and none to train on",
            remedy="name a file of annotations as DATA, and --root, where its pictures lie",
            path=str(data),
        )
    test = named.get("test") if whole != "test" else None
    if "val" in named and whole != "val":
        return Parts(named[whole], named["val"], test)
    everything = dataset.joined({whole: named[whole]}, classes)
    parts = dataset.split(everything, SHARES, seed=seed)
    names, root = dataset.picture_names(everything), str(dataset.picture_root(everything))
    begin(f"no part to measure on: {', '.join(f'{n} {len(part)}' for n, part in parts.items())}")
    files = {
        name: write_aside(place / f"{name}.json", dataset.coco_text(part, names))
        for name, part in parts.items()
    }
    return Parts(([str(files["train"])], [root]), ([str(files["val"])], [root]), test)
