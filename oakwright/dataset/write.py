"""A dataset as COCO json, Pascal VOC or YOLO files: a folder that stands for itself."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from oakwright.errors import OutputError, UsageError
from oakwright.files import PathLike, write_all_aside

from .sample import Dataset, Sample

FORMATS = ("coco", "voc", "yolo")


def convert(
    parts: Mapping[str, Dataset], folder: PathLike, to: str, *, link: bool = False
) -> tuple[list[Path], list[str]]:
    """Write named parts (``{"train": ..., "val": ...}``) into ``folder`` in another format.

    Pictures are copied, or linked (``link``); annotations come last, so that a folder that has
    them is whole. Gives the files of annotations and what the format could not hold.
    Raises UsageError for parts that do not fit together, OutputError.
    """
    if to not in FORMATS:
        raise UsageError(f"'{to}' is no format; known are {', '.join(FORMATS)}", key="to")
    classes = next(iter(parts.values())).classes
    if any(part.classes != classes for part in parts.values()):
        raise UsageError("the parts have different classes", remedy="read them with one --classes")
    folder = Path(folder)
    texts: dict[PathLike, str] = {}
    notes: list[str] = []
    for name, part in parts.items():
        names = picture_names(part)
        if to == "coco":
            texts[folder / f"{name}.json"] = coco_text(part, names)
            images = folder / name
        elif to == "voc":
            images = folder / "JPEGImages"
            names = {sample.path: _flat(names[sample.path], name) for sample in part.samples}
            texts.update(_voc_texts(folder, name, part, names))
        else:
            images = folder / "images" / name
            texts.update(_yolo_texts(folder, name, part, names))
            crowds = sum(int(sample.crowd.sum()) for sample in part.samples)
            if crowds:
                notes.append(f"{name}: {crowds} crowd or difficult boxes left out; YOLO has none")
        if to != "coco":
            _refuse_same_stems(names)
        _place_pictures(part, names, images, link)
    if to == "yolo":
        texts[folder / "data.yaml"] = _data_yaml(list(parts), classes)
    # What a trainer is given by name comes first: the list of parts, or of a part's pictures.
    each = ("Annotations", "labels")
    return sorted(
        write_all_aside(texts), key=lambda path: path.relative_to(folder).parts[0] in each
    ), notes


def picture_names(dataset: Dataset) -> dict[Path, str]:
    """Each picture's name from the folder that all have in common, with / between folders."""
    paths = [sample.path for sample in dataset.samples]
    if not paths:
        return {}
    top = picture_root(dataset)
    return {path: _plain(path).relative_to(top).as_posix() for path in paths}


def picture_root(dataset: Dataset) -> Path:
    """The folder that all pictures have in common."""
    return Path(os.path.commonpath([_plain(sample.path).parent for sample in dataset.samples]))


def _plain(path: Path) -> Path:
    """Absolute, but not resolved: a set of links keeps the links' names."""
    return Path(os.path.normpath(path.absolute()))


def coco_text(dataset: Dataset, names: Mapping[Path, str]) -> str:
    """COCO json, one entry a line; ``names`` are the pictures' file_name."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for sample in dataset.samples:
        images.append(
            {
                "id": sample.image_id,
                "file_name": names[sample.path],
                "width": sample.width,
                "height": sample.height,
            }
        )
        rows = zip(sample.boxes, sample.labels, sample.crowd, sample.areas, strict=True)
        for box, label, crowd, area in rows:
            x0, y0, x1, y1 = box.astype(float)
            sides = [_short(v) for v in (x0, y0, x1 - x0, y1 - y0)]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": sample.image_id,
                    "category_id": int(label) + 1,
                    "bbox": sides,
                    "area": _short(float(area)),
                    "iscrowd": int(crowd),
                }
            )
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(dataset.classes)]
    sections = {"images": images, "annotations": annotations, "categories": categories}
    body = ",\n".join(f'"{key}": {_lines(entries)}' for key, entries in sections.items())
    return f"{{\n{body}\n}}\n"


def _lines(entries: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"


def _voc_texts(
    folder: Path, part: str, dataset: Dataset, names: Mapping[Path, str]
) -> dict[PathLike, str]:
    texts: dict[PathLike, str] = {}
    for sample in dataset.samples:
        name = names[sample.path]
        texts[folder / "Annotations" / f"{Path(name).stem}.xml"] = _voc_text(sample, name, dataset)
    listed = "".join(f"{Path(names[sample.path]).stem}\n" for sample in dataset.samples)
    texts[folder / "ImageSets" / "Main" / f"{part}.txt"] = listed
    return texts


def _voc_text(sample: Sample, name: str, dataset: Dataset) -> str:
    lines = [
        "<annotation>",
        f"  <filename>{escape(name)}</filename>",
        f"  <size><width>{sample.width}</width><height>{sample.height}</height>"
        "<depth>3</depth></size>",
    ]
    for box, label, crowd in zip(sample.boxes, sample.labels, sample.crowd, strict=True):
        x0, y0, x1, y1 = box.astype(float)
        # Pixels counted from 1, the last one included.
        corners = {"xmin": x0 + 1, "ymin": y0 + 1, "xmax": x1, "ymax": y1}
        lines += [
            "  <object>",
            f"    <name>{escape(dataset.classes[label])}</name>",
            f"    <difficult>{int(crowd)}</difficult>",
            "    <bndbox>"
            + "".join(f"<{key}>{_short(value)}</{key}>" for key, value in corners.items())
            + "</bndbox>",
            "  </object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


def _yolo_texts(
    folder: Path, part: str, dataset: Dataset, names: Mapping[Path, str]
) -> dict[PathLike, str]:
    texts: dict[PathLike, str] = {}
    for sample in dataset.samples:
        kept = ~sample.crowd
        x0, y0, x1, y1 = (sample.boxes[kept].astype(float) / _sides(sample)).T
        rows = zip(sample.labels[kept], (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, strict=True)
        text = "".join(f"{c} {x:.9g} {y:.9g} {w:.9g} {h:.9g}\n" for c, x, y, w, h in rows)
        texts[(folder / "labels" / part / names[sample.path]).with_suffix(".txt")] = text
    return texts


def _sides(sample: Sample) -> list[int]:
    return [sample.width, sample.height, sample.width, sample.height]


def _data_yaml(parts: list[str], classes: tuple[str, ...]) -> str:
    lines = [f"{part}: images/{part}" for part in parts]
    # JSON's strings are YAML's: no name is taken for a number or a tag.
    names = [f"  {index}: {json.dumps(name)}" for index, name in enumerate(classes)]
    return "\n".join([*lines, "names:", *names, ""])


def _short(value: float) -> float | int:
    """Whole numbers without a point; others as float32 tells them apart."""
    return int(value) if float(value).is_integer() else float(f"{value:.9g}")


def _flat(name: str, part: str) -> str:
    """VOC has one folder for all parts: folders become a part of the name."""
    return f"{part}_{name.replace('/', '_')}"


def _refuse_same_stems(names: Mapping[Path, str]) -> None:
    """a.jpg and a.png would share one file of labels."""
    stems = Counter(str(Path(name).with_suffix("")) for name in names.values())
    for stem, count in stems.most_common(1):
        if count > 1:
            raise UsageError(
                f"{count} pictures are called {stem}, but for their endings",
                remedy="rename them, or write coco",
            )


def _place_pictures(dataset: Dataset, names: Mapping[Path, str], folder: Path, link: bool) -> None:
    for sample in dataset.samples:
        target = folder / names[sample.path]
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and target.samefile(sample.path):
                continue
            aside = target.with_name(f".{target.name}.part")
            aside.unlink(missing_ok=True)
            if link:
                aside.symlink_to(sample.path.absolute())
            else:
                shutil.copyfile(sample.path, aside)
            aside.replace(target)
        except OSError as error:
            raise OutputError(
                f"cannot write {target}: {error.strerror or error}",
                remedy="check that the folder is writable and the disk is not full",
                path=str(target),
            ) from error
