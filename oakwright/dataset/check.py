"""Everything that is wrong with one or several sets, told at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oakwright.errors import DatasetError
from oakwright.files import PathLike

from .duplicates import find_twins
from .findings import Finding, in_order
from .image import read_header, read_image
from .read import survey
from .sample import Dataset, Sample

# Kinds of pictures that can have 16 bits.
_DEEP = (".png", ".tif", ".tiff")

# (annotations, roots) as read() takes them.
Source = tuple[PathLike | Sequence[PathLike], PathLike | Sequence[PathLike] | None]


@dataclass(frozen=True)
class Checked:
    """The sound part of each set, and everything found; ``is_sound``: no error among it."""

    sets: Mapping[str, Dataset]
    findings: Sequence[Finding] = field(default=())

    @property
    def is_sound(self) -> bool:
        """Whether training can use it as it is."""
        return not any(finding.is_error for finding in self.findings)


def check(
    sources: Mapping[str, Source],
    classes: str | Sequence[str] | None = None,
    *,
    pictures: bool = True,
) -> Checked:
    """Read named sets (``train``, ``val``, ...) and look for whatever is wrong.

    Beyond what reading finds: classes that differ between the sets or have no box, and, with
    ``pictures``, which decodes them all: pictures that are cut off, 16-bit pictures that are
    nearly black in 8, pictures of one set that are in another too. Raises UsageError for
    ``classes`` that no file has.
    """
    sets: dict[str, Dataset] = {}
    findings: list[Finding] = []
    for name, (files, roots) in sources.items():
        sets[name], found = survey(files, roots, classes)
        findings += found
    findings += _classes(sets)
    if pictures:
        samples = [(name, sample) for name, each in sets.items() for sample in each.samples]
        for path in dict.fromkeys(sample.path for _, sample in samples):
            findings += _picture(path)
        findings += _twins(samples)
    return Checked(sets, tuple(in_order(findings)))


def _classes(sets: Mapping[str, Dataset]) -> list[Finding]:
    findings = []
    names = list(sets)
    first = sets[names[0]].classes
    for name in names[1:]:
        other = sets[name].classes
        words = [f"no '{c}'" for c in first if c not in other]
        words += [f"also '{c}'" for c in other if c not in first]
        if words and first and other:
            text = f"its classes differ from those of {names[0]}: {', '.join(words)}"
            # A part of VOC's that has no box of a class does not know of it; others should.
            is_error = sets[name].is_declared and sets[names[0]].is_declared
            findings.append(Finding(name, 0, text, is_error))
    for name, dataset in sets.items():
        if not dataset.samples:
            continue  # Why there are none is an error of its own.
        counts = np.zeros(len(dataset.classes), int)
        for sample in dataset.samples:
            np.add.at(counts, sample.labels[~sample.crowd], 1)
        for label in np.flatnonzero(counts == 0):
            text = f"no box is of the class '{dataset.classes[label]}'"
            findings.append(Finding(name, 0, text, is_error=False))
    return findings


def _picture(path: Path) -> list[Finding]:
    """What only decoding tells."""
    import cv2
    from PIL import Image

    try:
        read_header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # OpenCV fills what is cut off with grey and says nothing that a program could hear.
            with Image.open(path) as opened:
                opened.load()
        read_image(path)
    except DatasetError as error:
        return [Finding(str(path), 0, error.where.get("reason", error.message))]
    except Exception as error:
        return [Finding(str(path), 0, f"it is damaged: {error}")]
    if path.suffix.lower() not in _DEEP:
        return []
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if stored is not None and stored.dtype == np.uint16 and stored.max() < 4096:
        text = f"16 bits a value, but the greatest is {stored.max()}: nearly black in 8 bits"
        return [Finding(str(path), 0, text, is_error=False)]
    return []


def _twins(samples: list[tuple[str, Sample]]) -> list[Finding]:
    findings = []
    for twin in find_twins([sample for _, sample in samples]):
        (first_set, first), (second_set, second) = samples[twin.first], samples[twin.second]
        if first_set == second_set and first.path == second.path:
            continue  # listed twice, which reading has said
        how = "the same picture as" if twin.bits < 0 else "looks the same as"
        what = f"{how} {first.path}"
        if first_set != second_set:
            # Bytes that were trained on tell nothing in a test; looks may mislead.
            what += f", which is in {first_set}: scores on {second_set} will flatter"
        is_error = first_set != second_set and twin.bits < 0
        findings.append(Finding(str(second.path), 0, what, is_error=is_error))
    return findings
