"""Which function lifts which stage type; what is not here is refused by name.

LoopStart and LoopEnd are not here: unrolling is the driver's (``decompile.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from oakwright.blob import Stage
from oakwright.blob import StageType as T

from ..lifter import Lifter
from . import (
    activation,
    convolution,
    detection,
    elementwise,
    hardware,
    indexing,
    movement,
    pooling,
    recurrent,
    reduction,
)

Lift = Callable[[Lifter, Stage], None]

LIFTS: dict[T, Lift] = {
    # convolutions, products, pools
    T.MyriadXHwOp: hardware.hardware,
    T.Conv: convolution.software_convolution,
    T.Im2ColConvolution: convolution.software_convolution,
    T.RefConvolution: convolution.software_convolution,
    T.DepthConv: convolution.depthwise_convolution,
    T.Deconvolution: convolution.deconvolution,
    T.DepthDeconv: convolution.depthwise_deconvolution,
    T.Upsampling: convolution.zero_insertion,
    T.FC: convolution.full_connection,
    T.GEMM: convolution.matrix_product,
    T.MaxPool: pooling.max_pooling,
    T.AvgPool: pooling.average_pooling,
    T.GlobalMaxPool: pooling.global_max_pooling,
    # of one value
    T.Relu: activation.relu,
    T.LeakyRelu: activation.relu,
    T.BiasRelu: activation.relu,
    T.BiasLeakyRelu: activation.relu,
    T.Bias: activation.bias,
    T.Scale: activation.scale_shift,
    T.ScaleShift: activation.scale_shift,
    T.SCRelu: activation.scale_bias_relu,
    T.PRelu: activation.prelu,
    T.Clamp: activation.clamp,
    T.Elu: activation.elu,
    T.Swish: activation.swish,
    T.Power: activation.power,
    T.Round: activation.round_,
    T.Sigmoid: activation.sigmoid,
    T.Tanh: activation.tanh,
    T.Exp: activation.exp,
    T.Log: activation.log,
    T.Floor: activation.floor,
    T.Ceiling: activation.ceiling,
    T.Erf: activation.erf,
    T.Mish: activation.mish,
    T.Gelu: activation.gelu,
    T.SoftPlus: activation.soft_plus,
    T.HSwish: activation.hswish,
    T.SoftMax: activation.soft_max,
    T.Convert: activation.cast_to,
    # of two or three
    T.Sum: elementwise.eltwise,
    T.Prod: elementwise.eltwise,
    T.Max: elementwise.eltwise,
    T.Min: elementwise.eltwise,
    T.Div: elementwise.eltwise,
    T.Squared_diff: elementwise.eltwise,
    T.Pow: elementwise.eltwise,
    T.Floor_mod: elementwise.eltwise,
    T.Equal: elementwise.eltwise,
    T.Not_equal: elementwise.eltwise,
    T.Greater: elementwise.eltwise,
    T.Greater_equal: elementwise.eltwise,
    T.Less: elementwise.eltwise,
    T.Less_equal: elementwise.eltwise,
    T.Logical_AND: elementwise.eltwise,
    T.Logical_OR: elementwise.eltwise,
    T.Logical_XOR: elementwise.eltwise,
    T.Logical_NOT: elementwise.logical_not,
    T.Select: elementwise.select,
    # reductions and normalisations
    T.ReduceMean: reduction.reduction,
    T.ReduceSum: reduction.reduction,
    T.ReduceMax: reduction.reduction,
    T.ReduceMin: reduction.reduction,
    T.ReduceAnd: reduction.reduction,
    T.TopK: reduction.top_k,
    T.Normalize: reduction.normalize,
    T.MVN: reduction.mean_variance,
    T.GRN: reduction.global_response,
    T.LRN: reduction.across_channels,
    T.InnerLRN: reduction.within_channel,
    # movement and indexing
    T.Copy: movement.copy,
    T.Permute: movement.permute,
    T.Pad: movement.padding,
    T.Tile: movement.tile,
    T.ReorgYolo: movement.space_to_depth,
    T.Resample: movement.resample,
    T.Interp: movement.interpolate,
    T.Gather: indexing.gathering,
    T.GatherND: indexing.gather_nd,
    T.GatherElements: indexing.gather_elements,
    T.ScatterUpdate: indexing.scatter_update,
    T.ScatterElementsUpdate: indexing.scatter_elements_update,
    T.StridedSlice: indexing.strided_slice,
    T.OneHot: indexing.one_hot,
    T.ReverseSequence: indexing.reverse_sequence,
    # sequences and detection
    T.LSTMCell: recurrent.lstm_cell,
    T.CTCDecoder: detection.ctc_decoder,
    T.RegionYolo: detection.region_yolo,
    T.DetectionOutput: detection.detection_output,
    T.Proposal: detection.proposal,
    T.ROIPooling: detection.roi_pooling,
    T.PSROIPooling: detection.psroi_pooling,
    T.ROIAlign: detection.roi_align,
}
