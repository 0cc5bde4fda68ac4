"""Stage records: every type of the table, hardware descriptors, injected and unknown stages."""

from dataclasses import dataclass

import numpy as np
import pytest

from oakwright.blob import (
    STAGE_KINDS,
    Blob,
    EltwiseParams,
    HwOpType,
    HwPadMode,
    Location,
    LoopEndParams,
    PadMode,
    Params,
    PoolType,
    RawParams,
    SliceRule,
    StageType,
    TopKParams,
    detail_text,
    to_json,
)
from oakwright.blob.words import word_kinds
from oakwright.errors import BlobError
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
from tests.unit.blob.every_stage import VARIABLE, block_of, one_stage


@pytest.mark.parametrize("number", list(StageType), ids=lambda t: t.label)
def test_every_type_is_read(number):
    blob = Blob.from_bytes(one_stage(number))
    blob.check()
    (stage,) = blob.stages
    assert (stage.type, stage.name, stage.shaves) == (number, number.label, 3)
    assert type(stage.params) is STAGE_KINDS[number].params
    assert stage.is_understood
    assert len(stage.roles) == len(stage.buffers) == len(set(stage.roles))
    assert stage.outputs or number is StageType.None_
    assert len(stage.inputs) + len(stage.outputs) + len(stage.temps) == len(stage.buffers)
    assert number.label in blob.describe()


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("number", list(StageType), ids=lambda t: t.label)
def test_parameters_of_another_length(number, change):
    kind = STAGE_KINDS[number].params
    if kind.__name__ in VARIABLE and kind is not TopKParams:
        # Counts inside the block contradict its length.
        with pytest.raises(BlobError, match="stage 0"):
            Blob.from_bytes(one_stage(number, change)).check()
    elif change > 0 or block_of(kind):
        # A type of fixed length: another version of the engine wrote it.
        (stage,) = Blob.from_bytes(one_stage(number, change)).stages
        assert stage.type is number
        assert not stage.is_understood
        assert stage.inputs == stage.outputs == ()


def test_the_table_lists_the_whole_enumeration():
    assert set(STAGE_KINDS) == set(StageType)
    assert len(StageType) == 112
    assert StageType.None_.label == "None"


def test_program_of_three_stages():
    blob = Blob.from_bytes(small().build())
    convert, conv, total = blob.stages
    assert (convert.type, conv.type, total.type) == (
        StageType.Convert,
        StageType.MyriadXHwOp,
        StageType.Sum,
    )
    assert [s.name for s in blob.walk()] == ["Convert", "Copy", "MyriadXHwOp", "Sum"]
    assert conv.injected.is_injected
    assert conv.injected.index == 1
    assert str(conv.injected) == "stage 1 (Copy, injected)"
    op = conv.params.ops[0]
    assert op.op_type is HwOpType.CONV
    assert (op.kernel_w, op.kernel_h, op.stride, op.out_num_chans) == (3, 3, 1, 8)
    assert (op.pad_left, op.pad_top, op.bias, op.clamp_max) == (1, 1, None, None)
    assert (op.relu.t0, op.relu.a0, op.relu.a1) == (0, 0, 1)
    assert list(conv.operands) == ["input", "weights", "scale", "output"]
    assert conv.inputs == tuple(conv.operands[r] for r in ("input", "weights", "scale"))
    assert conv.outputs == (conv.buffer("output"),)
    # The fake third input is a buffer, but no operand.
    assert [b.is_fake for b in total.buffers] == [False, False, False, True]
    assert list(total.operands) == ["input0", "output", "input1"]
    assert total.buffer("output").location is Location.OUTPUT
    assert total.buffer("output").io_bytes == 480
    with pytest.raises(BlobError, match="no operand 'weights'"):
        total.buffer("weights")


def test_buffers_say_where_they_are():
    blob = Blob.from_bytes(small().build())
    assert str(blob.stages[0].buffers[0]) == "U8 1x4x5x6 NCHW @ input[0]+0"
    assert blob.stages[1].buffer("output").place == "cmx+64"
    assert str(blob.stages[2].buffers[3]) == "absent"
    assert blob.stages[2].buffers[3].place == "none"


def test_integers_where_the_first_operand_is_s32():
    a = Assembler()
    ints = [a.buffer([4], BSS, 64 * i, kind=2) for i in range(3)]
    a.stage(12, u32(2, -1, -1, 0, -5, 5), [*ints, a.fake()])
    params = Blob.from_bytes(a.build()).stages[0].params
    assert params == EltwiseParams(2, -1, -1, 0, -5, 5)
    assert isinstance(params.coeff1, int)


def test_a_hardware_stage_counts_its_buffers():
    a = Assembler()
    a.hw_stage([], [a.buffer([4], BSS), a.buffer([4], BSS, 64)])
    data = a.build()
    at = Blob.from_bytes(data).stages[0].offset + 24  # behind the head and two words
    with pytest.raises(BlobError, match="1 buffers announced, 2 there") as caught:
        Blob.from_bytes(data[:at] + u32(1) + data[at + 4 :]).check()
    assert caught.value.offset == at
    assert "no operations" in Blob.from_bytes(data).describe()


def test_words_without_a_kind_are_a_mistake_of_ours():
    @dataclass(frozen=True)
    class Wrong(Params):
        length: int

    with pytest.raises(TypeError, match="which word"):
        word_kinds(Wrong)


def hw(ops, count=4):
    a = Assembler()
    a.hw_stage(ops, [a.buffer([4, 4, 8, 1], CMX, 512 * i) for i in range(count)])
    return a.build()


def test_hardware_pool():
    op = u32(4, 1, 2, 1, 0x0C, 0, 1, -1, -1, -1, 8, 16, 3, 3, 2) + u32(0, 0, 1, 0)
    (stage,) = Blob.from_bytes(hw([op], 2)).stages
    (op,) = stage.params.ops
    assert (op.op_type, op.pool_type, op.mode) == (HwOpType.POOL, PoolType.AVERAGE, 2)
    assert op.pad_mode == HwPadMode.TOP | HwPadMode.LEFT
    assert (op.out_chan_off, op.out_num_chans, op.coeffs) == (8, 16, None)
    assert op.reuse_data
    assert list(stage.operands) == ["input", "output"]
    assert detail_text(stage) == "AVERAGE POOL 3x3 s2 pad edge top left"


def test_hardware_fully_connected():
    op = u32(2, 0, 0, 0, 3, 1, 2, -1, 0, 64, 8, 16, 1) + u32(0, 0, 0, 0)
    (op,) = Blob.from_bytes(hw([op])).stages[0].params.ops
    assert (op.fc_in_off, op.fc_in_num, op.fc_out_off, op.fc_out_num) == (0, 64, 8, 16)
    assert op.fc_accum
    assert op.kernel_w is None


def test_hardware_convolution_with_pool_clamp_and_two_ranges():
    first = u32(1, 0, 0, 0, 3, 1, 2, -1, 0, 8, 3, 3, 1, 2, 2) + u32(0, 1) + f32(6) + u32(0, 0)
    second = u32(1, 0, 0, 0, 3, 1, 2, -1, 8, 8, 3, 3, 1, 2, 2) + u32(0, 1) + f32(6) + u32(0, 0)
    (stage,) = Blob.from_bytes(hw([first, second])).stages
    assert [op.out_chan_off for op in stage.params.ops] == [0, 8]
    assert stage.params.ops[0].pool_kernel_w == 2
    assert stage.params.ops[0].clamp_max == 6
    assert list(stage.operands) == ["input", "weights", "bias", "output"]
    assert detail_text(stage) == "CONV_POOL 3x3 s1 bias clamp 6 in 2 operations"


@pytest.mark.parametrize(
    "op",
    [
        conv_op((0, 4, 1, -1, 2)),  # a buffer that is not there
        conv_op((-1, 3, 1, -1, 2)),  # no input
        conv_op((0, -2, 1, -1, 2)),
        conv_op(kernel=(0, 3)),
        conv_op(stride=0),
        u32(3) + conv_op()[4:],  # no such operation
        u32(0, 0, 2) + conv_op()[12:],  # a flag of 2
        u32(0, 0, 1, 0x10) + conv_op()[16:],  # a fifth side
    ],
)
def test_wrong_descriptors(op):
    with pytest.raises(BlobError) as caught:
        Blob.from_bytes(hw([op])).check()
    assert "stage 0 (MyriadXHwOp)" in str(caught.value)


def test_injection_has_a_bottom():
    a = Assembler()
    half = a.buffer([4], BSS)
    record = a.record(19, b"", [half, half])
    for _ in range(3):
        record = a.hw_record([], [], record)
    a.stages.append(record)
    assert len(list(Blob.from_bytes(a.build()).walk())) == 4
    for _ in range(200):
        record = a.hw_record([], [], record)
    a.stages = [record]
    with pytest.raises(BlobError, match="deep"):
        Blob.from_bytes(a.build()).check()


def test_an_unknown_type_is_still_a_stage():
    a = Assembler()
    a.stage(142, u32(1, 2, 3), [a.buffer([4], BSS), a.buffer([4], CMX)])
    blob = Blob.from_bytes(a.build())
    (stage,) = blob.stages
    assert (stage.type, stage.name, stage.is_known) == (142, "Unknown142", False)
    assert stage.params == RawParams(u32(1, 2, 3))
    assert stage.roles == ("buffer0", "buffer1")
    assert stage.inputs == stage.outputs == ()
    assert len(stage.buffers) == 2
    assert "unknown layout" in str(blob.validate()[0])
    assert "Unknown142" in blob.describe()
    assert to_json(blob)["stages"][0]["params"] == {"words": u32(1, 2, 3).hex()}


def test_another_versions_parameters_are_kept():
    a = Assembler()
    a.stage(62, u32(1, 0) + f32(1e-6), [a.buffer([4], BSS), a.buffer([4], BSS, 64)])
    (stage,) = Blob.from_bytes(a.build()).stages
    assert stage.type is StageType.MVN
    assert not stage.is_understood
    assert len(stage.params.words) == 12


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_type_with_other_buffers_is_refused(count):
    a = Assembler()
    a.stage(15, b"", [a.buffer([4], BSS, 64 * i) for i in range(count)])
    with pytest.raises(BlobError, match="buffers where 3 belong"):
        Blob.from_bytes(a.build()).check()


def test_optional_operands_are_found():
    a = Assembler()
    words = u32(3, 3, 1, 1, 1, 1, 1, 1)
    four = [a.buffer([4, 4, 2, 1], BSS, 64 * i) for i in range(4)]
    a.stage(0, words, four[:3])
    a.stage(0, words, four)
    a.stage(104, u32(0, 1, 2, 0, 1), four[:3])
    a.stage(91, f32(1, 0) + u32(1, 0, 1), four)
    a.stage(70, u32(1, 5, 1, 1, 2), [*four, four[0], four[1], four[2], four[3]])
    plain, scratch, topk, gemm, lstm = Blob.from_bytes(a.build()).stages
    assert plain.temps == ()
    assert list(scratch.operands) == ["input", "output", "weights", "temp"]
    assert list(topk.operands) == ["input", "k", "indices"]
    assert list(gemm.operands) == ["a", "b", "c", "output"]
    assert gemm.outputs == (gemm.buffers[3],)
    assert list(lstm.operands)[5:] == ["output0", "output1", "temp"]


def test_loops():
    a = Assembler()
    parts = [a.buffer([4], BSS, 64 * i) for i in range(5)]
    rule = u32(3, 0, 1, -1)
    a.stage(119, u32(3, 2, 2) + rule * 2, parts[:4])
    a.stage(120, u32(-1, 1, 1) + rule, parts[:3])
    start, end = Blob.from_bytes(a.build()).stages
    assert list(start.operands) == ["source0", "destination0", "source1", "destination1"]
    assert start.params.rules[0] == SliceRule(3, 0, 1, -1)
    assert end.params == LoopEndParams(-1, 1, (SliceRule(3, 0, 1, -1),))
    assert list(end.operands) == ["batch_source", "destination0", "source0"]
    assert end.outputs == (end.buffers[1],)


def test_pad_pairs():
    a = Assembler()
    a.stage(71, VARIABLE["PadParams"], [a.buffer([4], BSS), a.buffer([7], BSS, 64)])
    params = Blob.from_bytes(a.build()).stages[0].params
    assert (params.begins, params.ends) == ((1, 3, 0, 0), (2, 4, 0, 0))
    assert params.mode is PadMode.REFLECT


def test_shape_as_an_output_makes_a_dynamic_buffer():
    a = Assembler()
    words = bytearray(a.buffer([4], BSS))
    words[12:16] = u32(OUTPUT)
    dynamic = bytes(words[:32]) + u32(0, 8) + bytes(words[32:])
    a.stage(19, b"", [a.buffer([4], INPUT), dynamic], shaves=0)
    blob = Blob.from_bytes(a.build())
    (stage,) = blob.stages
    target = stage.buffer("output")
    assert target.desc.is_dynamic
    assert target.desc.shape == (-1,)
    assert str(target) == "FP16 ? C @ bss+0"
    assert not any("output" in str(each) for each in blob.validate())
    assert "FP16 ? C" in blob.describe()
    assert target.desc.nbytes_span == target.desc.nbytes == 0


def test_strides_elsewhere_make_a_dynamic_buffer():
    # Found by fuzzing: the strides were taken for -1 each, and numpy refused them.
    a = Assembler()
    words = bytearray(a.weights([4], bytes(8)))
    words[20:24] = u32(BSS)
    a.stage(15, b"", [a.buffer([4], BSS), a.buffer([4], BSS, 64), bytes(words)])
    blob = Blob.from_bytes(a.build())
    with pytest.raises(BlobError, match="not a constant"):
        blob.array(blob.stages[0].buffer("scale"))


def test_constant_outside_the_section_is_refused_when_read():
    a = Assembler()
    a.stage(15, b"", [a.buffer([4], BSS), a.buffer([4], BSS, 64), a.buffer([999], BLOB, 64)])
    blob = Blob.from_bytes(a.build())
    with pytest.raises(BlobError, match="outside") as caught:
        blob.array(blob.stages[0].buffer("scale"))
    assert caught.value.offset == blob.stages[0].buffer("scale").at
    with pytest.raises(BlobError):
        blob.check()


def test_strided_constant():
    a = Assembler()
    data = np.arange(32, dtype=np.float16)
    offset = a.constant(data.tobytes())
    view = a.buffer([3, 2], BLOB, offset + 2, strides=[4, 16])
    a.stage(15, b"", [a.buffer([4], BSS), a.buffer([4], BSS, 64), view])
    blob = Blob.from_bytes(a.build())
    array = blob.array(blob.stages[0].buffer("scale"))
    assert array.tolist() == [[1, 3, 5], [9, 11, 13]]
