"""Paddle's inference models: ``.pdmodel`` with ``.pdiparams`` beside it, read by OpenVINO.

Field numbers are those of Paddle's framework.proto (ProgramDesc, BlockDesc, OpDesc, VarDesc).
"""

from __future__ import annotations

from pathlib import Path

from oakwright.errors import UnreadableModel
from oakwright.files import read_bounded

from ..wire import Value, WireError, fields, message, text
from .errors_text import unsupported_by_front_end
from .model import Source

_LARGEST = 2 << 30


def from_paddle(path: Path) -> Source:
    """Read ``model.pdmodel``; its weights must lie beside it as ``model.pdiparams``.

    Raises UnreadableModel for damaged files, UnsupportedModel for unknown operations.
    """
    import openvino as ov

    data = memoryview(read_bounded(path, _LARGEST))
    try:
        operations, has_weights = _outline(data)
        if not operations:
            raise WireError("it has no operations")
    except WireError as error:
        raise UnreadableModel(
            f"{path} is no Paddle program, or a damaged one: {error}",
            remedy="save it again with paddle.jit.save or paddle.static.save_inference_model",
            path=str(path),
        ) from None
    weights = path.with_suffix(".pdiparams")
    if has_weights and not weights.is_file():
        raise UnreadableModel(
            f"{path} lacks its weights: there is no {weights}",
            remedy="put the .pdiparams beside it, under the same name",
            path=str(path),
        )
    try:
        model = ov.Core().read_model(str(path))
    except Exception as error:
        nodes = {str(index): (kind, f"{kind} #{index}") for index, kind in enumerate(operations)}
        raise unsupported_by_front_end(error, str(path), nodes) from error
    return Source(model, "paddle", path.stem, "Paddle")


def _outline(data: memoryview) -> tuple[list[str], bool]:
    """The operations, and whether weights are kept beside the program."""
    operations, has_weights = [], False
    for number, block in fields(data):
        if number != 1:
            continue
        for inner, part in message(block):
            if inner == 4:  # OpDesc: 3 = type
                operations += [text(value) for key, value in message(part) if key == 3]
            elif inner == 3:
                has_weights |= _is_weight(part)
    return operations, has_weights


def _is_weight(value: Value) -> bool:
    """A persistable variable other than feed and fetch (VarDesc: 1 = name, 3 = persistable)."""
    name, is_kept = "", False
    for number, part in message(value):
        if number == 1:
            name = text(part)
        elif number == 3 and isinstance(part, int):
            is_kept = bool(part)
    return is_kept and name not in ("feed", "fetch")
