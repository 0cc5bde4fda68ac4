"""Which operations of OpenVINO belong together, for the colours of a graph."""

from __future__ import annotations

_FAMILIES = {
    "port": "Parameter Result",
    "product": "Convolution GroupConvolution ConvolutionBackpropData MatMul LSTMCell LSTMSequence"
    " GroupConvolutionBackpropData BinaryConvolution DeformableConvolution GRUCell GRUSequence"
    " RNNCell RNNSequence Einsum",
    "activation": "Relu PRelu LeakyRelu Sigmoid Tanh HSwish HSigmoid Swish Gelu Elu Selu Mish Clamp"
    " SoftPlus SoftSign Softmax LogSoftmax HardSigmoid Exp Erf",
    "pooling": "MaxPool AvgPool AdaptiveAvgPool AdaptiveMaxPool ReduceMean ReduceMax ReduceMin"
    " ReduceSum ReduceProd ReduceL1 ReduceL2 ROIPooling PSROIPooling ROIAlign",
    "arithmetic": "Add Subtract Multiply Divide Power Maximum Minimum Sqrt Abs Negative Mod"
    " SquaredDifference Floor Ceiling Round Sign Log FloorMod",
    "normalisation": "BatchNormInference MVN NormalizeL2 LRN GRN",
    "shape": "Reshape Transpose Squeeze Unsqueeze Concat Split VariadicSplit StridedSlice Slice Pad"
    " Gather GatherElements GatherND Interpolate Broadcast Tile DepthToSpace SpaceToDepth ShapeOf"
    " ShuffleChannels Convert ReorgYolo ScatterUpdate ScatterNDUpdate Reverse ReverseSequence",
    "result": "DetectionOutput PriorBox PriorBoxClustered RegionYolo NonMaxSuppression TopK"
    " Proposal NonZero CTCGreedyDecoder CTCGreedyDecoderSeqLen",
}
FAMILY = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds.split()}


def family_of(operation: str) -> str:
    """The family of ``Convolution-1``; ``other`` where it is in none."""
    return FAMILY.get(operation.partition("-")[0], "other")
