"""The protobuf wire format, written: models of TensorFlow, Paddle and Caffe for the tests."""

import struct

import numpy as np


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value) -> bytes:
    """One field: int and bool as varint, float as fixed 32, str and bytes with their length."""
    if isinstance(value, (bool, int, np.integer)):
        return varint(number << 3) + varint(int(value))
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(*parts) -> bytes:
    """Fields as (number, value) pairs."""
    return b"".join(field(number, value) for number, value in parts)


def packed_floats(values) -> bytes:
    return np.asarray(values, "<f4").tobytes()
