"""Files of annotations and folders of pictures to one Dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from oakwright.errors import DatasetError, UsageError
from oakwright.files import PathLike

from .assemble import assemble
from .coco import read_coco
from .findings import Finding, in_order, refuse
from .part import Part
from .sample import Dataset
from .voc import picture_root, read_voc
from .yolo import parts_of, reader_of, split_part


def read(
    ann_files: PathLike | Sequence[PathLike],
    roots: PathLike | Sequence[PathLike] | None = None,
    classes: str | Sequence[str] | None = None,
) -> Dataset:
    """The dataset of one or several files of annotations.

    Args:
        ann_files: COCO json; a folder of Pascal VOC xml, or a list of ImageSets/Main; YOLO's
            data.yaml, its part after a colon (``data.yaml:val``). A text is split at commas, as
            the tutorial's flags have it.
        roots: the folders that the files' picture names start from: one for each, or one for
            all. The file's own folder by default; for VOC, JPEGImages or images near it.
        classes: the names wanted, in this order; boxes of others are left out. All that the
            files have, by default, in the order of their ids; several files must then agree.

    Every header is opened, so a dataset that is returned has all its pictures. Raises
    DatasetError with every error found, by file and line; UsageError for classes or roots that
    make no sense.
    """
    dataset, findings = survey(ann_files, roots, classes)
    refuse(findings)
    return dataset


def survey(
    ann_files: PathLike | Sequence[PathLike],
    roots: PathLike | Sequence[PathLike] | None = None,
    classes: str | Sequence[str] | None = None,
) -> tuple[Dataset, list[Finding]]:
    """As :func:`read`, but errors come in a list, beside a dataset of what is sound."""
    parts, findings = [], []
    for reader, file, root in _jobs(ann_files, roots):
        try:
            parts.append(reader(file, root))
        except DatasetError as error:
            text = error.where.get("reason", error.message)
            named = error.where.get("path", str(file))
            findings.append(Finding(named, error.where.get("line", 0), text))
    if not parts:
        return Dataset((), ()), findings
    dataset, found = assemble(parts, split_list(classes) if classes is not None else None)
    return dataset, in_order([*findings, *found])


def joined(
    sources: Mapping[str, tuple[list[str], list[str]]],
    classes: str | Sequence[str] | None = None,
) -> Dataset:
    """Everything of several named sets (``dataset.sources``) as one dataset."""
    files: list[str] = []
    roots: list[str] = []
    for names, places in sources.values():
        for index, name in enumerate(names):
            files.append(name)
            roots.append(places[index % len(places)] if places else str(default_root(name)))
    return read(files, roots, classes)


def split_list(value: PathLike | Sequence[PathLike]) -> list[str]:
    """``"a, b"``, one path or a sequence as a list of texts; only a text is split."""
    if isinstance(value, os.PathLike):
        return [os.fspath(value)]
    entries = value.split(",") if isinstance(value, str) else [os.fspath(entry) for entry in value]
    return [entry.strip() for entry in entries if entry.strip()]


def _jobs(
    ann_files: PathLike | Sequence[PathLike], roots: PathLike | Sequence[PathLike] | None
) -> list[tuple[Callable[[Path, Path], Part], Path, Path]]:
    """(reader, file, root) of each file of annotations."""
    names = split_list(ann_files)
    if not names:
        raise UsageError("no file of annotations is named", key="ann_files")
    folders: list[Path | None] = [Path(name) for name in split_list(roots)] if roots else [None]
    if len(folders) == 1:
        folders *= len(names)
    if len(folders) != len(names):
        raise UsageError(
            f"{len(names)} files of annotations and {len(folders)} roots",
            remedy="name one root for each file, or one for all",
            key="roots",
        )
    return [_job(name, root) for name, root in zip(names, folders, strict=True)]


def default_root(name: str) -> Path:
    """Where the pictures of annotations lie if nobody says: beside them, or as VOC has it."""
    path, _ = split_part(name)
    is_voc = path.is_dir() or path.suffix.lower() == ".txt"
    return picture_root(path) if is_voc else path.parent


def _job(name: str, root: Path | None) -> tuple[Callable[[Path, Path], Part], Path, Path]:
    path, part = split_part(name)
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return reader_of(part), path, root or default_root(name)
    if path.is_dir() or suffix == ".txt":
        return read_voc, path, root or default_root(name)
    if suffix == ".json":
        return read_coco, path, root or default_root(name)
    if not path.exists():
        stem, _, part = name.rpartition(":")
        if Path(stem).is_file():
            raise UsageError(
                f"{stem} has no part {part!r}",
                remedy=f"of it can be named: {', '.join(parts_of(Path(stem)))}",
                key="ann_files",
            )
        raise DatasetError(f"there is no file or folder {name}", path=str(path))
    raise UsageError(
        f"{name} is no kind of annotations that is known",
        remedy="known are COCO .json, a folder of VOC .xml, a VOC list .txt and YOLO's data.yaml",
        key="ann_files",
    )
