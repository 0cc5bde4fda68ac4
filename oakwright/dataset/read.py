"""Files of annotations and folders of pictures to one Dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from oakwright.errors import DatasetError, UsageError
from oakwright.files import PathLike

from .assemble import assemble
from .coco import read_coco
from .findings import Finding, in_order, refuse
from .part import Part
from .sample import Dataset


def read(
    ann_files: PathLike | Sequence[PathLike],
    roots: PathLike | Sequence[PathLike] | None = None,
    classes: str | Sequence[str] | None = None,
) -> Dataset:
    """The dataset of one or several files of annotations.

    Args:
        ann_files: COCO json, each; a text is split at commas, as the tutorial's flags have it.
        roots: the folders that the files' picture names start from: one for each, or one for
            all. The file's own folder by default.
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
    for file, root in _pairs(ann_files, roots):
        try:
            parts.append(_reader(file)(file, root))
        except DatasetError as error:
            text = error.where.get("reason", error.message)
            findings.append(Finding(str(file), error.where.get("line", 0), text))
    if not parts:
        return Dataset((), ()), findings
    dataset, found = assemble(parts, split_list(classes) if classes is not None else None)
    return dataset, in_order([*findings, *found])


def split_list(value: PathLike | Sequence[PathLike]) -> list[str]:
    """``"a, b"``, one path or a sequence as a list of texts; only a text is split."""
    if isinstance(value, os.PathLike):
        return [os.fspath(value)]
    entries = value.split(",") if isinstance(value, str) else [os.fspath(entry) for entry in value]
    return [entry.strip() for entry in entries if entry.strip()]


def _pairs(
    ann_files: PathLike | Sequence[PathLike], roots: PathLike | Sequence[PathLike] | None
) -> list[tuple[Path, Path]]:
    files = [Path(name) for name in split_list(ann_files)]
    if not files:
        raise UsageError("no file of annotations is named", key="ann_files")
    if not roots:
        return [(file, file.parent) for file in files]
    folders = [Path(name) for name in split_list(roots)]
    if len(folders) == 1:
        folders *= len(files)
    if len(folders) != len(files):
        raise UsageError(
            f"{len(files)} files of annotations and {len(folders)} roots",
            remedy="name one root for each file, or one for all",
            key="roots",
        )
    return list(zip(files, folders, strict=True))


def _reader(file: Path) -> Callable[[Path, Path], Part]:
    if file.suffix.lower() == ".json":
        return read_coco
    raise DatasetError(
        f"{file} is no kind of annotations that is known",
        remedy="known are COCO json",
        path=str(file),
        reason="it is no kind of annotations that is known",
    )
