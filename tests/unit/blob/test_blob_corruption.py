"""Damaged blobs: a BlobError with an offset inside the file, or a blob; never anything else."""

import struct
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oakwright.blob import Blob, diff, to_json
from oakwright.errors import BlobError, NotABlob, TruncatedBlob
from tests.unit.blob.assembler import Assembler, small, u32

CORPUS = sorted((Path(__file__).parents[2] / "corpus" / "blobs").glob("*.blob"))
BLOBS = {path.stem: path.read_bytes() for path in CORPUS}


def read_all(data):
    """Read everything; the blob, or what is wrong with it. Any other exception fails the test."""
    found = None
    try:
        blob = Blob.from_bytes(data)
        blob.check()
    except BlobError as error:
        found = error
    if found is None:
        return blob
    assert 0 <= found.offset <= len(data)
    return found


@pytest.mark.parametrize("name", BLOBS)
def test_every_truncation_is_refused(name):
    data = BLOBS[name]
    for size in range(len(data)):
        with pytest.raises(TruncatedBlob) as caught:
            Blob.from_bytes(data[:size])
        assert caught.value.offset <= size


@pytest.mark.shared
def test_every_truncation_of_the_vendors_small_blobs(shared_data):
    small_ones = [p for p in (shared_data / "blobs").glob("*.blob") if p.stat().st_size < 10_000]
    assert len(small_ones) >= 4
    for path in small_ones:
        data = path.read_bytes()
        for size in range(len(data)):
            with pytest.raises(TruncatedBlob):
                Blob.from_bytes(data[:size])


@pytest.mark.parametrize("name", BLOBS)
def test_a_cut_with_the_size_mended_is_refused_too(name):
    """The header says what is there: then a section is missing, or the constants are short."""
    data = BLOBS[name]
    for size in range(132, len(data), 4):
        cut = data[:56] + u32(size) + data[60:size]
        found = read_all(cut)
        if isinstance(found, Blob):
            # Only padding behind the last constant was lost.
            assert len(data) - size < 64


@pytest.mark.parametrize("name", BLOBS)
def test_every_word_set_to_its_extremes(name):
    data = bytearray(BLOBS[name])
    for at in range(0, len(data) - 3, 4):
        kept = bytes(data[at : at + 4])
        for value in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            data[at : at + 4] = u32(value)
            read_all(bytes(data))
        data[at : at + 4] = kept


names = st.sampled_from(sorted(BLOBS))
places = st.integers(0, 6143)


@settings(max_examples=400, deadline=2000)
@given(
    names, st.lists(st.tuples(places, st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)
)
@example("blur--6", [(52, b"\0")])
def test_overwritten_bytes(name, changes):
    data = bytearray(BLOBS[name])
    for at, new in changes:
        at %= len(data)
        data[at : at + len(new)] = new
    del data[len(BLOBS[name]) :]
    tell_all(read_all(bytes(data)))


@settings(max_examples=300, deadline=2000)
@given(names, places, st.binary(max_size=64), st.integers(0, 64))
def test_inserted_and_deleted_bytes(name, at, new, gone):
    data = BLOBS[name]
    at = 60 + at % (len(data) - 60)
    changed = data[:at] + new + data[at + gone :]
    changed = changed[:56] + u32(len(changed)) + changed[60:]
    tell_all(read_all(changed))


@settings(max_examples=200)
@given(st.binary(max_size=2048))
def test_any_bytes_behind_a_header(data):
    start = BLOBS["blur--6"][:132]
    tell_all(read_all(start[:56] + u32(132 + len(data)) + start[60:] + data))


def tell_all(found):
    """What reads can also be told, in every way there is."""
    if isinstance(found, Blob):
        found.validate()
        assert found.describe()
        assert to_json(found)["size"] == found.size
        assert diff(found, found) == []


def corrupt(offset, value, build=small):
    data = bytearray(build().build())
    struct.pack_into("<I", data, offset, value & 0xFFFFFFFF)
    return bytes(data)


STAGES = Blob.from_bytes(small().build()).header.stage_section_offset


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (STAGES, 0, "stage 0 of 0 bytes"),
        (STAGES, 0xFFFFFFFF, "are left"),
        (STAGES + 12, 0, "0 bytes of parameters"),
        (STAGES + 12, 1 << 30, "bytes of parameters"),
        (STAGES + 4, 19, "not repeated"),
        (76, 0xFFFFFFFF, "too short for 4294967295 stages"),
        (76, 4, "stage 3 of 0 bytes"),
        (76, 1, "behind the last stage"),
    ],
)
def test_named_damage(offset, value, message):
    with pytest.raises(BlobError, match=message):
        Blob.from_bytes(corrupt(offset, value)).check()


def test_border_word():
    data = small().build()
    at = data.index(u32(0x7F83FF19))
    with pytest.raises(BlobError, match="no border word") as caught:
        Blob.from_bytes(corrupt(at, 0)).check()
    assert caught.value.offset == at


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        (0, 5, "5 is no DataType"),
        (1, 0x44, "does not name 4 axes"),
        (1, 0x9321, "does not name 4 axes"),
        (1, 0x54321, "does not name 4 axes"),
        (2, 0, "rank 0"),
        (2, 9, "rank 9"),
        (3, 6, "6 is no Location"),
        (4, 0xFFFFFFFC, "beyond"),
        (6, 1 << 20, "beyond"),
    ],
)
def test_named_damage_of_a_description(word, value, message):
    data = small().build()
    at = 192 + 12 + 16 + 4 * word  # the first input's description
    with pytest.raises(BlobError, match=message) as caught:
        Blob.from_bytes(data[:at] + u32(value) + data[at + 4 :])
    assert 192 <= caught.value.offset < 256


@pytest.mark.parametrize(
    ("dims", "strides", "message"),
    [
        ([4, 0], [2, 8], "dimension of 0"),
        ([1 << 31, 2], [2, 1 << 31], "bytes"),
        ([4, 4], [2, 0], "overlap"),
        ([1 << 16, 1 << 16], [0, 0], "overlap"),
    ],
)
def test_impossible_tensors(dims, strides, message):
    a = Assembler()
    a.io(1, "x", dims, strides=strides)
    with pytest.raises(BlobError, match=message):
        Blob.from_bytes(a.build())


def test_other_magic():
    with pytest.raises(NotABlob):
        Blob.from_bytes(corrupt(52, 0))
