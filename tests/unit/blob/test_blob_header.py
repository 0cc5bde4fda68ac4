"""Headers, inputs and outputs, trailer: read as they stand, refused with a place."""

import struct

import numpy as np
import pytest

from oakwright.blob import Blob, DataType, TensorDesc
from oakwright.errors import BlobError, NotABlob, OutputError, TruncatedBlob, UsageError
from tests.unit.blob.assembler import INPUT, OUTPUT, Assembler, small, u32


def test_header_fields_have_the_files_values():
    blob = Blob.from_bytes(small().build())
    header = blob.header
    assert header.magic == 9709
    assert header.file_size == blob.size == len(blob.data)
    assert (header.ver_major, header.ver_minor, blob.version) == (6, 0, "6.0")
    assert (header.inputs_count, header.outputs_count, header.stages_count) == (1, 1, 3)
    assert (header.inputs_size, header.outputs_size) == (120, 480)
    assert (blob.shaves, blob.cmx_slices, blob.cmx_bytes) == (4, 2, 262144)
    assert (blob.bss_bytes, blob.batch_size) == (1 << 20, 1)
    assert (header.has_hw_stage, header.has_shave_stage, header.has_dma_stage) == (1, 1, 0)
    assert header.input_info_section_offset == 192
    assert header.stage_section_offset % 64 == 0


def test_io_specs_are_outermost_first():
    blob = Blob.from_bytes(small().build())
    assert str(blob.inputs[0].spec) == "image U8 1x4x5x6 NCHW"
    assert str(blob.outputs[0].spec) == "result FP16 1x8x5x6 NCHW"
    assert blob.inputs[0].size_bytes == 120
    assert str(blob.inputs[0]) == "image: U8 1x4x5x6 NCHW"


def test_second_input_starts_at_a_multiple_of_64():
    a = Assembler()
    a.io(INPUT, "a", [3])
    a.io(INPUT, "b", [3, 2], kind=2)
    a.io(OUTPUT, "out", [3])
    blob = Blob.from_bytes(a.build())
    assert [(i.index, i.name, i.offset) for i in blob.inputs] == [(0, "a", 0), (1, "b", 64)]
    assert blob.inputs[1].desc.dims == (3, 2)
    assert blob.inputs[1].spec.shape == (2, 3)
    assert blob.inputs[1].spec.layout == "NC"


@pytest.mark.parametrize(
    ("order", "dims", "axes", "shape"),
    [
        (0x4213, [3, 6, 5, 1], "NHWC", (1, 5, 6, 3)),
        (0x231, [6, 3, 5], "HCW", (5, 3, 6)),
        (0x43521, [6, 5, 2, 3, 1], "NCDHW", (1, 3, 2, 5, 6)),
        (0x654321, [1, 2, 3, 4, 5, 6], "6DNCHW", (6, 5, 4, 3, 2, 1)),
    ],
)
def test_orders(order, dims, axes, shape):
    a = Assembler()
    a.io(INPUT, "x", dims, order=order)
    desc = Blob.from_bytes(a.build()).inputs[0].desc
    assert (desc.axes, desc.order_name, desc.shape) == (axes, axes, shape)
    assert desc.dim("W") == dims[axes[::-1].index("W")]
    assert desc.dim("?", 7) == 7
    assert desc.is_default_order == (axes in ("NCDHW", "6DNCHW"))


def test_desc_measures_span_and_compactness():
    desc = TensorDesc(DataType.FP16, 0x4321, (6, 5, 4, 1), (2, 16, 80, 320))
    assert desc.element_count == 120
    assert desc.nbytes == 240
    assert desc.nbytes_span == 5 * 2 + 4 * 16 + 3 * 80 + 2
    assert not desc.is_compact
    assert desc.position("C") == 2
    assert desc.stride("C") == 80
    assert TensorDesc(DataType.U8, 0x43, (3, 2), (1, 3)).is_compact


@pytest.mark.parametrize("size", range(132))
def test_short_files_are_truncated_blobs(size):
    with pytest.raises(TruncatedBlob) as caught:
        Blob.from_bytes(small().build()[:size])
    assert caught.value.offset <= size


def test_other_files_are_not_blobs():
    for data in (b"\x89PNG\r\n\x1a\n" + bytes(400), b"\x7fELF" + bytes(400)):
        with pytest.raises(NotABlob) as caught:
            Blob.from_bytes(data)
        assert caught.value.offset == 0
        assert "try:" in str(caught.value)
    with pytest.raises(NotABlob) as caught:
        Blob.from_bytes(small().build(w0=9708))
    assert caught.value.offset == 52


@pytest.mark.parametrize("version", [(5, 0), (2020, 3), (0, 0)])
def test_older_formats_are_refused_by_name(version):
    a = small()
    a.version = version
    with pytest.raises(BlobError, match=r"2020\.3") as caught:
        Blob.from_bytes(a.build())
    assert caught.value.offset == 60


@pytest.mark.parametrize(("word", "offset"), [(16, 116), (17, 120), (18, 124), (19, 128)])
def test_sections_out_of_order(word, offset):
    for value in (8, 0x7FFFFFFF):
        with pytest.raises(BlobError) as caught:
            Blob.from_bytes(small().build(**{f"w{word}": value}))
        assert 116 <= caught.value.offset <= 128 or caught.value.offset == 56


@pytest.mark.parametrize("word", [4, 5])
def test_absurd_counts_of_io(word):
    with pytest.raises(BlobError) as caught:
        Blob.from_bytes(small().build(**{f"w{word}": 0xFFFFFFFF}))
    assert caught.value.offset >= 192


def test_version_stamp_changes_eight_bytes():
    blob = Blob.from_bytes(small().build())
    other = blob.with_version(2021, 4)
    assert other.version == "2021.4"
    differing = np.flatnonzero(blob_bytes(blob) != blob_bytes(other))
    assert differing.min() >= 60
    assert differing.max() < 68
    assert other.with_version(6, 0) == blob
    with pytest.raises(UsageError):
        blob.with_version(-1, 0)


def blob_bytes(blob):
    return np.frombuffer(bytes(blob), np.uint8)


def trailer_record(name, dims, kind, tensor_names, producer=None):
    raw = u32(len(name), len(dims), 4, len(tensor_names)) + name.encode()
    raw += struct.pack(f"<{len(dims)}Q", *dims) + u32(kind)
    for each in (*tensor_names, *([producer] if producer is not None else [])):
        raw += struct.pack("<Q", len(each)) + each.encode()
    return raw


def test_trailer_names_the_models_own_tensors():
    trailer = u32(1, 1)
    trailer += trailer_record("image", (1, 4, 5, 6), 14, ("image", "image:0"))
    trailer += trailer_record("result/sink", (1, 8, 5, 6), 4, (), "result")
    trailer += bytes(8)
    whole = small().build(trailer)
    blob = Blob.from_bytes(whole)
    assert blob.size == blob.header.file_size + len(trailer)
    parameter, result = blob.trailer.parameters[0], blob.trailer.results[0]
    assert (parameter.name, parameter.shape) == ("image", (1, 4, 5, 6))
    assert parameter.tensor_names == ("image", "image:0")
    assert (result.producer, result.element_type) == ("result", 4)
    assert "result         result/sink f16 1x8x5x6" in blob.describe()
    for size in range(blob.header.file_size + 1, len(whole)):
        with pytest.raises(BlobError):
            Blob.from_bytes(whole[:size])


@pytest.mark.parametrize(
    ("trailer", "message"),
    [
        (u32(0, 0) + b"\1" + bytes(7), "end in zeros"),
        (u32(0, 0) + bytes(9), "1 bytes too many"),
        (u32(0, 7), "7 results"),
        (u32(1, 0, 1, 0, 5, 0) + bytes(16), "constant 4"),
        (u32(1, 0, 0, 0, 4, 1, 4) + b"\xff" * 8 + bytes(8), "a name of"),
    ],
)
def test_damaged_trailers(trailer, message):
    data = small().build()
    with pytest.raises(BlobError, match=message) as caught:
        Blob.from_bytes(data + trailer)
    assert len(data) <= caught.value.offset <= len(data) + len(trailer)


def test_open_maps_a_file_and_save_writes_it(tmp_path):
    data = small().build()
    path = Blob.from_bytes(data).save(tmp_path / "new" / "a.blob")
    blob = Blob.open(path)
    assert bytes(blob) == data
    assert blob == Blob.from_bytes(data)
    assert hash(blob) == hash(Blob.from_bytes(data))
    assert len(blob.digest) == 64
    assert repr(blob).startswith("<Blob 6.0, ")
    with pytest.raises(OutputError):
        blob.save(path / "below-a-file.blob")


def test_open_says_what_is_wrong_with_a_path(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        Blob.open(tmp_path / "absent.blob")
    with pytest.raises(UsageError, match="directory"):
        Blob.open(tmp_path)
    (tmp_path / "empty.blob").write_bytes(b"")
    with pytest.raises(TruncatedBlob):
        Blob.open(tmp_path / "empty.blob")


def test_constants_are_views_of_the_file():
    blob = Blob.from_bytes(small().build())
    weights = blob.array(blob.stages[1].buffer("weights"))
    assert weights.shape == (1, 4, 9, 8)
    assert weights.dtype == np.float16
    assert np.shares_memory(weights, blob.constants)
    assert not weights.flags.writeable
    flat = np.frombuffer(bytes(range(256)) * 2 + bytes(64), np.float16)
    assert weights.tobytes() == flat.tobytes()
    with pytest.raises(BlobError, match="not a constant"):
        blob.array(blob.stages[1].buffer("output"))
