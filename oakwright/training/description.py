"""What an exported detector needs to be run: its classes, what its input and its outputs mean.

A small JSON text. It travels inside an IR (``rt_info``) and an ONNX file (``metadata_props``) under
the key ``oakwright_detector``, and beside a file as ``<stem>.detector.json``: the only place for a
blob, which has room for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from oakwright.errors import CheckpointError, TemplateError
from oakwright.files import PathLike

from .template import Template

KEY = "oakwright_detector"
VERSION = 1
_LONGEST = 1 << 22

# Float numbers, (byte - mean) / scale of the template; or bytes as a camera sends them.
INPUTS = ("normalised", "frames")
# Rows of DetectionOutput; or offsets [A, 4] beside logits or probabilities [A, classes + 1].
OUTPUTS = ("rows", "logits", "probabilities")


@dataclass(frozen=True)
class Description:
    """How to use an exported detector.

    ``color`` is the order of its input's planes; ``outputs`` one of OUTPUTS, and ``names`` the
    outputs' names: of the rows, or of offsets and scores. Labels of rows count the classes from
    1, as 0 is the background. ``template`` has the anchors and what counts as a detection.
    """

    template: Template
    classes: tuple[str, ...]
    input: str
    color: str
    outputs: str
    names: tuple[str, ...]

    def to_json(self) -> str:
        """The text that :func:`parse` reads."""
        whole = {
            "kind": KEY,
            "version": VERSION,
            "classes": list(self.classes),
            "input": self.input,
            "color": self.color,
            "outputs": self.outputs,
            "names": list(self.names),
            "template": dict(self.template.data),
        }
        return json.dumps(whole, indent=1, ensure_ascii=False)


def beside(path: PathLike) -> Path:
    """Where the description of ``model.xml``, ``.bin``, ``.onnx`` or ``.blob`` lies."""
    return Path(path).with_suffix(".detector.json")


def parse(text: str, path: PathLike) -> Description:
    """Read a description. Raises CheckpointError with ``path``."""
    try:
        whole = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"it is not JSON: {error}") from error
    if not isinstance(whole, Mapping) or whole.get("kind") != KEY:
        raise _bad(path, "it is something else")
    if whole.get("version") != VERSION:
        raise _bad(path, f"its version is {whole.get('version')!r}, {VERSION} is known")
    for key, known in (("input", INPUTS), ("color", ("BGR", "RGB")), ("outputs", OUTPUTS)):
        if whole.get(key) not in known:
            raise _bad(path, f"{key} is {whole.get(key)!r}, not one of {', '.join(known)}")
    classes, names = whole.get("classes"), whole.get("names")
    if not _are_texts(classes) or not classes or len(set(classes)) != len(classes):
        raise _bad(path, "its classes are no list of different names")
    if not _are_texts(names) or len(names) != (1 if whole["outputs"] == "rows" else 2):
        raise _bad(path, "its names are not those of the outputs")
    try:
        template = Template.of(whole.get("template"), path)
    except TemplateError as error:
        raise _bad(path, f"its template: {error.message}") from error
    return Description(
        template=template,
        classes=tuple(classes),
        input=whole["input"],
        color=whole["color"],
        outputs=whole["outputs"],
        names=tuple(names),
    )


def read_beside(path: PathLike) -> Description:
    """The description beside a model's file. Raises CheckpointError where there is none."""
    place = beside(path)
    try:
        with place.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} does not say what it detects, and there is no {place.name} beside it",
            remedy="`oakwright export` writes it; keep the files of an export together",
            path=str(path),
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(place, str(error)) from error
    return parse(text, place)


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(v, str) and 0 < len(v) < 500 for v in value)


def _bad(path: PathLike, reason: str) -> CheckpointError:
    return CheckpointError(
        f"the description of a detector in {path} cannot be used: {reason}",
        remedy="export the checkpoint again with `oakwright export`",
        path=str(path),
        reason=reason,
    )
