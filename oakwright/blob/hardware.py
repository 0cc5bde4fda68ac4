"""Descriptors of the hardware accelerator: what a MyriadXHwOp stage asks it to do.

A stage holds one or more descriptors over the same buffers, usually successive ranges of output
channels of one convolution, and at most one injected stage that runs beside them. Fields are of
variable number; which are there follows from ``op_type`` and three flags.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cursor import Cursor
from .enums import HwOpType, HwPadMode, PoolType
from .tensors import Buffer, enum_word
from .words import Params

# The shortest descriptor is a full connection's: 8 + 5 + 2 + 2 words, less the optional ones.
_MIN_OP_BYTES = 4 * 17


@dataclass(frozen=True)
class HwRelu:
    """y = x < t0 ? x * a0 : x * a1. Plain ReLU has a0 = 0, a1 = 1."""

    t0: int
    a0: int
    a1: int


@dataclass(frozen=True)
class HwOp:
    """One descriptor.

    ``input``, ``output``, ``coeffs``, ``bias``, ``scale`` are indices into the stage's buffers
    or None. Bias is added before scale. Fields that the op type does not have are None.
    """

    op_type: HwOpType
    pool_type: PoolType | None
    mode: int  # 2**mode RAM blocks of 256 / 2**mode channels: scheduling only
    with_pad: bool
    pad_mode: HwPadMode
    input: int
    output: int
    coeffs: int | None
    bias: int | None
    scale: int | None
    out_chan_off: int | None
    out_num_chans: int | None
    fc_in_off: int | None
    fc_in_num: int | None
    fc_out_off: int | None
    fc_out_num: int | None
    fc_accum: bool | None
    kernel_w: int | None
    kernel_h: int | None
    stride: int | None  # along both axes
    pool_kernel_w: int | None
    pool_kernel_h: int | None
    relu: HwRelu | None
    clamp_max: float | None  # y = min(max(x, 0), clamp_max)
    reuse_data: bool
    reuse_coeff: bool

    @property
    def is_convolution(self) -> bool:
        """CONV or CONV_POOL."""
        return self.op_type in (HwOpType.CONV, HwOpType.CONV_POOL)

    @property
    def pad_left(self) -> int:
        """Columns of padding on the left of a convolution: half the kernel, or none."""
        return (self.kernel_w or 0) // 2 if self.with_pad else 0

    @property
    def pad_top(self) -> int:
        """Rows of padding above a convolution: half the kernel, or none."""
        return (self.kernel_h or 0) // 2 if self.with_pad else 0


@dataclass(frozen=True)
class HwParams(Params):
    """Parameters of a MyriadXHwOp stage; the injected stage is ``Stage.injected``."""

    ops: tuple[HwOp, ...]

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> HwParams:
        """Read the counted list of descriptors, up to the injected stage's flag."""
        count = words.count(_MIN_OP_BYTES, "hardware operations")
        return cls(tuple(_read_op(words, len(buffers)) for _ in range(count)))


def _index(words: Cursor, buffers: int) -> int | None:
    at = words.pos
    value = words.i32()
    if not -1 <= value < buffers:
        raise words.error(f"buffer {value} of {buffers}", at)
    return None if value == -1 else value


def _operand(words: Cursor, buffers: int, role: str) -> int:
    at = words.pos
    index = _index(words, buffers)
    if index is None:
        raise words.error(f"an operation without {role}", at)
    return index


def _read_op(words: Cursor, buffers: int) -> HwOp:
    op_type = enum_word(HwOpType, words)
    is_pool = op_type is HwOpType.POOL
    is_fc = op_type is HwOpType.FC
    pool_type = enum_word(PoolType, words) if is_pool else None
    mode = words.u32()
    with_pad = words.flag()
    pad_mode = HwPadMode.ZEROS
    if with_pad:
        at = words.pos
        sides = words.u32()
        if sides > 15:
            raise words.error(f"padding mode {sides:#x}", at)
        pad_mode = HwPadMode(sides)
    source = _operand(words, buffers, "input")
    target = _operand(words, buffers, "output")
    coeffs, bias, scale = (_index(words, buffers) for _ in range(3))
    out_off = out_num = in_off = in_num = fc_off = fc_num = None
    accumulate = kernel_w = kernel_h = stride = pool_w = pool_h = None
    if is_fc:
        in_off, in_num, fc_off, fc_num = (words.u32() for _ in range(4))
        accumulate = words.flag()
    else:
        out_off, out_num = words.u32(), words.u32()
        at = words.pos
        kernel_w, kernel_h, stride = words.u32(), words.u32(), words.u32()
        if not (kernel_w and kernel_h and stride):
            raise words.error(f"kernel {kernel_w}x{kernel_h} with stride {stride}", at)
        if op_type is HwOpType.CONV_POOL:
            pool_w, pool_h = words.u32(), words.u32()
    relu = HwRelu(words.u32(), words.u32(), words.u32()) if words.flag() else None
    clamp_max = words.f32() if words.flag() else None
    return HwOp(
        op_type=op_type,
        pool_type=pool_type,
        mode=mode,
        with_pad=with_pad,
        pad_mode=pad_mode,
        input=source,
        output=target,
        coeffs=coeffs,
        bias=bias,
        scale=scale,
        out_chan_off=out_off,
        out_num_chans=out_num,
        fc_in_off=in_off,
        fc_in_num=in_num,
        fc_out_off=fc_off,
        fc_out_num=fc_num,
        fc_accum=accumulate,
        kernel_w=kernel_w,
        kernel_h=kernel_h,
        stride=stride,
        pool_kernel_w=pool_w,
        pool_kernel_h=pool_h,
        relu=relu,
        clamp_max=clamp_max,
        reuse_data=words.flag(),
        reuse_coeff=words.flag(),
    )


def name_operands(ops: tuple[HwOp, ...], buffers: tuple[Buffer, ...]) -> tuple[str, ...]:
    """A role for each buffer, from the first descriptor that uses it."""
    roles: dict[int, str] = {}
    taken: dict[str, int] = {}
    for op in ops:
        for role, index in (
            (">output", op.output),
            ("input", op.input),
            ("weights", op.coeffs),
            ("bias", op.bias),
            ("scale", op.scale),
        ):
            if index is None or index in roles:
                continue
            seen = taken.get(role, 0)
            taken[role] = seen + 1
            roles[index] = f"{role}{seen}" if seen else role
    return tuple(roles.get(index, f"?unused{index}") for index in range(len(buffers)))
