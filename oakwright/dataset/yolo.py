"""YOLO folders: a data.yaml with names and parts, a .txt of relative boxes for each picture.

A line is ``class x_center y_center width height``, in fractions of the upright picture; a line of
a polygon (``class x1 y1 x2 y2 x3 y3 ...``) stands for the box around it. Source:
https://docs.ultralytics.com/datasets/detect/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from oakwright.errors import DatasetError

from .findings import Finding
from .image import SUFFIXES
from .lines import parse_yaml, read_text, unreadable
from .part import Box, Part, Picture, inside, is_name

PARTS = ("train", "val", "test")
MAX_CLASSES = 100_000


def split_part(name: str) -> tuple[Path, str | None]:
    """``data.yaml:val`` is the part ``val`` of ``data.yaml``."""
    stem, colon, part = name.rpartition(":")
    return (Path(stem), part) if colon and part in PARTS else (Path(name), None)


def parts_of(path: Path) -> list[str]:
    """Which of train, val and test a data.yaml names. Raises DatasetError."""
    return [part for part in PARTS if _load(path)[0].get(part)]


def reader_of(part: str | None) -> Callable[[Path, Path], Part]:
    """A reader for one part of a data.yaml; with none, for its only one."""

    def read_yolo(path: Path, root: Path) -> Part:
        whole, lines = _load(path)
        there = [each for each in PARTS if whole.get(each)]
        chosen = part or (there[0] if len(there) == 1 else None)
        if chosen is None:
            which = " or ".join(f"{path.name}:{each}" for each in there) or "train, val or test"
            raise unreadable(path, f"it has several parts; say {which}" if there else
                             "it names no pictures: train, val or test")  # fmt: skip
        if chosen not in there:
            raise unreadable(path, f"it has no part '{chosen}'", lines.get(chosen, 0))
        names = _names(whole.get("names"), path, lines.get("names", 0))
        found = Part(f"{path}:{chosen}" if len(there) > 1 else str(path), root, names)
        for image in _images(whole, chosen, path, root, lines.get(chosen, 0)):
            _read_one(image, root, names, found)
        return found

    return read_yolo


def _load(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    whole, lines = parse_yaml(read_text(path, 1 << 20), path)
    if not isinstance(whole, dict):
        raise unreadable(path, "it is YAML, but not a data.yaml: names, and train, val or test")
    return whole, lines


def _names(value: Any, path: Path, line: int) -> list[str]:
    if isinstance(value, dict) and sorted(value, key=repr) == sorted(range(len(value)), key=repr):
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CLASSES:
        raise unreadable(path, "names is not a list of class names", line)
    # YAML reads an unquoted 7 or yes as something else.
    names = [str(name) for name in value]
    for name in names:
        if not is_name(name):
            raise unreadable(path, f"{name!r} is no class name", line)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise unreadable(path, f"the name {twice} is there twice", line)
    return names


def _images(whole: dict[str, Any], part: str, path: Path, root: Path, line: int) -> list[Path]:
    """The pictures of a part: of folders, or as listed in text files."""
    value = whole[part]
    images: list[Path] = []
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, str):
            raise unreadable(path, f"{part} is not a folder, a list of pictures, or several", line)
        try:
            place = _place(entry, whole.get("path"), root)
        except DatasetError as error:
            raise unreadable(path, error.message, line) from error
        if place.is_dir():
            images += sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES)
        elif place.is_file() and place.suffix == ".txt":
            for number, name in enumerate(read_text(place, 1 << 28).splitlines(), 1):
                if name.strip():
                    try:
                        images.append(inside(root, _within(name.strip())))
                    except DatasetError as error:
                        raise unreadable(place, error.message, number) from error
        else:
            raise unreadable(path, f"{part}: there is no folder or list {place}", line)
    if not images:
        raise unreadable(path, f"{part}: there are no pictures in {value}", line)
    return images


def _place(entry: str, base: Any, root: Path) -> Path:
    """Where a part lies. ``path`` counts where it leads into the root, as on the maker's machine
    it may have been anything; names that begin with ../ begin at the root, as Ultralytics has it.
    """
    if isinstance(base, str) and base:
        try:
            place = inside(root, f"{base}/{entry}")
        except DatasetError:
            place = root
        if place != root and place.exists():
            return place
    return inside(root, _within(entry))


def _within(name: str) -> str:
    return name[3:] if name.startswith("../") else name


def _label_file(image: Path, root: Path) -> Path:
    """images/a/b.jpg has its boxes in labels/a/b.txt: the last folder called images counts."""
    parts = list(image.relative_to(root).parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    else:
        if root.name == "images":
            return (root.parent / "labels" / Path(*parts)).with_suffix(".txt")
    return root.joinpath(*parts).with_suffix(".txt")


def _read_one(image: Path, root: Path, names: list[str], part: Part) -> None:
    file = _label_file(image, root)
    picture = Picture(image, None, None, (str(file), 0), is_relative=True)
    part.pictures.append(picture)
    if not file.is_file():
        # A picture of nothing has no file of labels.
        return
    try:
        text = read_text(file)
    except DatasetError as error:
        part.findings.append(
            Finding(str(file), error.where.get("line", 0), error.where.get("reason", error.message))
        )
        return
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        place = (str(file), number)
        try:
            values = [float(word) for word in words]
        except ValueError:
            part.note(place, "not all of the line are numbers")
            continue
        if len(values) != 5 and (len(values) < 7 or len(values) % 2 == 0):
            part.note(place, f"{len(values)} numbers; a box has 5, a polygon 7, 9, 11, ...")
            continue
        if not (values[0].is_integer() and 0 <= values[0] < len(names)):
            part.note(place, f"class {words[0]} is not one of the {len(names)} in names")
            continue
        picture.boxes.append(
            Box(_corners(values[1:]), names[int(values[0])], False, place),
        )


def _corners(values: list[float]) -> tuple[float, float, float, float]:
    if len(values) == 4:
        x, y, w, h = values
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2
    xs, ys = values[0::2], values[1::2]
    return _least(xs), _least(ys), -_least(-x for x in xs), -_least(-y for y in ys)


def _least(values: Iterable[float]) -> float:
    """The least value; not a number if one is none, which min() would hide."""
    values = list(values)
    return min(values) if all(v == v for v in values) else float("nan")
