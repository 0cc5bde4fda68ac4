"""Every blob of the corpus: all bytes accounted for, dump equals golden, nothing to object to."""

import runpy
from pathlib import Path

import pytest

from oakwright.blob import Blob, diff, memory_profile, stage_rows

ROOT = Path(__file__).parents[2]
BLOBS = sorted((ROOT / "corpus" / "blobs").glob("*.blob"))
DUMPS = dict(runpy.run_path(str(ROOT / "golden" / "make_golden.py"))["dumps"]())


@pytest.fixture(params=BLOBS, ids=lambda path: path.stem)
def blob(request):
    return Blob.open(request.param)


def test_there_is_a_corpus():
    assert len(BLOBS) >= 8
    assert all(path.stat().st_size <= 6144 for path in BLOBS)


@pytest.mark.parametrize("name", DUMPS)
def test_dump_equals_golden(name):
    assert (ROOT / "golden" / name).read_text() == DUMPS[name], "see tests/golden/make_golden.py"


def test_no_golden_file_is_left_over():
    kept = {p.name for p in (ROOT / "golden").iterdir() if p.suffix in (".txt", ".json", ".diff")}
    assert kept >= set(DUMPS)


def test_nothing_is_wrong(blob):
    blob.check()
    assert blob.validate() == []
    assert all(stage.is_understood for stage in blob.walk())


def test_sections_follow_each_other_without_a_gap(blob):
    header = blob.header
    end = blob.stages[-1].offset + blob.stages[-1].length
    assert -(-end // 64) * 64 == header.const_data_section_offset
    assert not any(blob.data[end : header.const_data_section_offset])
    assert blob.stages[0].offset == header.stage_section_offset
    for one, other in zip(blob.stages, blob.stages[1:], strict=False):
        assert one.offset + one.length == other.offset


def test_constants_are_all_used(blob):
    """Buffers, shape arrays and alignment cover the section but for a few shape arrays.

    The engine also writes the arrays of tensors that no stage names (parents of views).
    """
    used = bytearray(blob.constants.size)

    def mark(start, size):
        used[start : start + size] = b"\1" * size

    descs = [info.desc for info in (*blob.inputs, *blob.outputs)]
    for stage in blob.walk():
        for buffer in stage.buffers:
            descs.append(buffer.desc)
            if buffer.is_constant:
                mark(buffer.offset, buffer.desc.nbytes_span)
    for desc in descs:
        mark(desc.dims_offset, 4 * desc.rank)
        mark(desc.strides_offset, 4 * desc.rank)
    # Chunks start at multiples of 64 bytes: else only the rest of such a chunk is not covered.
    unnamed = [gap for gap in bytes(used).split(b"\1") if gap]
    assert max(map(len, unnamed)) <= 64 + 2 * 16


def test_profile_agrees_with_the_table(blob):
    profile = memory_profile(blob)
    assert len(profile.stages) == len(blob.stages)
    assert profile.macs == sum(row.macs for row in stage_rows(blob))
    assert profile.bss_peak_bytes <= blob.bss_bytes
    assert profile.cmx_peak_bytes <= blob.cmx_bytes


def test_a_blob_is_like_itself(blob):
    assert diff(blob, Blob.from_bytes(bytes(blob))) == []
