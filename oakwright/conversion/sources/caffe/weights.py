"""The numbers of a ``.caffemodel``, read from the wire format with bounds.

Field numbers are those of caffe.proto (NetParameter, LayerParameter, V1LayerParameter,
BlobProto, BlobShape).
"""

from __future__ import annotations

import math

import numpy as np

from ...wire import Value, WireError, fields, message, packed, text

_MOST_ELEMENTS = 1 << 30


def weights_of(data: bytes) -> dict[str, list[np.ndarray]]:
    """Arrays by layer, in f32. Raises WireError."""
    found: dict[str, list[np.ndarray]] = {}
    for number, value in fields(memoryview(data)):
        if number == 100:
            name, blobs = _layer(value, 1, 7)
        elif number == 2:  # the older form
            name, blobs = _layer(value, 4, 6)
        else:
            continue
        if blobs:
            found[name] = blobs
    return found


def _layer(value: Value, name_field: int, blobs_field: int) -> tuple[str, list[np.ndarray]]:
    name, blobs = "", []
    for number, part in message(value):
        if number == name_field:
            name = text(part)
        elif number == blobs_field:
            blobs.append(_blob(part))
    return name, blobs


def _blob(value: Value) -> np.ndarray:
    shape: list[int] = []
    legacy = {1: 0, 2: 0, 3: 0, 4: 0}
    pieces: list[np.ndarray] = []
    for number, part in message(value):
        if number in legacy and isinstance(part, int):
            legacy[number] = part
        elif number == 7:
            for key, sizes in message(part):
                if key == 1:
                    shape += [sizes] if isinstance(sizes, int) else list(packed(sizes))
        elif number in (5, 8) and not isinstance(part, int):
            kind = np.dtype("<f4" if number == 5 else "<f8")
            if len(part) % kind.itemsize:
                raise WireError(f"weights of {len(part)} bytes are no whole numbers")
            pieces.append(np.frombuffer(part, kind))
    data = pieces[0] if len(pieces) == 1 else np.concatenate(pieces) if pieces else np.empty(0)
    if not shape and any(legacy.values()):
        shape = [max(size, 1) for size in legacy.values()]
    if math.prod(shape) > _MOST_ELEMENTS or math.prod(shape) != data.size:
        raise WireError(f"weights of shape {shape} with {data.size} numbers")
    return data.astype(np.float32).reshape(shape)
