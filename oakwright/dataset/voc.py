"""Pascal VOC: one xml for each picture, lists of pictures in ImageSets/Main.

Corners are whole pixels counted from 1 and part of the box (the devkit's own measure of a width is
xmax - xmin + 1), so the box [xmin - 1, ymin - 1, xmax, ymax] covers the same pixels. Source: the
development kit's documentation, http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf.
"""

from __future__ import annotations

from pathlib import Path

from oakwright.errors import DatasetError

from .findings import Finding
from .image import SUFFIXES
from .lines import Element, parse_xml, read_text, unreadable
from .part import Box, Part, Picture, inside, is_name

MAX_FILES = 2_000_000


def read_voc(path: Path, root: Path) -> Part:
    """A folder of xml files, or a list of ImageSets/Main (``train.txt``) beside ``Annotations``.

    ``root`` holds the pictures. Raises DatasetError where there are none to read.
    """
    files = _listed(path) if path.is_file() else sorted(path.glob("*.xml"))
    if not files:
        raise unreadable(path, "it has no .xml files" if path.is_dir() else "it lists nothing")
    part = Part(str(path), root, [], is_declared=False)
    names: set[str] = set()
    for file in files[:MAX_FILES]:
        try:
            tree = parse_xml(read_text(file), file)
        except DatasetError as error:
            where = error.where
            part.findings.append(
                Finding(where["path"], where.get("line", 0), where.get("reason", error.message))
            )
            continue
        _read_one(tree, file, root, part, names)
    part.names = sorted(names)
    return part


def _listed(path: Path) -> list[Path]:
    """The xml files that a list names: the first word of each line, a -1 after it leaves it out."""
    folder = path.absolute().parent
    places = [folder, *folder.parents[:2]]
    home = next((p / "Annotations" for p in places if (p / "Annotations").is_dir()), None)
    if home is None:
        raise unreadable(path, "there is no folder 'Annotations' beside it or above it")
    files = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if not words or words[-1] == "-1":
            continue
        try:
            files.append(inside(home, f"{words[0]}.xml"))
        except DatasetError as error:
            raise unreadable(path, error.message, number) from error
    return files


def picture_root(path: Path) -> Path:
    """Where the pictures of ``path`` lie: VOC's JPEGImages, or the folder itself."""
    folder = path if path.is_dir() else path.absolute().parent
    for place in [folder, *folder.absolute().parents[:2]]:
        for name in ("JPEGImages", "images"):
            if (place / name).is_dir():
                return place / name
    return folder


def _read_one(tree: Element, file: Path, root: Path, part: Part, names: set[str]) -> None:
    if tree.tag != "annotation":
        part.findings.append(
            Finding(str(file), tree.line, f"it is XML, but not VOC's: the root is <{tree.tag}>")
        )
        return
    try:
        path = _picture_of(tree, file, root)
    except DatasetError as error:
        part.findings.append(Finding(str(file), tree.line, error.message))
        return
    place = (str(file), tree.line)
    picture = Picture(path, None, _stated_size(tree), place)
    for thing in tree.all("object"):
        name = _text(thing, "name")
        if not is_name(name):
            part.note((str(file), thing.line), "an object has no usable name")
            continue
        names.add(name)
        box = thing.find("bndbox")
        values = [_number(box, key) for key in ("xmin", "ymin", "xmax", "ymax")] if box else []
        if box is None or None in values:
            line = box.line if box else thing.line
            part.note((str(file), line), f"{name}: bndbox is not four numbers")
            continue
        x0, y0, x1, y1 = (float(v) for v in values if v is not None)
        hard = _text(thing, "difficult").lower() in ("1", "true")
        corners = (x0 - 1, y0 - 1, x1, y1)
        picture.boxes.append(Box(corners, name, hard, (str(file), box.line)))
    part.pictures.append(picture)


def _picture_of(tree: Element, file: Path, root: Path) -> Path:
    """By VOC's rule the picture has the xml's stem; <filename> counts where it is there."""
    named = _text(tree, "filename")
    if named:
        path = inside(root, named)
        if path.is_file():
            return path
    for suffix in (*SUFFIXES, *(s.upper() for s in SUFFIXES)):
        path = root / f"{file.stem}{suffix}"
        if path.is_file():
            return path
    return inside(root, named or f"{file.stem}.jpg")


def _stated_size(tree: Element) -> tuple[int, int] | None:
    size = tree.find("size")
    if size is None:
        return None
    width, height = _number(size, "width"), _number(size, "height")
    # Tools that do not know write zeros.
    return (int(width), int(height)) if width and height and 0 < width * height < 1e12 else None


def _text(element: Element, tag: str) -> str:
    found = element.find(tag)
    return found.text.strip() if found else ""


def _number(element: Element, tag: str) -> float | None:
    try:
        return float(_text(element, tag))
    except ValueError:
        return None
