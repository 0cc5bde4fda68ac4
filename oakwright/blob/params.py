"""One record of parameters per kind of stage, words in file order.

"Axis" values are stored positions (0 innermost in that buffer's own order) except where a
comment says IR order. Names ending in ``_x``/``_y`` belong to the W and H axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from oakwright.errors import BlobError

from .cursor import Cursor
from .enums import (
    BroadcastMode,
    CodeType,
    CoordinateMode,
    DataType,
    InterpolateMode,
    NearestMode,
    PadMode,
    ResampleType,
    RoiAlignMode,
    RoiPoolingMethod,
    RoundMode,
    TopKMode,
    TopKSort,
)
from .tensors import Buffer
from .words import F16, F32, I32, U32, Flag, Params, fixed_bytes, read_word


@dataclass(frozen=True)
class NoParams(Params):
    """The stage has no parameters."""


@dataclass(frozen=True)
class RawParams(Params):
    """Parameters of a stage whose layout is not known: the bytes themselves."""

    words: bytes

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> RawParams:
        """Take the whole block."""
        return cls(bytes(words.take(words.remaining)))


# --- convolution, pooling, full connections (on SHAVEs) ----------------------------------------


@dataclass(frozen=True)
class ConvParams(Params):
    """Conv, Im2ColConvolution, RefConvolution, DepthConv: no bias inside."""

    kernel_w: U32
    kernel_h: U32
    stride_x: U32
    stride_y: U32
    pad_left: U32
    pad_top: U32
    dilation_x: U32
    dilation_y: U32


@dataclass(frozen=True)
class DeconvParams(Params):
    """Deconvolution, DepthDeconv: transposed; the output's size is its buffer's."""

    kernel_w: U32
    kernel_h: U32
    stride_x: U32
    stride_y: U32
    pad_left: U32
    pad_top: U32


@dataclass(frozen=True)
class PoolParams(Params):
    """MaxPool, AvgPool, GlobalMaxPool; right and bottom padding follow from the sizes."""

    kernel_w: U32
    kernel_h: U32
    stride_x: U32
    stride_y: U32
    pad_left: U32
    pad_top: U32
    exclude_pad: Flag  # average only: divide by the clipped window


@dataclass(frozen=True)
class ConvNDParams(Params):
    """ConvND: spatial axes in stored order, innermost first."""

    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> ConvNDParams:
        """Each list comes after its own length."""
        begin, end, strides, dilations = (_counted(words, "i32", "axes") for _ in range(4))
        return cls(begin, end, strides, dilations, words.i32())


@dataclass(frozen=True)
class PoolNDParams(Params):
    """PoolND: spatial axes in stored order. ``method`` 1 max, 2 average; ``rounding`` 3 floor,
    4 ceiling."""

    kernel: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    strides: tuple[int, ...]
    interleaved: int
    method: int
    rounding: int
    exclude_pad: int

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> PoolNDParams:
        """Four lists, each after its own length, then four words."""
        kernel, begin, end, strides = (_counted(words, "i32", "axes") for _ in range(4))
        return cls(kernel, begin, end, strides, *read_word(("i32", 4), words))


# --- element by element ------------------------------------------------------------------------


@dataclass(frozen=True)
class ConvertParams(Params):
    """Convert: cast(in * scale + bias)."""

    scale: F32
    bias: F32
    from_detection_output: I32
    have_batch: I32


@dataclass(frozen=True)
class PowerParams(Params):
    """Power: (in * scale + bias) ** power."""

    bias: F32
    scale: F32
    power: F32


@dataclass(frozen=True)
class EltwiseParams(Params):
    """All two-operand stages, Logical_NOT and Select.

    ``coeff1``, ``coeff2`` matter for Sum only. ``post_op`` is -1 or the StageType to apply
    afterwards (Relu, LeakyRelu, Clamp). Numbers are integers where input 0 is S32.
    """

    coeff1: float
    coeff2: float
    post_op: int
    negative_slope: float
    min_value: float
    max_value: float

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> EltwiseParams:
        """Floats, or integers where input 0 is S32."""
        integers = bool(buffers) and buffers[0].desc.data_type is DataType.S32
        kind = "i32" if integers else "f32"
        coeff1, coeff2 = read_word((kind, 2), words)
        post_op = words.i32()
        return cls(coeff1, coeff2, post_op, *read_word((kind, 3), words))


@dataclass(frozen=True)
class ReluParams(Params):
    """Relu, LeakyRelu and their forms with a bias: x < 0 ? x * slope : x."""

    has_bias: Flag
    negative_slope: F32


@dataclass(frozen=True)
class ClampParams(Params):
    """Clamp: min(max(x, min_value), max_value)."""

    min_value: F32
    max_value: F32


@dataclass(frozen=True)
class EluParams(Params):
    """Elu: x < 0 ? alpha * (exp(x) - 1) : x."""

    alpha: F32


@dataclass(frozen=True)
class SwishParams(Params):
    """Swish: x * sigmoid(beta * x)."""

    beta: F32


@dataclass(frozen=True)
class RoundParams(Params):
    """Round: what happens to halves."""

    mode: RoundMode


# --- normalisation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SoftMaxParams(Params):
    """SoftMax along one stored axis."""

    axis: I32


@dataclass(frozen=True)
class LRNParams(Params):
    """LRN (across channels), InnerLRN (within one): halves but for the size.

    x / (k + alpha / size * sum x²) ** beta.
    """

    size: U32
    k: F16
    alpha: F16
    beta: F16
    reserved: F16


@dataclass(frozen=True)
class NormalizeParams(Params):
    """Normalize: x / sqrt(sum x² + eps) * scales."""

    across_spatial: Flag
    channel_shared: Flag
    eps: F32


@dataclass(frozen=True)
class MVNParams(Params):
    """MVN: subtract the mean, divide by the deviation."""

    normalize_variance: Flag
    across_channels: Flag
    eps_mode: I32  # 0 in every blob seen: eps inside the root
    eps: F32


@dataclass(frozen=True)
class GRNParams(Params):
    """GRN: x / sqrt(sum over channels of x² + bias)."""

    bias: F32


@dataclass(frozen=True)
class SCReluParams(Params):
    """SCRelu: scale, bias and leaky ReLU in one."""

    negative_slope: F32
    axis: I32


# --- movement ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PermuteParams(Params):
    """Permute: stored output dimension i is stored input dimension order[i]; unused are -1."""

    order: Annotated[tuple[int, ...], ("i32", 8)]


@dataclass(frozen=True)
class PadParams(Params):
    """Pad: elements before and after, for the four innermost stored axes."""

    begins: tuple[int, ...]
    ends: tuple[int, ...]
    value: float
    mode: PadMode

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> PadParams:
        """Begin and end of each axis stand side by side."""
        pairs = read_word(("u32", 8), words)
        return cls(pairs[0::2], pairs[1::2], words.f32(), read_word(PadMode, words))


@dataclass(frozen=True)
class TileParams(Params):
    """Tile: repeat along one stored axis."""

    axis: I32
    tiles: I32


@dataclass(frozen=True)
class UpsamplingParams(Params):
    """Upsampling: zeros between elements; out[y*fy + pad_top, x*fx + pad_left] = in[y, x]."""

    factor_x: I32
    factor_y: I32
    factor_z: I32
    pad_left: I32
    pad_right: I32
    pad_top: I32
    pad_bottom: I32
    pad_front: I32
    pad_back: I32


@dataclass(frozen=True)
class ReorgYoloParams(Params):
    """ReorgYolo: space to depth."""

    stride: I32


@dataclass(frozen=True)
class StridedSliceParams(Params):
    """StridedSlice: masks by IR axis, bit i for axis i; a set bit USES the value."""

    begin_mask: U32
    end_mask: U32
    new_axis_mask: U32
    shrink_axis_mask: U32
    ellipsis_mask: U32


@dataclass(frozen=True)
class OneHotParams(Params):
    """OneHot along a stored axis of the output."""

    axis: I32
    depth: U32
    on_value: F32
    off_value: F32


@dataclass(frozen=True)
class ReverseSequenceParams(Params):
    """ReverseSequence: stored axes."""

    seq_axis: I32
    batch_axis: I32


@dataclass(frozen=True)
class GatherParams(Params):
    """Gather along a stored axis of the input."""

    axis: I32


@dataclass(frozen=True)
class GatherNDParams(Params):
    """GatherND."""

    batch_dims: I32


@dataclass(frozen=True)
class GatherElementsParams(Params):
    """GatherElements: the axis is in IR order.

    With ``row_indices`` a third input says, for each row of the output, which row of the input
    it is gathered from; no public operation sets it.
    """

    axis: I32
    row_indices: Flag


@dataclass(frozen=True)
class BroadcastParams(Params):
    """Broadcast (dynamic networks only; static ones use Tile)."""

    mode: BroadcastMode


@dataclass(frozen=True)
class ConcatParams(Params):
    """Concat (dynamic networks only; static ones write into views)."""

    axis: U32
    inputs: U32


@dataclass(frozen=True)
class OutShapeOfReshapeParams(Params):
    """OutShapeOfReshape: the shape a dynamic Reshape gives."""

    special_zero: Flag


# --- resize ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResampleParams(Params):
    """Resample: nearest resize to the output's size."""

    antialias: Flag
    factor: F32  # -1 wherever seen: the sizes decide
    type: ResampleType
    coordinate_mode: CoordinateMode
    nearest_mode: NearestMode


@dataclass(frozen=True)
class InterpParams(Params):
    """Interp: bilinear resize to the output's size."""

    align_corners: Flag
    mode: InterpolateMode
    coordinate_mode: CoordinateMode


# --- reductions, matrices, recurrence ----------------------------------------------------------


@dataclass(frozen=True)
class ReduceParams(Params):
    """ReduceMean, Sum, Max, Min, And; the axes are a constant operand of stored positions."""

    keep_dims: Flag


@dataclass(frozen=True)
class TopKParams(Params):
    """TopK along a stored axis; k is an operand."""

    axis: I32
    mode: TopKMode
    sort: TopKSort
    has_values: Flag
    has_indices: Flag


@dataclass(frozen=True)
class GEMMParams(Params):
    """GEMM: alpha * A @ B + beta * C on the two innermost stored axes."""

    alpha: F32
    beta: F32
    has_c: Flag
    transpose_a: Flag
    transpose_b: Flag


@dataclass(frozen=True)
class LSTMCellParams(Params):
    """LSTMCell: a cell, or a whole sequence where ``cells`` is more than 1. Gates f, i, c, o."""

    forward: Flag
    cells: I32
    batches: I32
    use_cell_state: Flag
    outputs: U32


@dataclass(frozen=True)
class SliceRule:
    """One tensor that a loop cuts or fills: slice ``start + i * stride`` along a stored axis."""

    axis: int
    start: int
    stride: int
    end: int


def _slice_rules(words: Cursor) -> tuple[SliceRule, ...]:
    count = words.count(16, "slice rules")
    return tuple(SliceRule(*read_word(("i32", 4), words)) for _ in range(count))


@dataclass(frozen=True)
class LoopStartParams(Params):
    """LoopStart: ``stages`` counts from LoopStart to LoopEnd, both included."""

    iterations: int
    stages: int
    rules: tuple[SliceRule, ...]

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> LoopStartParams:
        """Two words, a count, four words per rule."""
        return cls(words.u32(), words.u32(), _slice_rules(words))


@dataclass(frozen=True)
class LoopEndParams(Params):
    """LoopEnd: ``iterations`` -1 means that axis ``batch_dim`` of an operand says how many."""

    iterations: int
    batch_dim: int | None
    rules: tuple[SliceRule, ...]

    @property
    def is_dynamic(self) -> bool:
        """Whether the number of iterations is read from an operand."""
        return self.iterations == -1

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> LoopEndParams:
        """The batch dimension is only there for dynamic loops."""
        iterations = words.i32()
        batch_dim = words.u32() if iterations == -1 else None
        return cls(iterations, batch_dim, _slice_rules(words))


# --- detection ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class DetectionOutputParams(Params):
    """DetectionOutput: SSD decoding and non-maximum suppression."""

    num_classes: I32
    share_location: Flag
    background_label_id: I32
    nms_threshold: F32
    top_k: I32
    code_type: CodeType
    keep_top_k: I32
    confidence_threshold: F32
    variance_encoded_in_target: Flag
    num_priors: I32
    clip_before_nms: Flag
    clip_after_nms: Flag
    decrease_label_id: Flag
    image_width: I32
    image_height: I32
    normalized: Flag
    num: I32
    objectness_score: F32
    has_arm_inputs: Flag


@dataclass(frozen=True)
class RegionYoloParams(Params):
    """RegionYolo: regions are ``num`` with softmax, ``mask_size`` without."""

    classes: I32
    coords: I32
    num: I32
    mask_size: I32
    do_softmax: Flag


@dataclass(frozen=True)
class PSROIPoolingParams(Params):
    """PSROIPooling: position-sensitive average (R-FCN)."""

    group_size: U32
    output_dim: U32
    spatial_scale: F32


@dataclass(frozen=True)
class ROIPoolingParams(Params):
    """ROIPooling."""

    pooled_w: U32
    pooled_h: U32
    spatial_scale: F32
    method: RoiPoolingMethod


@dataclass(frozen=True)
class ROIAlignParams(Params):
    """ROIAlign; ``step`` 0 repacking, 1 on channels-minor data, 2 the plain one."""

    pooled_w: U32
    pooled_h: U32
    sampling_ratio: U32
    spatial_scale: F32
    mode: RoiAlignMode
    step: U32

    @property
    def has_rois(self) -> bool:
        """Repacking only reorders the features: it takes no regions."""
        return self.step != 0


@dataclass(frozen=True)
class ProposalParams(Params):
    """Proposal: region proposals from anchors."""

    feat_stride: int
    base_size: int
    min_size: int
    pre_nms_topn: int
    post_nms_topn: int
    nms_thresh: float
    pre_nms_thresh: float
    box_size_scale: float
    box_coordinate_scale: float
    coordinates_offset: float
    initial_clip: bool
    clip_before_nms: bool
    clip_after_nms: bool
    normalize: bool
    shift_anchors: bool
    round_ratios: bool
    swap_xy: bool
    scales: tuple[float, ...]
    ratios: tuple[float, ...]

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> ProposalParams:
        """Fixed words, then two lists after their lengths."""
        values = [*read_word(("u32", 3), words), *read_word(("i32", 2), words)]
        values += [*read_word(("f32", 5), words), *read_word(("flag", 7), words)]
        values += [_counted(words, "f32", "scales"), _counted(words, "f32", "ratios")]
        return cls(*values)


@dataclass(frozen=True)
class StaticShapeNMSParams(Params):
    """StaticShapeNMS."""

    center_point_box: Flag


@dataclass(frozen=True)
class CTCGreedyDecoderSeqLenParams(Params):
    """CTCGreedyDecoderSeqLen."""

    merge_repeated: Flag
    blank_index: U32


@dataclass(frozen=True)
class ExpDetectionOutputParams(Params):
    """ExperimentalDetectronDetectionOutput."""

    deltas_weights: Annotated[tuple[float, ...], ("f32", 4)]
    max_delta_log_wh: F32
    nms_threshold: F32
    score_threshold: F32
    max_detections_per_image: I32
    num_classes: I32
    post_nms_count: I32
    class_agnostic_box_regression: I32


@dataclass(frozen=True)
class ExpGenerateProposalsParams(Params):
    """ExperimentalDetectronGenerateProposalsSingleImage."""

    min_size: F32
    nms_threshold: F32
    pre_nms_topn: I32
    post_nms_topn: I32


@dataclass(frozen=True)
class ExpPriorGridGeneratorParams(Params):
    """ExperimentalDetectronPriorGridGenerator."""

    flatten: I32
    grid_w: I32
    grid_h: I32
    stride_w: F32
    stride_h: F32


@dataclass(frozen=True)
class ExpTopKROIsParams(Params):
    """ExperimentalDetectronTopKROIs."""

    max_rois: I32


@dataclass(frozen=True)
class ROIFeatureExtractorParams(Params):
    """ExperimentalDetectronROIFeatureExtractor."""

    pooled_w: U32
    pooled_h: U32
    sampling_ratio: U32
    levels: U32
    use_output_rois: Flag
    pyramid_scales: Annotated[tuple[int, ...], ("i32", 16)]


@dataclass(frozen=True)
class MTCNNParams(Params):
    """MTCNN: sizes of the image pyramid; the inner networks are an operand."""

    pyramid: tuple[tuple[int, int], ...]
    debug_pnet_post_nms: int
    debug_rnet_post_nms: int
    mode: int
    batch: int

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> MTCNNParams:
        """A count, pairs (w, h), four words."""
        count = words.count(8, "pyramid levels")
        pyramid = tuple((words.i32(), words.i32()) for _ in range(count))
        return cls(pyramid, *read_word(("i32", 4), words))


@dataclass(frozen=True)
class CustomParams(Params):
    """Custom: a user's OpenCL kernel, compiled for SHAVE; the program is the last input."""

    grid: tuple[int, ...]
    local: tuple[int, ...]
    offsets: tuple[int, ...]
    max_shaves: int
    kernel_id: int
    inputs: int
    blobs: int
    # (value, kind): kind is a buffer's index, or -1 int, -2 float, -3 bytes of local memory
    arguments: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, words: Cursor, buffers: tuple[Buffer, ...]) -> CustomParams:
        """Nine words of geometry, four of counts, then pairs."""
        grid, local, offsets = (read_word(("u32", 3), words) for _ in range(3))
        max_shaves, kernel_id, inputs, blobs = read_word(("u32", 4), words)
        count = words.count(8, "kernel arguments")
        pairs = tuple((words.u32(), words.i32()) for _ in range(count))
        return cls(grid, local, offsets, max_shaves, kernel_id, inputs, blobs, pairs)


def _counted(words: Cursor, kind: str, of_what: str) -> tuple[int, ...]:
    """A u32 length and that many 4-byte words."""
    count = words.count(4, of_what)
    values: tuple[int, ...] = read_word((kind, count), words)
    return values


def read_params(
    kind: type[Params], words: Cursor, buffers: tuple[Buffer, ...], label: str
) -> Params:
    """Read a whole block and claim that nothing is left of it.

    Where a type of fixed length has a block of another length, another version of the engine
    wrote it in a way we do not know: the bytes are given as RawParams, like those of an unknown
    type, so that the rest of the blob can still be read.
    """
    start = words.pos
    fixed = fixed_bytes(kind)
    if fixed is not None and fixed != words.remaining:
        return RawParams.read(words, buffers)
    params = kind.read(words, buffers)
    if words.remaining:
        raise BlobError(
            f"parameters of {label} have {words.remaining} bytes more than the type has",
            offset=start,
        )
    return params
