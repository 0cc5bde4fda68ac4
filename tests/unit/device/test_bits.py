"""Counted bits, against Python's own."""

import numpy as np

from oakwright.device.blocks.bits import count_bits


def test_every_byte_is_counted_as_python_counts_it():
    values = np.arange(256, dtype=np.uint8).reshape(8, 32)
    counted = count_bits(values)
    assert counted.shape == (8, 32)
    assert counted.dtype == np.uint8
    assert counted.ravel().tolist() == [bin(number).count("1") for number in range(256)]


def test_a_view_that_is_not_contiguous_is_counted_too():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)[:, ::3]
    assert np.array_equal(count_bits(values)[1], [bin(n).count("1") for n in values[1].tolist()])
