"""COCO json: the list of images, of annotations and of categories in one file.

The format: https://cocodataset.org/#format-data; boxes are [left, top, width, height] in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oakwright.errors import DatasetError

from .lines import MAX_JSON, json_lines, parse_json, read_text, unreadable
from .part import Box, Part, Picture, Place, inside, is_name


def read_coco(path: Path, root: Path) -> Part:
    """One COCO json. What is wrong with single entries is noted in the part.

    Raises DatasetError where the file as a whole is no COCO json.
    """
    text = read_text(path, MAX_JSON)
    whole = parse_json(text, path)
    if not isinstance(whole, dict) or not isinstance(whole.get("images"), list):
        raise unreadable(path, "it is JSON, but not COCO's: it has no list 'images'")
    for section in ("annotations", "categories"):
        if not isinstance(whole.get(section), list):
            raise unreadable(path, f"it is JSON, but not COCO's: it has no list '{section}'")

    def locate(places: Iterable[Place]) -> dict[Place, int]:
        by_section: dict[str, list[int]] = {}
        for section, index in places:
            by_section.setdefault(section, []).append(index)
        return {
            (section, index): line
            for section, wanted in by_section.items()
            for index, line in json_lines(text, section, wanted).items()
        }

    part = Part(str(path), root, [], locate=locate)
    names = _categories(whole["categories"], part)
    part.names = [names[key] for key in sorted(names, key=_order)]
    pictures = _images(whole["images"], root, part)
    _annotations(whole["annotations"], names, pictures, part)
    return part


def _entries(part: Part, section: str, entries: list[Any]) -> Iterable[tuple[Place, Any, Any]]:
    """(place, id, entry) of the usable objects of a section."""
    for index, entry in enumerate(entries):
        place = (section, index)
        if not isinstance(entry, dict):
            part.note(place, f"{section}[{index}] is not an object")
            continue
        key = entry.get("id")
        is_key = isinstance(key, (int, str)) and not isinstance(key, bool)
        if section != "annotations" and not is_key:
            part.note(place, f"{section}[{index}] has no id")
            continue
        yield place, key, entry


def _categories(entries: list[Any], part: Part) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for place, key, entry in _entries(part, "categories", entries):
        name = entry.get("name")
        if not is_name(name):
            part.note(place, f"category {key} has no usable name")
        elif key in names:
            part.note(place, f"category id {key} is there twice: {names[key]} and {name}")
        elif name in names.values():
            part.note(place, f"the name {name} is there twice")
        else:
            names[key] = name
    return names


def _images(entries: list[Any], root: Path, part: Part) -> dict[Any, Picture]:
    pictures: dict[Any, Picture] = {}
    for place, key, entry in _entries(part, "images", entries):
        name = entry.get("file_name")
        if key in pictures:
            part.note(place, f"image id {key} is there twice")
            continue
        if not isinstance(name, str):
            part.note(place, f"image {key} has no file_name")
            continue
        try:
            path = inside(root, name)
        except DatasetError as error:
            part.note(place, f"image {key}: {error.message}")
            continue
        size = entry.get("width"), entry.get("height")
        stated = size if all(isinstance(v, int) and 0 < v < 2**31 for v in size) else None
        # A 64-bit number, or it is counted anew.
        number = key if isinstance(key, int) and 0 <= key < 2**63 else None
        pictures[key] = Picture(path, number, stated, place)
    part.pictures = list(pictures.values())
    return pictures


def _annotations(
    entries: list[Any], names: dict[Any, str], pictures: dict[Any, Picture], part: Part
) -> None:
    # Entries already complained about must not be reported again through those that use them.
    broken_images = {place for place, _, _ in part.notes if place[0] == "images"}
    broken_names = {place for place, _, _ in part.notes if place[0] == "categories"}
    for place, key, entry in _entries(part, "annotations", entries):
        what = f"annotation {key}" if isinstance(key, (int, str)) else f"annotations[{place[1]}]"
        image, category, box = (entry.get(k) for k in ("image_id", "category_id", "bbox"))
        picture = pictures.get(image) if isinstance(image, (int, str)) else None
        name = names.get(category) if isinstance(category, (int, str)) else None
        if picture is None:
            if not broken_images:
                part.note(place, f"{what}: there is no image with the id {image!r}")
        elif name is None:
            if not broken_names:
                part.note(place, f"{what}: there is no category with the id {category!r}")
        elif not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            part.note(place, f"{what}: bbox is not four numbers")
        else:
            x, y, w, h = map(float, box)
            crowd = entry.get("iscrowd") in (1, True)
            area = entry.get("area")
            # Zeros are what tools write that do not know.
            area = float(area) if _is_number(area) and 0 < area < 1e12 else -1.0
            picture.boxes.append(Box((x, y, x + w, y + h), name, crowd, place, area))


def _is_number(value: object) -> bool:
    # An integer beyond float's range is no coordinate either.
    return (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63) or (
        isinstance(value, float)
    )


def _order(key: Any) -> tuple[bool, Any]:
    return isinstance(key, str), key
