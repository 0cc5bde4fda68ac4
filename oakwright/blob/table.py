"""Every stage type with its record of parameters and its operands in file order.

An operand is written ``name``, with ``>`` before it where the stage writes it and ``~`` where it
is scratch. Behind the name: ``?`` present where buffers remain for it; ``?flag`` present where
the parameter ``flag`` is set; ``*number`` repeated as often as the parameter says, the copies
numbered from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import params as p
from .enums import StageType as T
from .hardware import HwParams
from .words import Params

ELTWISE = "input0 >output input1 input2"
UNARY = "input >output"
CONVOLUTION = "input >output weights ~temp?"
LOOP_START = "loop start"  # pairs, see operands.py
LOOP_END = "loop end"
HARDWARE = "hardware"  # by index, see hardware.py
CUSTOM = "custom"  # counts in the parameters


@dataclass(frozen=True)
class StageKind:
    """What is known of a stage type."""

    params: type[Params]
    operands: str


STAGE_KINDS: dict[T, StageKind] = {
    T.Conv: StageKind(p.ConvParams, CONVOLUTION),
    T.MaxPool: StageKind(p.PoolParams, UNARY),
    T.AvgPool: StageKind(p.PoolParams, UNARY),
    T.SoftMax: StageKind(p.SoftMaxParams, UNARY),
    T.FC: StageKind(p.NoParams, "input >output weights"),
    T.None_: StageKind(p.NoParams, "input >output?"),
    T.Relu: StageKind(p.ReluParams, UNARY),
    T.DepthConv: StageKind(p.ConvParams, CONVOLUTION),
    T.Bias: StageKind(p.NoParams, "input >output bias"),
    T.PRelu: StageKind(p.NoParams, "input >output slopes"),
    T.LRN: StageKind(p.LRNParams, UNARY),
    T.Sum: StageKind(p.EltwiseParams, ELTWISE),
    T.Prod: StageKind(p.EltwiseParams, ELTWISE),
    T.Max: StageKind(p.EltwiseParams, ELTWISE),
    T.Scale: StageKind(p.NoParams, "input >output scale"),
    T.InnerLRN: StageKind(p.LRNParams, UNARY),
    T.Copy: StageKind(p.NoParams, UNARY),
    T.Sigmoid: StageKind(p.NoParams, UNARY),
    T.Tanh: StageKind(p.NoParams, UNARY),
    T.Deconvolution: StageKind(p.DeconvParams, CONVOLUTION),
    T.Elu: StageKind(p.EluParams, UNARY),
    T.Power: StageKind(p.PowerParams, UNARY),
    T.Tile: StageKind(p.TileParams, UNARY),
    T.RegionYolo: StageKind(p.RegionYoloParams, UNARY),
    T.ReorgYolo: StageKind(p.ReorgYoloParams, UNARY),
    T.Permute: StageKind(p.PermuteParams, UNARY),
    T.Normalize: StageKind(p.NormalizeParams, "input >output scales"),
    T.DetectionOutput: StageKind(
        p.DetectionOutputParams,
        "loc conf priors arm_conf?has_arm_inputs arm_loc?has_arm_inputs >output ~temp",
    ),
    T.MyriadXHwOp: StageKind(HwParams, HARDWARE),
    T.CTCDecoder: StageKind(p.NoParams, "input sequence >output"),
    T.LeakyRelu: StageKind(p.ReluParams, UNARY),
    T.BiasRelu: StageKind(p.ReluParams, "input >output bias"),
    T.BiasLeakyRelu: StageKind(p.ReluParams, "input >output bias"),
    T.ScaleShift: StageKind(p.NoParams, "input >output scale bias"),
    T.Im2ColConvolution: StageKind(p.ConvParams, CONVOLUTION),
    T.HwFcRelayout: StageKind(p.NoParams, UNARY),
    T.Clamp: StageKind(p.ClampParams, UNARY),
    T.RefConvolution: StageKind(p.ConvParams, CONVOLUTION),
    T.GlobalMaxPool: StageKind(p.PoolParams, UNARY),
    T.GRN: StageKind(p.GRNParams, UNARY),
    T.MVN: StageKind(p.MVNParams, UNARY),
    T.DepthDeconv: StageKind(p.DeconvParams, CONVOLUTION),
    T.Proposal: StageKind(p.ProposalParams, "cls >rois >probs bbox im_info ~temp"),
    T.ROIPooling: StageKind(p.ROIPoolingParams, "input >output rois"),
    T.PSROIPooling: StageKind(p.PSROIPoolingParams, "input >output rois"),
    T.Interp: StageKind(p.InterpParams, UNARY),
    T.MTCNN: StageKind(p.MTCNNParams, "input >output networks"),
    T.LSTMCell: StageKind(
        p.LSTMCellParams, "input hidden cell weights bias >output*outputs ~temp?"
    ),
    T.Pad: StageKind(p.PadParams, UNARY),
    T.Resample: StageKind(p.ResampleParams, UNARY),
    T.Upsampling: StageKind(p.UpsamplingParams, UNARY),
    T.Div: StageKind(p.EltwiseParams, ELTWISE),
    T.Min: StageKind(p.EltwiseParams, ELTWISE),
    T.Squared_diff: StageKind(p.EltwiseParams, ELTWISE),
    T.Equal: StageKind(p.EltwiseParams, ELTWISE),
    T.Not_equal: StageKind(p.EltwiseParams, ELTWISE),
    T.Greater: StageKind(p.EltwiseParams, ELTWISE),
    T.Greater_equal: StageKind(p.EltwiseParams, ELTWISE),
    T.Less: StageKind(p.EltwiseParams, ELTWISE),
    T.Less_equal: StageKind(p.EltwiseParams, ELTWISE),
    T.Logical_NOT: StageKind(p.EltwiseParams, ELTWISE),
    T.Logical_AND: StageKind(p.EltwiseParams, ELTWISE),
    T.Logical_OR: StageKind(p.EltwiseParams, ELTWISE),
    T.Logical_XOR: StageKind(p.EltwiseParams, ELTWISE),
    T.Pow: StageKind(p.EltwiseParams, ELTWISE),
    T.Floor_mod: StageKind(p.EltwiseParams, ELTWISE),
    T.Select: StageKind(p.EltwiseParams, ELTWISE),
    T.GEMM: StageKind(p.GEMMParams, "a b c?has_c >output"),
    T.Log: StageKind(p.NoParams, UNARY),
    T.ReduceAnd: StageKind(p.ReduceParams, "input >output axes"),
    T.ReverseSequence: StageKind(p.ReverseSequenceParams, "input lengths >output"),
    T.Gather: StageKind(p.GatherParams, "input >output indices"),
    T.Exp: StageKind(p.NoParams, UNARY),
    T.Floor: StageKind(p.NoParams, UNARY),
    T.ScatterUpdate: StageKind(p.NoParams, "input >output indices updates axis"),
    T.TopK: StageKind(p.TopKParams, "input k >values?has_values >indices?has_indices"),
    T.ReduceMin: StageKind(p.ReduceParams, "input >output axes"),
    T.ExpDetectionOutput: StageKind(
        p.ExpDetectionOutputParams,
        "boxes deltas scores im_info >output_boxes >output_classes >output_scores",
    ),
    T.ROIFeatureExtractor: StageKind(
        p.ROIFeatureExtractorParams,
        "rois level*levels >output >output_rois?use_output_rois ~temp",
    ),
    T.SCRelu: StageKind(p.SCReluParams, "input >output scales biases"),
    T.Erf: StageKind(p.NoParams, UNARY),
    T.Convert: StageKind(p.ConvertParams, UNARY),
    T.ReduceMax: StageKind(p.ReduceParams, "input >output axes"),
    T.ReduceSum: StageKind(p.ReduceParams, "input >output axes"),
    T.ReduceMean: StageKind(p.ReduceParams, "input >output axes"),
    T.Custom: StageKind(p.CustomParams, CUSTOM),
    T.ConvND: StageKind(p.ConvNDParams, "input >output weights bias"),
    T.OneHot: StageKind(p.OneHotParams, UNARY),
    T.PoolND: StageKind(p.PoolNDParams, UNARY),
    T.LoopStart: StageKind(p.LoopStartParams, LOOP_START),
    T.LoopEnd: StageKind(p.LoopEndParams, LOOP_END),
    T.ExpPriorGridGenerator: StageKind(
        p.ExpPriorGridGeneratorParams, "priors feature_map image >output"
    ),
    T.NonZero: StageKind(p.NoParams, "input >indices >output_dims"),
    T.ROIAlign: StageKind(p.ROIAlignParams, "input rois?has_rois batch_indices?has_rois >output"),
    T.ExpGenerateProposals: StageKind(
        p.ExpGenerateProposalsParams,
        "im_info anchors deltas scores >output_rois >output_scores ~temp",
    ),
    T.ExpTopKROIs: StageKind(p.ExpTopKROIsParams, "rois probs >output"),
    T.ScatterElementsUpdate: StageKind(p.NoParams, "input >output indices updates axis"),
    T.OutShapeOfReshape: StageKind(
        p.OutShapeOfReshapeParams, "input_shape descriptor >output_shape"
    ),
    T.Concat: StageKind(p.ConcatParams, "input*inputs >output"),
    T.Broadcast: StageKind(p.BroadcastParams, "input target_shape axes? >output"),
    T.StaticShapeNMS: StageKind(
        p.StaticShapeNMSParams,
        "boxes scores max_output_boxes iou_threshold score_threshold >output >output_dims",
    ),
    T.Mish: StageKind(p.NoParams, UNARY),
    T.Gelu: StageKind(p.NoParams, UNARY),
    T.StridedSlice: StageKind(p.StridedSliceParams, "input begin end strides >output"),
    T.SoftPlus: StageKind(p.NoParams, UNARY),
    T.Swish: StageKind(p.SwishParams, UNARY),
    T.GatherND: StageKind(p.GatherNDParams, "input >output indices"),
    T.HSwish: StageKind(p.NoParams, UNARY),
    T.Ceiling: StageKind(p.NoParams, UNARY),
    T.GatherElements: StageKind(
        p.GatherElementsParams, "input >output indices row_indices?row_indices"
    ),
    T.Round: StageKind(p.RoundParams, UNARY),
    T.CTCGreedyDecoderSeqLen: StageKind(
        p.CTCGreedyDecoderSeqLenParams, "input sequence_lengths >classes >lengths"
    ),
}
