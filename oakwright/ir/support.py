"""What the 2021.4 engine takes: a table by operation, and the check of a whole model against it.

Every row was found by compiling a network of that one layer. The engine reports only the first
layer it refuses, and some only after minutes; the check lists all of them at once.

`ACCEPTED` holds operations that compile in every form the legaliser leaves them in, `CONDITIONS`
those that do under a condition, `REFUSED` those that never do, with what to do instead. Whatever
is in none of them is unknown to the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import openvino as ov
from openvino import Node

from .finding import Finding
from .graph import depends_on_input, op_of

# Opsets whose operations the engine's reader knows by version.
OPSETS = frozenset(f"opset{number}" for number in range(1, 8))

ACCEPTED = frozenset(
    word
    for line in (
        # activations
        "Relu PRelu Elu Sigmoid Tanh Exp Log Sqrt Floor Ceiling Negative Erf Clamp Gelu HSwish",
        "Mish SoftPlus Swish HSigmoid Round Softmax LogSoftmax",
        # arithmetic and logic
        "Add Subtract Multiply Divide Maximum Minimum Power SquaredDifference FloorMod",
        "Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalNot Select",
        # reductions
        "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL2 ReduceLogicalAnd",
        # convolutions, pooling, products
        "Convolution GroupConvolution ConvolutionBackpropData GroupConvolutionBackpropData",
        "MaxPool AvgPool MatMul Einsum",
        # movement
        "Reshape Squeeze Unsqueeze Transpose Concat Split VariadicSplit StridedSlice Tile Pad",
        "Gather GatherElements GatherND ScatterUpdate ScatterElementsUpdate OneHot TopK",
        "DepthToSpace SpaceToDepth ShuffleChannels BatchToSpace SpaceToBatch Convert",
        # normalisation and resizing
        "LRN GRN MVN NormalizeL2 BatchNormInference Interpolate",
        # recurrent and detection
        "LSTMCell TensorIterator CTCGreedyDecoder DetectionOutput Proposal PriorBox",
        "PriorBoxClustered PSROIPooling ROIPooling ROIAlign RegionYolo ReorgYolo ReverseSequence",
        # the frame
        "Parameter Constant Result",
    )
    for word in line.split()
)

_DATA_DEPENDENT = (
    "the size of its result depends on the data",
    "cut the model before this layer (--output) and do it on the host",
)
_NO_STAGE = "the Myriad X has no stage for it"
_LOOP = (
    "control flow whose body runs a number of times known only at run time",
    "export without it: unroll loops, choose one branch",
)
_CUT = "cut the model before this layer (--output) and do it on the host"

REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("NonZero", "Unique", "NonMaxSuppression", "MatrixNms"), _DATA_DEPENDENT),
    **dict.fromkeys(("MulticlassNms", "NMSRotated", "GenerateProposals"), _DATA_DEPENDENT),
    **dict.fromkeys(("If", "Loop"), _LOOP),
    "Range": ("it counts to a number known only at run time", "make its limits constants"),
    "ShapeOf": ("it asks for a shape known only at run time", "give a fixed input shape"),
    "DeformableConvolution": (
        "convolution at positions that are computed at run time",
        "use plain or dilated convolutions",
    ),
    "GridSample": (
        "it samples at positions that are computed at run time",
        "make the grid a constant, or warp the image with a Warp or ImageManip node",
    ),
    "ScatterNDUpdate": (
        "it writes to places that are computed at run time",
        "write by a mask (Select), or cut the model before this layer",
    ),
    "LogicalOr": (_NO_STAGE, "the legaliser writes it as Not and And; please report this"),
    "LogicalXor": (_NO_STAGE, "the legaliser writes it as Equal; please report this"),
    "BitwiseAnd": ("bit operations on integers", _CUT),
    "BitwiseOr": ("bit operations on integers", _CUT),
    "BitwiseXor": ("bit operations on integers", _CUT),
    "BitwiseNot": ("bit operations on integers", _CUT),
    "EmbeddingBagOffsetsSum": (_NO_STAGE, "use Gather and ReduceSum"),
    "EmbeddingSegmentsSum": (_NO_STAGE, "use Gather and ReduceSum"),
    "Inverse": ("a matrix inverse", _CUT),
    "ReadValue": (
        "the network keeps a state between runs",
        "make the state an input and an output of the model",
    ),
    "Assign": (
        "the network keeps a state between runs",
        "make the state an input and an output of the model",
    ),
}

Condition: TypeAlias = Callable[[Node], "tuple[str, str] | None"]


def _constant_weights(node: Node) -> tuple[str, str] | None:
    if node.input_value(1).get_node().get_type_name() in ("Constant", "Convert"):
        return None
    return (
        "its weights are computed at run time",
        "make the weights a constant in the source model, or cut the model before this layer",
    )


def _constant_inputs(*indices: int) -> Condition:
    def condition(node: Node) -> tuple[str, str] | None:
        for index in indices:
            if index < node.get_input_size() and not _is_constant(node, index):
                return (
                    f"its input #{index} is computed at run time; the engine needs a constant",
                    "make it a constant in the source model, or cut the model before this layer",
                )
        return None

    return condition


def _is_constant(node: Node, index: int) -> bool:
    return str(node.input_value(index).get_node().get_type_name()) == "Constant"


def _product(node: Node) -> tuple[str, str] | None:
    rank = node.get_output_partial_shape(0).rank.get_length()
    return (f"a matrix product of {rank} dimensions", "use at most 4") if rank > 4 else None


def _ranks(*allowed: int) -> Condition:
    def condition(node: Node) -> tuple[str, str] | None:
        rank = node.get_input_partial_shape(0).rank.get_length()
        if rank in allowed:
            return None
        names = " or ".join(map(str, allowed))
        return f"{rank} dimensions, where the engine takes {names}", "reshape around the layer"

    return condition


def _all(*conditions: Condition) -> Condition:
    def condition(node: Node) -> tuple[str, str] | None:
        return next((found for each in conditions if (found := each(node))), None)

    return condition


CONDITIONS: dict[str, Condition] = {
    "Convolution": _constant_weights,
    "GroupConvolution": _all(_constant_weights, _ranks(3, 4)),
    "ConvolutionBackpropData": _all(_constant_weights, _ranks(4)),
    "GroupConvolutionBackpropData": _all(_constant_weights, _ranks(4)),
    "MatMul": _product,
    "Pad": _all(_constant_inputs(1, 2, 3), _ranks(3, 4)),
    "StridedSlice": _constant_inputs(1, 2, 3),
    "Reshape": _constant_inputs(1),
    "Transpose": _constant_inputs(1),
    "Tile": _constant_inputs(1),
    "TopK": _constant_inputs(1),
    "OneHot": _constant_inputs(1, 2, 3),
    "LSTMCell": _constant_inputs(3, 4, 5),
    "Interpolate": _constant_inputs(1, 2, 3),
}

# What may travel between layers; wider integers become I32, booleans I32 or FP16.
_TYPES = ("f32", "f16", "i64", "i32", "u64", "u32", "i16", "u16", "i8", "u8", "boolean")
# The memory of the chip; a network that needs more for one tensor cannot be run.
_MEMORY_BYTES = 512 * 1024 * 1024


def check(model: ov.Model) -> list[Finding]:
    """Every layer of a legalised model that the engine would refuse, all at once.

    Severity ``error`` is refused for certain; ``warning`` compiles, but not to what was meant.
    """
    return [*_layers(model), *_ports(model)]


def _layers(model: ov.Model) -> list[Finding]:
    findings = []
    for node in model.get_ordered_ops():
        found = _refusal(node)
        if found is not None:
            name = node.get_friendly_name()
            findings.append(Finding(name, op_of(node), name, *found))
        elif node.get_type_name() == "TensorIterator":
            findings += _layers(node.get_function())
    return findings


def _refusal(node: Node) -> tuple[str, str] | None:
    """Reason and remedy, or None where the engine takes the layer."""
    kind = node.get_type_name()
    # Whoever needs a size known at run time is the cause; what comes after it only suffers.
    if kind in REFUSED:
        return REFUSED[kind]
    if any(not value.get_partial_shape().is_static for value in node.input_values()):
        return None  # some layer before it is the cause, and is reported
    tensors = [*node.input_values(), *node.outputs()]
    for tensor in tensors:
        shape = tensor.get_partial_shape()
        if not shape.is_static:
            return (
                f"the shape {shape} is not known before run time",
                "give a fixed input shape, or cut the model before the first such layer",
            )
        size = math.prod(shape.to_shape())
        # The shape of a scalar, or no axes at all, is an empty list of integers.
        if size == 0 and not tensor.get_element_type().is_integral_number():
            return f"an empty tensor of shape {shape}", "remove what has no elements"
        if size * 2 > _MEMORY_BYTES:
            return f"a tensor of shape {shape} does not fit into the chip", "use a smaller shape"
        if tensor.get_element_type().to_string() not in _TYPES:
            return (
                f"the element type {tensor.get_element_type().to_string()}",
                "use float, integer or boolean",
            )
    if node.type_info.version_id not in OPSETS:
        return (
            f"{op_of(node)} is newer than the engine, and the legaliser has no rule for it",
            _CUT,
        )
    if kind not in ACCEPTED:
        return _NO_STAGE, _CUT
    condition = CONDITIONS.get(kind)
    return condition(node) if condition is not None else None


def _ports(model: ov.Model) -> list[Finding]:
    """Inputs nobody reads, outputs nothing flows into."""
    findings = []
    live = depends_on_input(model)
    for parameter in model.get_parameters():
        if not parameter.output(0).get_target_inputs():
            name = parameter.get_friendly_name()
            reason = "no layer reads this input: the blob will not have it"
            remedy = "remove it from the model"
            findings.append(Finding(name, op_of(parameter), name, reason, remedy, "warning"))
    constant = [result for result in model.get_results() if result.get_name() not in live]
    alone = len(constant) == len(model.get_results())
    for result in constant:
        name = result.input_value(0).get_node().get_friendly_name()
        reason = "this output is the same for every input"
        if alone:
            reason += "; a network without any other has no input, and the engine refuses it"
        findings.append(
            Finding(
                name,
                op_of(result),
                name,
                reason,
                "remove the output and keep its value on the host",
                "error" if alone else "warning",
            )
        )
    return findings
