"""Live memory, multiply-accumulates, findings and the picture, on programs made for it."""

import sys
import xml.etree.ElementTree as ElementTree

import pytest

from oakwright.blob import (
    Blob,
    Location,
    bytes_text,
    count_text,
    draw_profile,
    memory_profile,
    moved_bytes,
    stage_macs,
    stage_rows,
)
from oakwright.errors import UsageError
from tests.unit.blob.assembler import (
    BLOB,
    BSS,
    CMX,
    INPUT,
    OUTPUT,
    Assembler,
    conv_op,
    f32,
    small,
    u32,
)


def live(a, location=Location.BSS):
    profile = memory_profile(Blob.from_bytes(a.build()))
    if location is Location.BSS:
        return [each.bss_live_bytes for each in profile.stages]
    return [each.cmx_live_bytes for each in profile.stages]


def copies(*pairs, location=BSS):
    """A program of copies between byte places of 64 bytes; None is the input or the output."""
    a = Assembler()
    source, target = a.io(INPUT, "in", [32]), a.io(OUTPUT, "out", [32])
    for read, write in pairs:
        one = source if read is None else a.buffer([32], location, read)
        other = target if write is None else a.buffer([32], location, write)
        a.stage(19, b"", [one, other], shaves=0)
    return a


def test_a_value_lives_from_its_writing_to_its_last_reading():
    assert live(copies((None, 0), (None, 64), (64, 128), (0, 192), (192, None))) == [
        64,
        128,
        192 - 0,
        128,
        64,
    ]


def test_memory_is_used_again():
    assert live(copies((None, 0), (0, 64), (64, 0), (0, None))) == [64, 128, 128, 64]


def test_what_nobody_reads_lives_one_step():
    assert live(copies((None, 0), (None, None))) == [64, 0]


def test_the_two_arenas_are_apart():
    a = copies((None, 0), (0, None), location=CMX)
    assert live(a) == [0, 0]
    assert live(a, Location.CMX) == [64, 64]


def test_parts_of_one_tensor_live_together():
    """Two halves of a channel-minor tensor are interleaved: writing one keeps the other."""
    a = Assembler()
    source, target = a.io(INPUT, "in", [4, 8]), a.io(OUTPUT, "out", [8, 8])
    halves = [a.buffer([4, 8], BSS, 8 * i, strides=[2, 16]) for i in range(2)]
    a.stage(19, b"", [source, halves[0]], shaves=0)
    a.stage(19, b"", [halves[0], a.buffer([4, 8], BSS, 1024)], shaves=0)
    a.stage(19, b"", [source, halves[1]], shaves=0)
    a.stage(19, b"", [a.buffer([8, 8], BSS, 0), target], shaves=0)
    first, second, third, last = live(a)
    # 120 bytes are the span of a half; 64 the copy; 128 the whole.
    assert (first, third, last) == (120, 128, 128)
    assert second == 120 + 64


def test_a_loop_keeps_what_it_reads_until_its_end():
    a = copies((None, 0))
    rule = u32(0, 0, 1, -1)
    inside = [a.buffer([32], BSS, 64 * i) for i in range(4)]
    a.stage(119, u32(3, 3, 0), [], shaves=0)
    a.stage(19, b"", [inside[0], inside[1]], shaves=0)
    a.stage(120, u32(3, 1) + rule, [inside[2], inside[1]], shaves=0)
    a.stage(19, b"", [inside[2], inside[3]], shaves=0)
    assert live(a) == [64, 64, 128, 192, 128]
    assert Blob.from_bytes(a.build()).validate() == []


def test_macs_of_hardware_convolutions():
    blob = Blob.from_bytes(small().build())
    # 6x5 places, 3x3 taps, 4 input and 8 output channels.
    assert stage_macs(blob.stages[1]) == 30 * 9 * 4 * 8
    assert stage_macs(blob.stages[1].injected) == 0
    assert stage_rows(blob)[2].parameter_bytes == 576 + 16
    assert moved_bytes(blob.stages[1], Location.CMX) == (0, 480)
    assert moved_bytes(blob.stages[1], Location.BSS) == (240, 0)


@pytest.mark.parametrize(
    ("number", "params", "shapes", "macs"),
    [
        (0, u32(3, 3, 1, 1, 1, 1, 1, 1), ([6, 5, 4, 1], [6, 5, 8, 1], [9, 4, 8]), 30 * 8 * 36),
        (8, u32(3, 3, 1, 1, 1, 1, 1, 1), ([6, 5, 4, 1], [6, 5, 4, 1], [9, 4]), 30 * 4 * 9),
        (22, u32(2, 2, 2, 2, 0, 0), ([6, 5, 4, 1], [12, 10, 8, 1], [4, 4, 8]), 120 * 4 * 8),
        (63, u32(2, 2, 2, 2, 0, 0), ([6, 5, 4, 1], [12, 10, 4, 1], [4, 4]), 120 * 4),
        (4, b"", ([4, 1], [8, 1], [4, 8]), 32),
        (91, f32(1, 0) + u32(0, 0, 0), ([5, 4], [6, 5], [6, 4]), 4 * 5 * 6),
        (91, f32(1, 0) + u32(0, 1, 0), ([4, 5], [6, 5], [6, 4]), 4 * 5 * 6),
        (70, u32(1, 5, 2, 1, 1), ([4], [4], [4], [4, 8], [4], [4]), 5 * 2 * 32),
        (116, (u32(1) + u32(1)) * 4 + u32(1), ([6, 4], [6, 8], [3, 4, 8], [8]), 96),
        (91, f32(1, 0) + u32(0, 0, 0), ([5], [5], [5]), 0),
        (20, b"", ([4], [4]), 0),
        (200, b"", ([4], [4]), 0),
    ],
)
def test_macs_of_other_stages(number, params, shapes, macs):
    a = Assembler()
    a.stage(number, params, [a.buffer(dims, BSS, 4096 * i) for i, dims in enumerate(shapes)])
    assert stage_macs(Blob.from_bytes(a.build()).stages[0]) == macs


def test_macs_of_fused_pooling_and_full_connections():
    a = Assembler()
    buffers = [a.buffer([8, 8, 4, 1], CMX), a.buffer([4, 4, 8, 1], CMX, 4096)]
    fused = u32(1, 0, 0, 0, 1, -1, -1, -1, 0, 8, 3, 3, 1, 2, 2) + u32(0, 0, 0, 0)
    full = u32(2, 0, 0, 0, 1, -1, -1, -1, 0, 64, 0, 16, 0) + u32(0, 0, 0, 0)
    pool = u32(4, 0, 0, 0, 0, 1, -1, -1, -1, 0, 8, 2, 2, 2) + u32(0, 0, 0, 0)
    a.hw_stage([fused, full, pool], buffers)
    assert stage_macs(Blob.from_bytes(a.build()).stages[0]) == 64 * 9 * 4 * 8 + 64 * 16


@pytest.mark.parametrize(
    ("buffers", "message"),
    [
        (lambda a: [a.buffer([32], BSS, 1 << 20), a.buffer([32], BSS)], "outside its 1048576"),
        (lambda a: [a.buffer([32], BSS, -4), a.buffer([32], BSS)], "outside"),
        (lambda a: [a.buffer([32], CMX, 262144 - 32), a.buffer([32], BSS)], "outside its 262144"),
        (lambda a: [a.buffer([32], INPUT, index=3), a.buffer([32], BSS)], "no input 3"),
        (lambda a: [a.buffer([33], INPUT), a.buffer([32], BSS)], "outside its 64"),
        (lambda a: [a.buffer([32], BSS), a.buffer([32], INPUT)], "writes to input"),
        (lambda a: [a.buffer([32], BSS), a.buffer([1], BLOB)], "writes to blob"),
    ],
)
def test_places_that_cannot_be(buffers, message):
    a = Assembler()
    a.io(INPUT, "in", [32])
    a.stage(19, b"", buffers(a), shaves=0)
    (finding,) = Blob.from_bytes(a.build()).validate()
    assert message in str(finding)
    assert f"byte {finding.offset}: stage 0 (Copy)" in str(finding)


def test_extended_channels_are_no_finding():
    """A convolution may read channels behind the end; other stages may not."""
    a = Assembler()
    a.bss = 1000
    source = a.buffer([4, 4, 16, 1], BSS, 1000 - 15 * 32)
    target = a.buffer([4, 4, 16, 1], CMX)
    a.hw_stage([conv_op((0, 1, -1, -1, -1))], [source, target])
    assert Blob.from_bytes(a.build()).validate() == []
    a.stage(19, b"", [source, target], shaves=0)
    findings = Blob.from_bytes(a.build()).validate()
    assert [str(f).partition(": ")[2][:15] for f in findings] == ["stage 1 (Copy),"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w9": 0}, "batch of 0"),
        ({"w13": 0}, "has_hw_stage"),
        ({"w14": 0}, "has_shave_stage"),
        ({"w15": 1}, "has_dma_stage"),
        ({"w12": 2}, "uses 4 SHAVEs"),
        ({"w7": 8}, "outside the 8 bytes of all inputs"),
        ({"w8": 8}, "outside the 8 bytes of all outputs"),
    ],
)
def test_headers_that_contradict_the_stages(change, message):
    findings = Blob.from_bytes(small().build(**change)).validate()
    assert any(message in str(each) for each in findings)


def test_a_loop_without_end_and_a_strange_elf_header():
    a = copies((None, 0))
    a.stage(119, u32(3, 9, 0), [], shaves=0)
    data = bytearray(a.build())
    data[20] = 9
    messages = [str(each) for each in Blob.from_bytes(bytes(data)).validate()]
    assert any("ELF-like" in each for each in messages)
    assert any("no LoopEnd at stage 9" in each for each in messages)


def test_svg_picture(tmp_path):
    blob = Blob.from_bytes(small().build())
    path = draw_profile(blob, tmp_path / "use.svg", title="<small> & sound")
    root = ElementTree.parse(path).getroot()
    text = path.read_text()
    assert root.tag.endswith("svg")
    assert "&lt;small&gt; &amp; sound" in text
    assert text.count("<title>") == 3 * len(blob.stages)
    assert "stage 1 MyriadXHwOp+Copy: 8.6 k" in text


def test_png_picture(tmp_path):
    pytest.importorskip("matplotlib")
    path = draw_profile(Blob.from_bytes(small().build()), tmp_path / "use.PNG")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_pictures_that_cannot_be_drawn(tmp_path, monkeypatch):
    blob = Blob.from_bytes(small().build())
    with pytest.raises(UsageError, match="gif"):
        draw_profile(blob, tmp_path / "use.gif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match="matplotlib") as caught:
        draw_profile(blob, tmp_path / "use.png")
    assert ".svg" in caught.value.remedy


def test_an_empty_program_has_a_profile_and_a_picture(tmp_path):
    blob = Blob.from_bytes(Assembler().build())
    profile = memory_profile(blob)
    assert (profile.macs, profile.bss_peak_bytes, profile.cmx_peak_bytes) == (0, 0, 0)
    assert draw_profile(blob, tmp_path / "use.svg").is_file()


def test_sizes_for_people():
    assert bytes_text(999) == "999 bytes"
    assert bytes_text(1_338_059) == "1.3 MB"
    assert bytes_text(3.2e9) == "3.2 GB"
    assert count_text(12) == "12"
    assert count_text(577_800_000) == "577.8 M"
    assert count_text(5e12) == "5.0 T"
