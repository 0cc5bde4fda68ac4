"""What a stage costs: multiply-accumulates, parameter bytes, bytes moved.

Nothing of this is in the file; all follows from shapes. The multiply-accumulates are those the
chip schedules, padding channels included: a depthwise convolution, which the engine turns into
hardware convolutions of eight channels with mostly zero weights, counts about eight times what
its definition needs.
"""

from __future__ import annotations

from math import prod

from .enums import HwOpType, Location
from .enums import StageType as T
from .hardware import HwOp, HwParams
from .params import ConvParams, DeconvParams, GEMMParams, LSTMCellParams
from .stages import Stage
from .tensors import Buffer


def stage_macs(stage: Stage) -> int:
    """Multiply-accumulates of a stage, without its injected one; 0 for kinds that have none."""
    params = stage.params
    if isinstance(params, HwParams):
        return sum(_hardware_macs(op, stage.buffers) for op in params.ops)
    if not stage.is_understood:
        return 0
    operands = stage.operands
    source, target = operands.get("input"), operands.get("output")
    weights = operands.get("weights")
    if isinstance(params, GEMMParams):
        a, b = operands.get("a"), operands.get("b")
        if a is None or b is None or target is None or a.desc.rank < 2:
            return 0
        shared = a.desc.dims[1 if params.transpose_a else 0]
        return target.desc.element_count * shared
    if isinstance(params, LSTMCellParams) and weights is not None:
        return max(params.cells, 0) * max(params.batches, 0) * weights.desc.element_count
    if source is None or target is None or weights is None:
        return 0
    if isinstance(params, ConvParams):
        taps = params.kernel_w * params.kernel_h
        depth = 1 if stage.type is T.DepthConv else source.desc.dim("C")
        return target.desc.element_count * taps * depth
    if isinstance(params, DeconvParams):
        taps = params.kernel_w * params.kernel_h
        depth = 1 if stage.type is T.DepthDeconv else target.desc.dim("C")
        return source.desc.element_count * taps * depth
    # FC and ConvND: every weight is used once per output place.
    places = prod(target.desc.dim(axis) for axis in "WHD") if stage.type is T.ConvND else 1
    return places * weights.desc.element_count


def _hardware_macs(op: HwOp, buffers: tuple[Buffer, ...]) -> int:
    if op.op_type is HwOpType.FC:
        return (op.fc_in_num or 0) * (op.fc_out_num or 0)
    if not op.is_convolution:
        return 0
    target = buffers[op.output].desc
    # The convolution before a fused pooling has twice the width and height.
    grow = 4 if op.op_type is HwOpType.CONV_POOL else 1
    places = target.dim("W") * target.dim("H") * grow
    taps = (op.kernel_w or 0) * (op.kernel_h or 0)
    return places * taps * (op.out_num_chans or 0) * buffers[op.input].desc.dim("C")


def parameter_bytes(stage: Stage) -> int:
    """Bytes of constants a stage reads, without its injected one."""
    seen = {(b.offset, b.desc.nbytes_span) for b in stage.buffers if b.is_constant}
    return sum(size for _, size in seen)


def moved_bytes(stage: Stage, location: Location) -> tuple[int, int]:
    """Bytes read from and written to a location, each operand counted once."""
    read = sum(b.desc.nbytes for b in stage.inputs if b.location is location)
    written = sum(b.desc.nbytes for b in stage.outputs if b.location is location)
    return read, written
