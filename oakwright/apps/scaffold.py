"""``oakwright app new``: an application to begin with, as a folder of a script, tests and networks.

A template is a folder of texts beside this file; its words in ``${...}`` are filled in. The folder
is written aside and renamed: there is a whole one or none.
"""

from __future__ import annotations

import os
import re
import shutil
import string
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from oakwright.errors import OutputError, UnreadableModel, UsageError

from .network import Detector, Network, Recognizer, Successive
from .samples import (
    DETECTOR_LABELS,
    DETECTOR_SIZE,
    MOTION_CELLS,
    MOTION_SIZE,
    RECOGNIZER_NAMES,
    sample_blob,
)
from .words import (
    about,
    detector_node,
    expected_text,
    listed,
    next_steps,
    own_watch,
    successive_words,
    yolo_argument,
)

_PLACE = Path(__file__).with_name("templates")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LARGEST_PICTURE = 1 << 26
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
# The two-stage test's thing has two looks.
_DARK_OR_BRIGHT = """
    def __init__(self, dark=False):
        self.dark = dark
"""
# Whose sample has another name.
_SAMPLES = {"network": "motion"}
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Template:
    """A kind of application. ``networks``: which blobs it runs, by name."""

    line: str
    networks: tuple[str, ...]


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "one-stage": Template("A detector, its boxes on the picture it saw.", ("detector",)),
        "two-stage": Template(
            "A detector, and a second network that looks at each thing.",
            ("detector", "recognizer"),
        ),
        "multi-input": Template("A network with two inputs: what moves?", ("network",)),
        "host-sync": Template(
            "Large pictures and a small detector, brought together on the host.", ("detector",)
        ),
    }
)


def write(
    folder: str | Path,
    template: str = "one-stage",
    *,
    detector: Detector | None = None,
    recognizer: Recognizer | None = None,
    network: Successive | None = None,
    names: Sequence[str] = (),
    sample: str | Path | None = None,
    expected: Sequence[tuple[int, Box]] = (),
) -> list[Path]:
    """Write an application into a new folder; gives its files.

    ``detector`` and ``recognizer``: your own networks, which are copied; without them small sample
    networks are compiled, whose answers the tests know. ``network``: your own of ``multi-input``,
    given pictures that follow each other. ``names``: the recogniser's classes.
    ``sample``: a picture for the tests of your own detector, in which they look for ``expected``:
    label, and x0, y0, x1, y1 as shares of the picture that the application shows: for sources of
    16:9 the middle square, where the detector's input is square.

    Raises UsageError for a name, template or network that does not fit, or a folder that is there
    already; OutputError where it cannot be written. Nothing is overwritten.
    """
    place = _checked_place(folder)
    own: dict[str, Network | None] = {
        "detector": detector,
        "recognizer": recognizer,
        "network": network,
    }
    kind = _checked_kind(template, own, names)
    files: dict[str, bytes | str] = {}
    is_own = detector is not None
    for word in kind.networks:
        given = own[word]
        files[f"{word}.blob"] = (
            Path(given.blob).read_bytes()
            if given is not None
            else sample_blob(_SAMPLES.get(word, word))
        )
    if detector is not None and detector.settings is not None:
        files["detector.json"] = detector.settings.to_json()
    if sample is not None:
        picture = _checked_picture(sample, is_own)
        files[f"sample{picture.suffix.lower()}"] = picture.read_bytes()
    elif expected:
        raise UsageError("what is expected has no sample to be found in", key="sample")
    values = _values(place.name, template, detector, recognizer, network, names, expected)
    main, test = f"{template}/main", f"{template}/test_main"
    if network is not None:
        values |= successive_words(network)
        main, test = f"{template}/own", f"{template}/test_own"
    elif is_own:
        test = "shared/test_own"
    files["main.py"] = _filled(f"{main}.py", values)
    files["test_main.py"] = _filled(f"{test}.py", values)
    files["README.md"] = _filled("shared/README.md", values)
    return _write_folder(place, files)


def _values(
    title: str,
    template: str,
    detector: Detector | None,
    recognizer: Recognizer | None,
    network: Successive | None,
    names: Sequence[str],
    expected: Sequence[tuple[int, Box]],
) -> dict[str, str]:
    """Every word that stands in ``${...}`` in some template."""
    labels = detector.labels if detector is not None else DETECTOR_LABELS
    size = detector.size if detector is not None else (DETECTOR_SIZE, DETECTOR_SIZE)
    has_yolo = detector is not None and detector.settings is not None
    confidence = detector.threshold if detector is not None else 0.5
    values = {
        "title": title,
        "imports": "import json\n" if has_yolo else "",
        "labels": listed(labels),
        "known_labels": f"range({len(labels)})" if labels else "range(1000)",
        "detector_size": repr(size),
        "detector_color": detector.color if detector is not None else "BGR",
        "detector_node": detector_node(confidence, has_yolo),
        "confidence": repr(confidence),
        "yolo_argument": yolo_argument(has_yolo),
        "recognizer_color": recognizer.color if recognizer is not None else "BGR",
        "names": listed(names if recognizer is not None else RECOGNIZER_NAMES),
        "motion_size": str(MOTION_SIZE),
        "motion_cells": str(MOTION_CELLS),
        "expected": expected_text(expected),
        "red_choice": _DARK_OR_BRIGHT if template == "two-stage" else "",
        "red": "(20, 20, 110) if self.dark else (60, 60, 220)"
        if template == "two-stage"
        else "(40, 40, 200)",
        "about": about(template),
        "next": next_steps(template, detector is not None, network is not None),
    }
    values |= own_watch(template)
    values["rows"] = _rows(TEMPLATES[template], has_yolo)
    values["red_thing"] = _filled("shared/red_things.py", values)
    return values


def _rows(kind: Template, has_yolo: bool) -> str:
    rows = [f"| `{word}.blob` | the {word} |" for word in kind.networks]
    if has_yolo:
        rows.append("| `detector.json` | how the detector's numbers become boxes |")
    return "\n".join(rows) + "\n"


def _filled(name: str, values: Mapping[str, str]) -> str:
    text = (_PLACE / f"{name}.txt").read_text(encoding="utf-8")
    return string.Template(text).substitute(values)


def _checked_place(folder: str | Path) -> Path:
    place = Path(folder)
    if not _NAME.fullmatch(place.name):
        raise UsageError(
            f"'{place.name}' is no name for an application",
            remedy="begin with a letter, and go on with letters, digits, - and _ (64 at most)",
            key="name",
        )
    if os.path.lexists(place):
        raise UsageError(
            f"{place} is there already, and nothing is overwritten",
            remedy="choose another name, or remove it first",
            path=str(place),
        )
    return place


def _checked_kind(
    template: str,
    own: Mapping[str, Network | None],
    names: Sequence[str],
) -> Template:
    if template not in TEMPLATES:
        raise UsageError(
            f"there is no template '{template}'", remedy=f"one of {', '.join(TEMPLATES)}"
        )
    kind = TEMPLATES[template]
    for word, given in own.items():
        if given is not None and word not in kind.networks:
            raise UsageError(
                f"the template {template} has no {word}",
                remedy=f"it has a {' and a '.join(kind.networks)}",
                key=word,
            )
    detector, recognizer = own["detector"], own["recognizer"]
    if "recognizer" in kind.networks and (detector is None) != (recognizer is None):
        raise UsageError(
            "one network of your own and one sample do not fit together",
            remedy="give both, or neither",
            key="recognizer",
        )
    if names and recognizer is None:
        raise UsageError("class names were given without a recogniser", key="names")
    return kind


def _checked_picture(sample: str | Path, is_own: bool) -> Path:
    path = Path(sample)
    if not is_own:
        raise UsageError("a sample picture is for a detector of your own", key="sample")
    if path.suffix.lower() not in _PICTURES:
        raise UsageError(
            f"{path} is no picture ({', '.join(_PICTURES)})", key="sample", path=str(path)
        )
    if not path.is_file() or path.stat().st_size > _LARGEST_PICTURE:
        raise UnreadableModel(
            f"{path} is no file of at most {_LARGEST_PICTURE >> 20} MiB", path=str(path)
        )
    return path


def _write_folder(place: Path, files: Mapping[str, bytes | str]) -> list[Path]:
    aside = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (aside / name).write_bytes(data)
        # mkdtemp makes folders private; this one is the user's.
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o777 & ~umask)
        # A file or a filled folder that came meanwhile is an error here, not overwritten.
        aside.rename(place)
    except OSError as error:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        raise OutputError(
            f"cannot write {place}: {error.strerror or error}",
            remedy="check that its folder is writable and the disk is not full",
            path=str(place),
        ) from error
    return [place / name for name in files]
