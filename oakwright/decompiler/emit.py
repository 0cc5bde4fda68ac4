"""From the graph to an ``openvino.Model``, in operations of opset 1 to 7 only.

So what comes out can be compiled again by the engine that made the blob. Shapes that OpenVINO
infers are held against the graph's: a difference is an error here, not a wrong result later.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from oakwright.errors import RunError

from .graph import Graph, Node, Value

Outputs = list[Any]
Emit = Callable[[Node, Outputs], Any]


def emit(graph: Graph, name: str) -> Any:
    """Build the ``openvino.Model``; input and output names are the graph's."""
    import openvino as ov
    from openvino import opset1

    made: dict[Value, Any] = {}
    table = _table()
    parameters = []
    for value in graph.inputs:
        node = opset1.parameter(list(value.shape), value.dtype.type, value.node.attributes["name"])
        node.set_friendly_name(value.node.attributes["name"])
        node.output(0).get_tensor().set_names({value.node.attributes["name"]})
        parameters.append(node)
        made[value] = node.output(0)
    names: dict[str, int] = {}
    for node in graph.nodes():
        if node.op == "Parameter":
            continue
        built = _built(table[node.op], node, [made[v] for v in node.inputs])
        produced = built.outputs()
        _check(node, produced)
        built.set_friendly_name(_unique(names, node))
        made.update(zip(node.outputs, produced, strict=False))
    results: list[Any] = []
    for title, value in graph.outputs:
        source = made[value]
        if any(r.input(0).get_source_output() == source for r in results) or value in graph.inputs:
            # Two results of one value: each needs a layer of its own to bear its name.
            source = opset1.reshape(
                source, opset1.constant(np.array(value.shape, np.int64)), False
            ).output(0)
        source.get_tensor().set_names({title})
        source.get_node().set_friendly_name(title)
        results.append(opset1.result(source))
        results[-1].set_friendly_name(f"{title}/sink_port_0")
    return ov.Model(results, parameters, name)


def _built(make: Emit, node: Node, operands: Outputs) -> Any:
    """The OpenVINO node; what it refuses is told with the stage."""
    from openvino.exceptions import OVError

    try:
        return make(node, operands)
    except (OVError, RuntimeError, TypeError, ValueError, OverflowError) as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise RunError(
            f"{node.op} of stage {node.stage} is refused: {reason.strip()}",
            stage=node.stage,
            type=node.op,
        ) from error


def _unique(names: dict[str, int], node: Node) -> str:
    base = node.op if node.stage < 0 else f"{node.op}_{node.stage}"
    count = names[base] = names.get(base, 0) + 1
    return base if count == 1 else f"{base}.{count}"


def _check(node: Node, produced: Outputs) -> None:
    for value, output in zip(node.outputs, produced, strict=False):
        partial = output.get_partial_shape()
        inferred = None if partial.is_dynamic else tuple(partial.to_shape())
        if inferred != value.shape:
            raise RunError(
                f"{node.op} of stage {node.stage} has shape {partial}, the blob says {value.shape}",
                stage=node.stage,
                type=node.op,
            )


# Op -> opset and function that make it; attributes are that function's keyword arguments.
_FUNCTIONS = {
    1: {
        "Add": "add",
        "AvgPool": "avg_pool",
        "CTCGreedyDecoder": "ctc_greedy_decoder",
        "Ceiling": "ceiling",
        "Clamp": "clamp",
        "Convolution": "convolution",
        "ConvolutionBackpropData": "convolution_backprop_data",
        "Divide": "divide",
        "Elu": "elu",
        "Equal": "equal",
        "Erf": "erf",
        "Exp": "exp",
        "Floor": "floor",
        "FloorMod": "floor_mod",
        "GRN": "grn",
        "Gather": "gather",
        "Greater": "greater",
        "GreaterEqual": "greater_equal",
        "GroupConvolution": "group_convolution",
        "GroupConvolutionBackpropData": "group_convolution_backprop_data",
        "LRN": "lrn",
        "Less": "less",
        "LessEqual": "less_equal",
        "Log": "log",
        "LogicalAnd": "logical_and",
        "LogicalNot": "logical_not",
        "LogicalOr": "logical_or",
        "LogicalXor": "logical_xor",
        "MatMul": "matmul",
        "MaxPool": "max_pool",
        "Maximum": "maximum",
        "Minimum": "minimum",
        "Multiply": "multiply",
        "NormalizeL2": "normalize_l2",
        "NotEqual": "not_equal",
        "OneHot": "one_hot",
        "PRelu": "prelu",
        "PSROIPooling": "psroi_pooling",
        "Power": "power",
        "ReduceLogicalAnd": "reduce_logical_and",
        "ReduceMax": "reduce_max",
        "ReduceMean": "reduce_mean",
        "ReduceMin": "reduce_min",
        "ReduceSum": "reduce_sum",
        "RegionYolo": "region_yolo",
        "Relu": "relu",
        "ReverseSequence": "reverse_sequence",
        "Select": "select",
        "Sigmoid": "sigmoid",
        "Softmax": "softmax",
        "Sqrt": "sqrt",
        "SquaredDifference": "squared_difference",
        "Subtract": "subtract",
        "Tanh": "tanh",
        "Tile": "tile",
    },
    2: {"Gelu": "gelu", "ROIPooling": "roi_pooling", "ReorgYolo": "reorg_yolo"},
    3: {
        "ROIAlign": "roi_align",
        "ScatterElementsUpdate": "scatter_elements_update",
        "ScatterUpdate": "scatter_update",
        "TopK": "topk",
    },
    4: {
        "HSwish": "hswish",
        "LSTMCell": "lstm_cell",
        "Mish": "mish",
        "Proposal": "proposal",
        "SoftPlus": "softplus",
    },
    5: {
        "GatherND": "gather_nd",
        "HSigmoid": "hsigmoid",
        "LSTMSequence": "lstm_sequence",
        "Round": "round",
    },
    6: {"GatherElements": "gather_elements", "MVN": "mvn"},
}


# Op of which Python's opsets have no function -> opset that has it.
_UNNAMED = {
    "CTCGreedyDecoderSeqLen": 6,
    "ExperimentalDetectronDetectionOutput": 6,
    "ExperimentalDetectronGenerateProposalsSingleImage": 6,
    "ExperimentalDetectronPriorGridGenerator": 6,
    "ExperimentalDetectronROIFeatureExtractor": 6,
    "ExperimentalDetectronTopKROIs": 6,
}


@cache
def _table() -> dict[str, Emit]:
    """Op name -> function from a node and its emitted operands to an OpenVINO node."""
    table = _SPECIAL | dict.fromkeys(_UNNAMED, _unnamed)
    for number, functions in _FUNCTIONS.items():
        opset = import_module(f"openvino.opset{number}")
        table |= {op: _plain(getattr(opset, function)) for op, function in functions.items()}
    return table


def _unnamed(node: Node, operands: Outputs) -> Any:
    from openvino.utils.node_factory import NodeFactory

    return NodeFactory(f"opset{_UNNAMED[node.op]}").create(node.op, operands, node.attributes)


def _plain(function: Any) -> Emit:
    return lambda node, operands: function(*operands, **node.attributes)


def _integers(values: Any) -> Any:
    from openvino import opset1

    return opset1.constant(np.array(values, np.int64))


def _constant(node: Node, _: Outputs) -> Any:
    # The opset function goes through Python lists: minutes of it for a large network.
    from openvino.op import Constant

    return Constant(np.array(node.attributes["data"], order="C"))


def _convert(node: Node, operands: Outputs) -> Any:
    import openvino as ov
    from openvino import opset1

    return opset1.convert(operands[0], ov.Type(node.outputs[0].dtype).to_string())


def _concat(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    return opset1.concat(operands, node.attributes["axis"])


def _reshape(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    return opset1.reshape(operands[0], _integers(node.outputs[0].shape), False)


def _transpose(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    return opset1.transpose(operands[0], _integers(node.attributes["order"]))


def _slice(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    a = node.attributes
    none = [0] * len(a["begin"])
    bounds = [_integers(a[key]) for key in ("begin", "end", "step")]
    return opset1.strided_slice(operands[0], *bounds, none, none)


def _split(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    axis, sizes = node.attributes["axis"], node.attributes["sizes"]
    if len(set(sizes)) == 1:
        return opset1.split(operands[0], _integers(axis), len(sizes))
    return opset1.variadic_split(operands[0], _integers(axis), _integers(sizes))


def _pad(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    a = node.attributes
    value = None
    if a["mode"] == "constant":
        value = opset1.constant(np.array(a["value"], node.outputs[0].dtype))
    return opset1.pad(operands[0], _integers(a["begin"]), _integers(a["end"]), a["mode"], value)


def _swish(node: Node, operands: Outputs) -> Any:
    from openvino import opset4

    beta = node.attributes["beta"]
    return opset4.swish(operands[0]) if beta == 1 else opset4.swish(operands[0], np.float32(beta))


def _interpolate(node: Node, operands: Outputs) -> Any:
    from openvino.utils.node_factory import NodeFactory

    size = node.outputs[0].shape[2:]
    scales = [o / i for o, i in zip(size, node.inputs[0].shape[2:], strict=True)]
    from openvino import opset1

    attributes = {
        "shape_calculation_mode": "sizes",
        "pads_begin": [0] * 4,
        "pads_end": [0] * 4,
        "antialias": False,
        "cube_coeff": -0.75,
        **node.attributes,
    }
    operands = [
        operands[0],
        _integers(size),
        opset1.constant(np.array(scales, np.float32)),
        _integers([2, 3]),
    ]
    return NodeFactory("opset4").create("Interpolate", operands, attributes)


def _zero_insertion(node: Node, operands: Outputs) -> Any:
    """As a transposed convolution with a kernel of one tap, then padding: zeros between."""
    from openvino import opset1

    (fy, fx), (top, left) = node.attributes["factors"], node.attributes["begin"]
    channels, (height, width) = node.inputs[0].shape[1], node.outputs[0].shape[2:]
    h, w = ((d - 1) * f + 1 for d, f in zip(node.inputs[0].shape[2:], (fy, fx), strict=True))
    one = opset1.constant(np.ones((channels, 1, 1, 1, 1), np.float32))
    spread = opset1.group_convolution_backprop_data(
        operands[0], one, [fy, fx], None, [0, 0], [0, 0], [1, 1]
    )
    after = [0, 0, height - h - top, width - w - left]
    zero = opset1.constant(np.float32(0))
    return opset1.pad(spread, _integers([0, 0, top, left]), _integers(after), "constant", zero)


def _detection_output(node: Node, operands: Outputs) -> Any:
    from openvino import opset1

    return opset1.detection_output(*operands[:3], node.attributes["attrs"], *operands[3:])


_SPECIAL: dict[str, Emit] = {
    "Concat": _concat,
    "Constant": _constant,
    "Convert": _convert,
    "DetectionOutput": _detection_output,
    "Interpolate": _interpolate,
    "Pad": _pad,
    "Reshape": _reshape,
    "Slice": _slice,
    "StridedSlice": _slice,
    "Split": _split,
    "Swish": _swish,
    "Transpose": _transpose,
    "ZeroInsertion": _zero_insertion,
}
