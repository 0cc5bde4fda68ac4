"""A blob with one stage of any type of the table, made without the reader of stages."""

import struct

from oakwright.blob import STAGE_KINDS, StageType
from oakwright.blob.words import word_kinds
from tests.unit.blob.assembler import BSS, Assembler, conv_op, f32, u32

# Blocks that have counts or alternatives; the others are written from their annotations below.
VARIABLE = {
    "PadParams": u32(1, 2, 3, 4, 0, 0, 0, 0) + f32(0.5) + u32(2),
    "EltwiseParams": f32(1, -1) + u32(-1) + f32(0, 0, 1),
    "LoopStartParams": u32(3, 2, 1) + u32(3, 0, 1, -1),
    "LoopEndParams": u32(3, 1) + u32(3, 0, 1, -1),
    "ConvNDParams": (u32(3) + u32(1, 1, 1)) * 4 + u32(1),
    "PoolNDParams": (u32(3) + u32(1, 1, 1)) * 4 + u32(0, 1, 3, 0),
    "ProposalParams": u32(16, 4, 2, 20, 5)
    + f32(0.7, 0, 1, 1, 0)
    + u32(0, 1, 0, 1, 0, 1, 0)
    + u32(1)
    + f32(8)
    + u32(3)
    + f32(0.5, 1, 2),
    "MTCNNParams": u32(2, 12, 12, 24, 24) + u32(0, 0, 1, 1),
    "CustomParams": u32(*range(1, 10)) + u32(4, 7, 1, 3, 2) + u32(0, 0, 5, -1),
    "TopKParams": u32(0, 0, 1, 1, 1),
    "HwParams": u32(1) + conv_op((0, 1, -1, -1, -1)) + u32(0),
}
# One value per kind of word; enumerations have at least these.
WORDS = {"u32": u32(3), "i32": u32(-2), "f32": f32(0.25), "f16": struct.pack("<e", 0.5)}
COUNTS = {"outputs": 2, "levels": 2, "inputs": 2}


def block_of(cls):
    """Words for a record of fixed length, from its annotations."""
    raw = b""
    for name, kind in word_kinds(cls):
        code, times = kind if isinstance(kind, tuple) else (kind, 1)
        for _ in range(times):
            if name in COUNTS:
                raw += u32(COUNTS[name])
            elif code == "flag":
                raw += u32(0)
            else:
                raw += WORDS[code] if isinstance(code, str) else u32(int(list(code)[-1]))
    return raw


def counts_of(kind, number):
    """How many buffers the table asks for with the blocks above."""
    special = {
        StageType.LoopStart: 2,
        StageType.LoopEnd: 2,
        StageType.Custom: 4,
        StageType.MyriadXHwOp: 2,
        StageType.TopK: 4,
    }
    if number in special:
        return special[number]
    total = 0
    for word in kind.operands.split():
        name, _, repeated = word.partition("*")
        total += COUNTS[repeated] if repeated else "?" not in name
    if number is StageType.ROIAlign:
        total += 2  # step 3 of WORDS is not repacking
    return total


def one_stage(number, change=0):
    """A blob with one stage of that type, its parameters ``change`` words longer or shorter."""
    kind = STAGE_KINDS[number]
    raw = VARIABLE.get(kind.params.__name__) or block_of(kind.params)
    raw = raw + u32(0) * change if change >= 0 else raw[: 4 * change]
    a = Assembler()
    buffers = [a.buffer([4, 3, 2, 1], BSS, 64 * i) for i in range(counts_of(kind, number))]
    a.stage(int(number), raw, buffers, counted=number is StageType.MyriadXHwOp, shaves=3)
    return a.build()
