"""What lies in a folder: its format and its parts, by the layouts that tools export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oakwright.errors import DatasetError, UsageError
from oakwright.files import PathLike

from .read import split_list
from .yolo import parts_of, split_part

# What the folders and files of a part are called.
WORDS = {"train": ("train", "training"), "val": ("valid", "val", "validation"), "test": ("test",)}
MAX_JSON = 512 * 1024**2


@dataclass(frozen=True)
class Found:
    """Parts of a dataset: ``train``, ``val``, ``test``, or ``all`` of one not split.

    Each is (annotations, root) as :func:`oakwright.dataset.read` takes them.
    """

    format: str
    parts: dict[str, tuple[str, Path]]


def discover(folder: PathLike) -> Found:
    """The dataset in ``folder``: YOLO's data.yaml, COCO json, or Pascal VOC.

    Raises DatasetError where there is none, or it cannot be told which file is which part.
    """
    place = Path(folder)
    if not place.is_dir():
        raise DatasetError(f"there is no folder {place}", path=str(place))
    for name, look in (("yolo", _yolo), ("coco", _coco), ("voc", _voc)):
        parts = look(place)
        if parts:
            return Found(name, parts)
    raise DatasetError(
        f"{place} has no dataset that is known",
        remedy="wanted: a data.yaml, .json files of COCO's kind (here, in annotations/ or in"
        " train/, valid/, test/), or Annotations/ of VOC; or name files and roots",
        path=str(place),
    )


def _yolo(folder: Path) -> dict[str, tuple[str, Path]]:
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        file = folder / name
        if file.is_file():
            parts = parts_of(file)
            if parts:
                return {part: (f"{file}:{part}", folder) for part in parts}
    return {}


def _coco(folder: Path) -> dict[str, tuple[str, Path]]:
    found: dict[str, list[tuple[str, Path]]] = {}
    for file in _json_files(folder):
        first = _first_picture(file)
        if first is not None:
            part = _part_of(file.relative_to(folder))
            found.setdefault(part, []).append((str(file), _root(folder, file, part, first)))
    several = next((files for files in found.values() if len(files) > 1), None)
    if several:
        names = ", ".join(name for name, _ in several)
        raise DatasetError(
            f"{folder} has several files for one part: {names}",
            remedy="name the files and their roots",
            path=str(folder),
        )
    return {part: files[0] for part, files in found.items()}


def _json_files(folder: Path) -> Iterator[Path]:
    places = [folder, folder / "annotations", folder / "Annotations"]
    places += [folder / word for words in WORDS.values() for word in words]
    for place in places:
        yield from sorted(place.glob("*.json"))


def _first_picture(file: Path) -> str | None:
    """The first picture's name of a COCO json, none where it is something else."""
    try:
        if file.stat().st_size > MAX_JSON:
            return None
        whole = json.loads(file.read_text("utf-8-sig"))
        if {"images", "annotations", "categories"} <= whole.keys():
            return str(whole["images"][0]["file_name"])
    # Not COCO's, whatever it is; the folder may be full of other json.
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        pass
    return None


def _part_of(path: Path) -> str:
    """By the file's name, or the folder's it lies in."""
    for text in (path.stem.lower(), *(folder.lower() for folder in path.parts[:-1])):
        found = {part for part, words in WORDS.items() if any(word in text for word in words)}
        if len(found) == 1:
            return found.pop()
    return "all"


def _root(folder: Path, file: Path, part: str, first: str) -> Path:
    """The folder from which the first picture is found."""
    places = [file.parent, folder, folder / "images"]
    for word in (*WORDS.get(part, ()), file.stem, file.stem.removeprefix("instances_")):
        places += [folder / word, folder / "images" / word, folder / f"{word}2017"]
    return next((place for place in places if (place / first).is_file()), file.parent)


def _voc(folder: Path) -> dict[str, tuple[str, Path]]:
    pictures = folder / "JPEGImages"
    if not pictures.is_dir():
        pictures = folder / "images" if (folder / "images").is_dir() else folder
    listed = {
        part: folder / "ImageSets" / "Main" / f"{word}.txt"
        for part, words in WORDS.items()
        for word in words
        if (folder / "ImageSets" / "Main" / f"{word}.txt").is_file()
    }
    if listed and (folder / "Annotations").is_dir():
        return {part: (str(file), pictures) for part, file in listed.items()}
    for place in (folder / "Annotations", folder / "annotations", folder):
        if any(place.glob("*.xml")):
            return {"all": (str(place), pictures)}
    return {
        part: (str(folder / word), folder / word)
        for part, words in WORDS.items()
        for word in words
        if any((folder / word).glob("*.xml"))
    }


def sources(
    sets: Sequence[str], roots: Sequence[str] = ()
) -> dict[str, tuple[list[str], list[str]]]:
    """Named sets of what a command line names: (annotations, roots) as ``read`` takes them.

    Each of ``sets`` is a folder that :func:`discover` knows, whose parts keep their names, or
    files of annotations with commas, named after the first; ``roots`` are then theirs, one text
    for each of those or one for all. Raises DatasetError, UsageError.
    """
    named: dict[str, tuple[list[str], list[str]]] = {}
    files = [entry for entry in sets if not _is_whole(entry)]
    if roots and len(roots) not in (1, len(files)):
        raise UsageError(f"{len(files)} sets and {len(roots)} roots", key="root")
    root_of = dict(zip(files, roots if len(roots) != 1 else list(roots) * len(files), strict=False))
    for entry in sets:
        if entry not in files:
            for part, (file, place) in discover(entry).parts.items():
                named[_unused(part, named)] = ([file], [str(place)])
            continue
        names = split_list(entry)
        if not names:
            raise UsageError("a set needs a folder or a file of annotations")
        stem = split_part(names[0])[1] or Path(names[0]).stem or names[0]
        root = split_list(root_of[entry]) if entry in root_of else []
        named[_unused(stem, named)] = (names, root)
    return named


def _is_whole(entry: str) -> bool:
    """Whether it is a folder to look into, not one of VOC's xml."""
    path = Path(entry)
    return path.is_dir() and not any(path.glob("*.xml"))


def _unused(name: str, named: Mapping[str, object]) -> str:
    number = 2
    wanted = name
    while wanted in named:
        wanted, number = f"{name}{number}", number + 1
    return wanted
