"""Which function runs which stage type. What is not here stands in ``UNSUPPORTED`` with a reason.

LoopStart and LoopEnd are not here either: they steer, and so are the machine's own.
"""

from __future__ import annotations

import numpy as np

from oakwright.blob import StageType as T

from . import (
    activation,
    convolution,
    decoding,
    detection,
    elementwise,
    hardware,
    indexing,
    movement,
    normalisation,
    pooling,
    proposals,
    recurrent,
    reduction,
    regions,
    resize,
)
from .activation import Kernel, unary
from .elementwise import eltwise
from .reduction import reduce

KERNELS: dict[T, Kernel] = {
    # convolutions and pooling
    T.MyriadXHwOp: hardware.hardware_op,
    T.Conv: convolution.convolution,
    T.Im2ColConvolution: convolution.im2col_convolution,
    T.DepthConv: convolution.depth_convolution,
    T.Deconvolution: convolution.deconvolution,
    T.DepthDeconv: convolution.depth_deconvolution,
    T.FC: convolution.fully_connected,
    T.MaxPool: pooling.max_pool,
    T.AvgPool: pooling.average_pool,
    T.GlobalMaxPool: pooling.global_max_pool,
    # of one value
    T.Relu: activation.relu,
    T.LeakyRelu: activation.relu,
    T.BiasRelu: activation.relu,
    T.BiasLeakyRelu: activation.relu,
    T.Bias: activation.bias,
    T.Scale: activation.scale,
    T.ScaleShift: activation.scale_shift,
    T.SCRelu: activation.scale_relu,
    T.PRelu: activation.prelu,
    T.Clamp: activation.clamp,
    T.Elu: activation.elu,
    T.Swish: activation.swish,
    T.Power: activation.power,
    T.Round: activation.round_values,
    T.Sigmoid: unary(activation.sigmoid),
    T.Tanh: unary(np.tanh),
    T.Exp: unary(np.exp),
    T.Log: unary(np.log),
    T.Floor: unary(np.floor),
    T.Ceiling: unary(np.ceil),
    T.Erf: unary(activation.erf),
    T.Mish: unary(activation.mish),
    T.Gelu: unary(activation.gelu),
    T.SoftPlus: unary(activation.softplus),
    T.HSwish: unary(activation.hswish),
    # of two or three tensors
    T.Sum: elementwise.weighted_sum,
    T.Prod: eltwise(np.multiply),
    T.Max: eltwise(np.maximum),
    T.Min: eltwise(np.minimum),
    T.Div: eltwise(elementwise.divide),
    T.Squared_diff: eltwise(elementwise.squared_difference),
    T.Equal: eltwise(np.equal),
    T.Not_equal: eltwise(np.not_equal),
    T.Greater: eltwise(np.greater),
    T.Greater_equal: eltwise(np.greater_equal),
    T.Less: eltwise(np.less),
    T.Less_equal: eltwise(np.less_equal),
    T.Logical_NOT: elementwise.logical_not,
    T.Logical_AND: eltwise(np.logical_and),
    T.Logical_OR: eltwise(np.logical_or),
    T.Logical_XOR: eltwise(np.logical_xor),
    T.Pow: eltwise(np.power),
    T.Floor_mod: eltwise(elementwise.floor_mod),
    T.Select: elementwise.select,
    # reductions, products, normalisations
    T.SoftMax: reduction.softmax,
    T.ReduceAnd: reduce(np.all),
    T.ReduceMin: reduce(np.min),
    T.ReduceMax: reduce(np.max),
    T.ReduceSum: reduce(np.sum),
    T.ReduceMean: reduce(np.mean),
    T.TopK: reduction.top_k,
    T.GEMM: reduction.gemm,
    T.Normalize: normalisation.normalize,
    T.MVN: normalisation.mvn,
    T.GRN: normalisation.grn,
    T.LRN: normalisation.lrn,
    T.InnerLRN: normalisation.inner_lrn,
    # movement and indexing
    T.Convert: movement.convert,
    T.Copy: movement.copy,
    T.Permute: movement.permute,
    T.Pad: movement.pad,
    T.Tile: movement.tile,
    T.Upsampling: movement.upsampling,
    T.ReorgYolo: movement.reorg_yolo,
    T.Gather: indexing.gather,
    T.GatherND: indexing.gather_nd,
    T.GatherElements: indexing.gather_elements,
    T.ScatterUpdate: indexing.scatter_update,
    T.ScatterElementsUpdate: indexing.scatter_elements_update,
    T.StridedSlice: indexing.strided_slice,
    T.OneHot: indexing.one_hot,
    T.ReverseSequence: indexing.reverse_sequence,
    T.Resample: resize.resample,
    T.Interp: resize.interpolate,
    # sequences
    T.LSTMCell: recurrent.lstm_cell,
    T.CTCDecoder: decoding.ctc_decoder,
    T.CTCGreedyDecoderSeqLen: decoding.ctc_decoder_seq_len,
    # detection
    T.RegionYolo: detection.region_yolo,
    T.DetectionOutput: detection.detection_output,
    T.Proposal: proposals.proposal,
    T.ROIPooling: regions.roi_pooling,
    T.PSROIPooling: regions.psroi_pooling,
    T.ROIAlign: regions.roi_align,
    T.ROIFeatureExtractor: regions.roi_features,
    T.ExpDetectionOutput: proposals.experimental_detection_output,
    T.ExpGenerateProposals: proposals.generate_proposals,
    T.ExpPriorGridGenerator: proposals.prior_grid,
    T.ExpTopKROIs: proposals.top_rois,
}

_DYNAMIC = "only networks with dynamic shapes have it; their shapes are not in the file"
_NEVER = "no network that OpenVINO 2021.4 compiles has it, so nothing defines what it does"

# Stage types without a kernel, and why.
UNSUPPORTED: dict[T, str] = {
    T.None_: _NEVER,
    T.RefConvolution: _NEVER,
    T.HwFcRelayout: "it goes with the hardware's FC op, which OpenVINO 2021.4 never makes",
    T.MTCNN: "it holds whole networks of a format of its own",
    T.Custom: "it is a user's OpenCL program, compiled for the SHAVE cores",
    T.ConvND: "convolutions over depth are split into two-dimensional ones; layout not known",
    T.PoolND: "pooling over depth is split into two-dimensional pooling; layout not known",
    T.NonZero: _DYNAMIC,
    T.OutShapeOfReshape: _DYNAMIC,
    T.Concat: _DYNAMIC,
    T.Broadcast: _DYNAMIC,
    T.StaticShapeNMS: _DYNAMIC,
}
