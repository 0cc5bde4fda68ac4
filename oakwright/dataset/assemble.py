"""Parts as stated by their files to one checked dataset: sizes, corners, classes, ids."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

import numpy as np

from oakwright.errors import DatasetError, UsageError

from .findings import Finding, in_order
from .image import Header, read_header, turn_boxes
from .part import Box, Part, Picture
from .sample import Dataset, Sample

# Tools round and count pixels differently; that much beyond the border is no mistake.
BORDER = 1.0
# A side shorter than this has no pixel of its own.
LEAST_SIDE = 0.5


def assemble(parts: Sequence[Part], classes: Sequence[str] | None) -> tuple[Dataset, list[Finding]]:
    """One dataset of what is sound in ``parts``, and everything found wrong, errors included.

    Raises UsageError where ``classes`` names something that no part has.
    """
    for part in parts:
        _tell_if_all_are_missing(part)
    chosen, differing = _classes(parts, classes)
    place_of = {name: index for index, name in enumerate(chosen)}
    samples: list[Sample] = []
    findings: list[Finding] = list(differing)
    numbers = [picture.key for part in parts for picture in part.pictures]
    keep_ids = None not in numbers and len(set(numbers)) == len(numbers)
    seen: dict[str, str] = {}
    for part in parts:
        for picture in part.pictures:
            try:
                header = read_header(picture.path)
            except DatasetError as error:
                reason = error.where.get("reason", error.message)
                part.note(picture.place, f"picture {picture.path}: {reason}")
                continue
            if str(picture.path) in seen:
                part.note(picture.place, f"picture {picture.path} is listed twice", is_error=False)
            seen[str(picture.path)] = part.file
            number = picture.key if keep_ids else len(samples)
            assert number is not None
            samples.append(_sample(part, picture, header, number, place_of))
        findings += part.all_findings()
    findings = in_order(findings)
    odd = tuple(finding for finding in findings if not finding.is_error)
    is_declared = all(part.is_declared for part in parts)
    return Dataset(tuple(chosen), tuple(samples), odd, is_declared), findings


def _tell_if_all_are_missing(part: Part) -> None:
    """A wrong root is one mistake, not as many as there are pictures."""
    pictures = part.pictures
    if len(pictures) > 1 and not any(picture.path.is_file() for picture in pictures):
        text = f"none of its {len(pictures)} pictures is there; the first is {pictures[0].path}"
        part.findings.append(Finding(part.file, 0, f"{text}: is the root right?"))
        part.pictures = []


def _classes(
    parts: Sequence[Part], classes: Sequence[str] | None
) -> tuple[list[str], list[Finding]]:
    known = list(dict.fromkeys(name for part in parts for name in part.names))
    declared = [part for part in parts if part.is_declared]
    if len(declared) < len(parts):
        # Names gathered from boxes have no order of their own: that of reading would depend on it.
        known.sort()
    differing = []
    for part in declared:
        if classes is None:
            lacking = [name for name in declared[0].names if name not in part.names]
            more = [name for name in part.names if name not in declared[0].names]
            words = ", ".join([*(f"no '{n}'" for n in lacking), *(f"also '{n}'" for n in more)])
            text = f"its classes differ from those of {declared[0].file}: {words}"
        else:
            words = ", ".join(f"no '{n}'" for n in classes if n in known and n not in part.names)
            text = f"it has not all the classes asked for: {words}"
        if words:
            differing.append(Finding(part.file, 0, text, is_error=classes is None))
    if classes is None:
        return known, differing
    wanted = [name.strip() for name in classes]
    if len(set(wanted)) != len(wanted) or not all(wanted):
        raise UsageError(f"the classes {', '.join(wanted)} are not one name each", key="classes")
    for name in wanted:
        if name not in known and len(declared) < len(parts):
            text = f"no box is of the class '{name}'"
            differing.append(Finding(parts[0].file, 0, text, is_error=False))
        elif name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise UsageError(
                f"there is no class '{name}' in {', '.join(part.file for part in parts)}",
                remedy=f"did you mean '{near[0]}'? "
                if near
                else f"known are {', '.join(known[:20]) or 'none'}",
                key="classes",
            )
    return wanted, differing


def _sample(
    part: Part, picture: Picture, header: Header, number: int, place_of: dict[str, int]
) -> Sample:
    boxes = [box for box in picture.boxes if box.name in place_of]
    corners = np.array([box.corners for box in boxes], np.float64).reshape(-1, 4)
    size = header.width, header.height
    if picture.is_relative:
        corners = corners * [*size, *size]
    elif picture.stated not in (None, size):
        if picture.stated == (header.stored_width, header.stored_height):
            # Drawn by a tool that did not turn the picture: they turn with it.
            corners = turn_boxes(corners, header)
        else:
            assert picture.stated is not None
            stated = "x".join(map(str, picture.stated))
            text = f"{picture.path} is {size[0]}x{size[1]}, not {stated}: the boxes may not fit"
            part.note(picture.place, text)
    keep = [i for i, box in enumerate(boxes) if _is_sound(part, picture, box, corners[i], size)]
    limits = np.array([*size, *size], np.float64)
    kept = np.clip(corners[keep], 0, limits).astype(np.float32)
    areas = np.array([boxes[i].area for i in keep], np.float64)
    if (areas < 0).any():
        sides = (kept[:, 2:] - kept[:, :2]).astype(np.float64)
        areas = np.where(areas < 0, sides[:, 0] * sides[:, 1], areas)
    return Sample(
        path=picture.path,
        image_id=number,
        width=size[0],
        height=size[1],
        boxes=kept,
        labels=np.array([place_of[boxes[i].name] for i in keep], np.int64),
        crowd=np.array([boxes[i].crowd for i in keep], bool),
        stated_areas=areas,
    )


def _is_sound(
    part: Part, picture: Picture, box: Box, corners: np.ndarray, size: tuple[int, int]
) -> bool:
    """Whether a box can be used; what is wrong with it is noted."""
    x0, y0, x1, y1 = corners.tolist()
    what = f"box {box.name} of {picture.path.name}"
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        part.note(box.place, f"{what}: a coordinate is not a number")
        return False
    shown = f"[{x0:.6g}, {y0:.6g}, {x1:.6g}, {y1:.6g}]"
    if x1 < x0 or y1 < y0:
        part.note(box.place, f"{what}: {shown} has a negative side")
        return False
    width, height = size
    if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        part.note(box.place, f"{what}: {shown} lies outside the picture, {width}x{height}")
        return False
    if min(x1, width) - max(x0, 0) < LEAST_SIDE or min(y1, height) - max(y0, 0) < LEAST_SIDE:
        part.note(box.place, f"{what}: {shown} is empty, left out", is_error=False)
        return False
    if min(x0, y0) < -BORDER or x1 > width + BORDER or y1 > height + BORDER:
        text = f"{what}: {shown} reaches out of the picture, {width}x{height}, and is cut"
        part.note(box.place, text, is_error=False)
    return True
