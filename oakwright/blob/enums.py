"""Every number of the format that has a name, under the engine's own name for it.

Source: the 2021.4.2 engine's enumerations (stage types, data types, locations, hardware
operation kinds), as they appear in its blobs.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class DataType(IntEnum):
    """Element type of a tensor."""

    FP16 = 0
    U8 = 1
    S32 = 2
    FP32 = 3
    I8 = 4


class Location(IntEnum):
    """Where a buffer lies, and so what its offset is relative to."""

    NONE = 0  # "fake": an absent optional operand
    INPUT = 1
    OUTPUT = 2
    BLOB = 3  # the constants section of the file
    BSS = 4  # scratch in DDR
    CMX = 5  # on-chip memory


class HwOpType(IntEnum):
    """What one hardware descriptor does. 3 is not used."""

    CONV = 0
    CONV_POOL = 1
    FC = 2
    POOL = 4


class PoolType(IntEnum):
    """Kind of a hardware pooling."""

    MAX = 0
    AVERAGE = 1


class HwPadMode(IntFlag):
    """Sides where hardware padding repeats the edge; without any, it is zeros."""

    ZEROS = 0
    RIGHT = 1
    BOTTOM = 2
    TOP = 4
    LEFT = 8


class PadMode(IntEnum):
    """What a Pad stage writes outside its input."""

    CONSTANT = 0
    EDGE = 1
    REFLECT = 2
    SYMMETRIC = 3


class ResampleType(IntEnum):
    """Interpolation of a Resample stage; the engine only makes nearest ones."""

    NEAREST = 0
    LINEAR = 1
    CUBIC = 2


class InterpolateMode(IntEnum):
    """Interpolation of an Interp stage."""

    NEAREST = 0
    LINEAR = 1
    CUBIC = 2
    LINEAR_ONNX = 3


class CoordinateMode(IntEnum):
    """How an output pixel's place maps to the input, as in opset4 Interpolate."""

    HALF_PIXEL = 0
    PYTORCH_HALF_PIXEL = 1
    ASYMMETRIC = 2
    TF_HALF_PIXEL_FOR_NN = 3
    ALIGN_CORNERS = 4


class NearestMode(IntEnum):
    """How a fractional place becomes a pixel, as in opset4 Interpolate."""

    ROUND_PREFER_FLOOR = 0
    ROUND_PREFER_CEIL = 1
    FLOOR = 2
    CEIL = 3
    SIMPLE = 4


class TopKMode(IntEnum):
    """Which end of the values TopK keeps."""

    MAX = 0
    MIN = 1


class TopKSort(IntEnum):
    """How TopK orders what it keeps."""

    NONE = 0
    VALUE = 1
    INDEX = 2


class RoundMode(IntEnum):
    """What Round does with halves."""

    HALF_TO_EVEN = 0
    HALF_AWAY_FROM_ZERO = 1


class RoiPoolingMethod(IntEnum):
    """Sampling of ROIPooling."""

    MAX = 0
    BILINEAR = 1


class RoiAlignMode(IntEnum):
    """Reduction of ROIAlign."""

    AVERAGE = 0
    MAX = 1


class BroadcastMode(IntEnum):
    """Rule of a Broadcast stage."""

    NUMPY = 0
    EXPLICIT = 1
    BIDIRECTIONAL = 2


class CodeType(IntEnum):
    """How DetectionOutput's location predictions encode a box."""

    CORNER = 1
    CENTER_SIZE = 2
    CORNER_SIZE = 3


class StageType(IntEnum):
    """Kinds of stages: the whole list of 2021.4.2, numbers with gaps included."""

    Conv = 0
    MaxPool = 1
    AvgPool = 2
    SoftMax = 3
    FC = 4
    None_ = 5
    Relu = 6
    DepthConv = 8
    Bias = 9
    PRelu = 10
    LRN = 11
    Sum = 12
    Prod = 13
    Max = 14
    Scale = 15
    InnerLRN = 18
    Copy = 19
    Sigmoid = 20
    Tanh = 21
    Deconvolution = 22
    Elu = 23
    Power = 26
    Tile = 28
    RegionYolo = 29
    ReorgYolo = 30
    Permute = 34
    Normalize = 35
    DetectionOutput = 37
    MyriadXHwOp = 38
    CTCDecoder = 43
    LeakyRelu = 44
    BiasRelu = 45
    BiasLeakyRelu = 46
    ScaleShift = 47
    Im2ColConvolution = 49
    HwFcRelayout = 56
    Clamp = 57
    RefConvolution = 58
    GlobalMaxPool = 60
    GRN = 61
    MVN = 62
    DepthDeconv = 63
    Proposal = 64
    ROIPooling = 65
    PSROIPooling = 66
    Interp = 67
    MTCNN = 69
    LSTMCell = 70
    Pad = 71
    Resample = 72
    Upsampling = 73
    Div = 75
    Min = 76
    Squared_diff = 77
    Equal = 78
    Not_equal = 79
    Greater = 80
    Greater_equal = 81
    Less = 82
    Less_equal = 83
    Logical_NOT = 84
    Logical_AND = 85
    Logical_OR = 86
    Logical_XOR = 87
    Pow = 88
    Floor_mod = 89
    Select = 90
    GEMM = 91
    Log = 92
    ReduceAnd = 93
    ReverseSequence = 94
    Gather = 100
    Exp = 101
    Floor = 102
    ScatterUpdate = 103
    TopK = 104
    ReduceMin = 105
    ExpDetectionOutput = 106
    ROIFeatureExtractor = 108
    SCRelu = 109
    Erf = 110
    Convert = 111
    ReduceMax = 112
    ReduceSum = 113
    ReduceMean = 114
    Custom = 115
    ConvND = 116
    OneHot = 117
    PoolND = 118
    LoopStart = 119
    LoopEnd = 120
    ExpPriorGridGenerator = 121
    NonZero = 122
    ROIAlign = 123
    ExpGenerateProposals = 124
    ExpTopKROIs = 125
    ScatterElementsUpdate = 126
    OutShapeOfReshape = 127
    Concat = 128
    Broadcast = 129
    StaticShapeNMS = 130
    Mish = 131
    Gelu = 132
    StridedSlice = 133
    SoftPlus = 134
    Swish = 135
    GatherND = 136
    HSwish = 137
    Ceiling = 138
    GatherElements = 139
    Round = 140
    CTCGreedyDecoderSeqLen = 141

    @property
    def label(self) -> str:
        """The name as the format writes it (``None`` is a word of Python)."""
        return self.name.rstrip("_")
