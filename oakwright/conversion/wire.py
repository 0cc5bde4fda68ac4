"""The protobuf wire format, read with bounds: ONNX, TensorFlow, Paddle and Caffe are made of it.

Rule of this file: nothing here trusts a length. It needs no protobuf package and copies no data:
what stands between a hostile file and the real parser. Source: the encoding chapter of Protocol
Buffers' documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

Value = int | memoryview
Field = tuple[int, Value]


class WireError(Exception):
    """The bytes are no protobuf message; the text says where and why."""


def fields(data: memoryview, start: int = 0) -> Iterator[Field]:
    """(field number, value) of one message; value is an int or a view of its bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at, start)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise WireError(f"field number 0 at byte {start + at}")
        if wire == 0:
            value, at = varint(data, at, start)
            yield number, value
            continue
        if wire == 2:
            size, at = varint(data, at, start)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise WireError(f"wire type {wire} at byte {start + at}")
        if size > len(data) - at:
            raise WireError(
                f"a field of {size} bytes at byte {start + at} runs past the end of the file"
            )
        yield number, data[at : at + size]
        at += size


def varint(data: memoryview, at: int, start: int = 0) -> tuple[int, int]:
    """(number, where it ends); ``start`` is added to places in errors."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise WireError(f"the file ends inside a number at byte {start + at}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise WireError(f"a number of more than 10 bytes at byte {start + at}")


def text(value: Value) -> str:
    """A string field; what is no UTF-8 is shown as such."""
    if isinstance(value, int):
        raise WireError("a number where text was expected")
    return bytes(value).decode("utf-8", "replace")


def message(value: Value) -> Iterator[Field]:
    """The fields of a message field."""
    if isinstance(value, int):
        raise WireError("a number where a message was expected")
    return fields(value)


def packed(data: memoryview) -> Iterator[int]:
    """The numbers of a packed repeated field."""
    at = 0
    while at < len(data):
        value, at = varint(data, at, 0)
        yield value
