"""What a reader of one format gives: names, pictures and boxes as its file states them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from oakwright.errors import DatasetError

from .findings import Finding

# Where something stands: (section, index) of one large file, which the part's ``locate`` turns
# into a line, or (file, line) where each picture has a file of its own.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, right, bottom as stated, not yet looked at; the class's name."""

    corners: tuple[float, float, float, float]
    name: str
    crowd: bool
    place: Place
    area: float = -1.0  # square pixels, below 0 where the file says nothing usable


@dataclass(slots=True)
class Picture:
    """A picture as stated: where it should lie, its size if the file gives one, its boxes.

    ``is_relative``: corners are fractions of the upright picture, as YOLO has them, not pixels.
    """

    path: Path
    key: int | None
    stated: tuple[int, int] | None
    place: Place
    is_relative: bool = False
    boxes: list[Box] = field(default_factory=list)


@dataclass
class Part:
    """One file of annotations (or one folder of small ones), read but not yet checked.

    ``is_declared``: the names are a list of the file's, not gathered from its boxes, so one that
    is missing is missing on purpose.
    """

    file: str
    root: Path
    names: list[str]
    is_declared: bool = True
    pictures: list[Picture] = field(default_factory=list)
    notes: list[tuple[Place, str, bool]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    locate: Callable[[Iterable[Place]], dict[Place, int]] | None = None

    def note(self, place: Place, text: str, is_error: bool = True) -> None:
        """Something wrong at a place of this part's file; its line is looked up at the end."""
        self.notes.append((place, text, is_error))

    def all_findings(self) -> list[Finding]:
        """Everything noted so far, with lines."""
        if self.locate is None:
            found = [Finding(*place, text, is_error) for place, text, is_error in self.notes]
        else:
            lines = self.locate({place for place, _, _ in self.notes}) if self.notes else {}
            found = [
                Finding(self.file, lines.get(place, 0), text, is_error)
                for place, text, is_error in self.notes
            ]
        return self.findings + found


def inside(root: Path, name: str) -> Path:
    """The path of a file that annotations name. Raises DatasetError if it leads out of ``root``.

    Links inside the root are the owner's own and may point anywhere.
    """
    normal = name.replace("\\", "/")
    if not normal.strip() or "\0" in normal:
        raise DatasetError(f"{name!r} is no file name")
    place = os.path.normpath(PurePosixPath(root.absolute(), normal))
    if not Path(place).is_relative_to(os.path.normpath(root.absolute())):
        raise DatasetError(f"the file name {name!r} leads out of {root}")
    # As the caller wrote the root: a dataset given by a relative path stays relative.
    return root / os.path.relpath(place, os.path.normpath(root.absolute()))


def is_name(value: object) -> bool:
    """Whether a value can be a class's name: printable text of reasonable length."""
    return isinstance(value, str) and 0 < len(value.strip()) <= 200 and value.isprintable()
