"""The table of what the engine takes, row by row against the engine; the check against it."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import pytest
from openvino import Node
from openvino.op import tensor_iterator

from oakwright.errors import CompileError
from oakwright.ir import check, legalise, serialise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from oakwright.ir.support import ACCEPTED, CONDITIONS, REFUSED
from tests.unit.ir.rule_check import compile_with_engine, model_of, parameter

S = [1, 4, 6, 8]
RNG = np.random.default_rng(0)
FLAT = {"transpose_a": False, "transpose_b": False}


def f32(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def i64(values: object) -> object:
    return const(values, np.int64)


def spatial(pads: int = 1, **more: object) -> dict[str, object]:
    two = {"pads_begin": [pads] * 2, "pads_end": [pads] * 2, "strides": [1, 1]}
    return {**two, "auto_pad": "explicit", **more}


def truth(x: Node) -> Node:
    return op("Greater", [x, 0.0])


def as_float(x: Node) -> Node:
    return op("Convert", [x], {"destination_type": "f32"})


POOL = spatial(kernel=[3, 3], rounding_type="floor")
CONV = spatial(dilations=[1, 1])
TOP_K = {"axis": 1, "mode": "max", "sort": "value", "index_element_type": "i32"}
DETECTION = {
    "num_classes": 3,
    "background_label_id": 0,
    "keep_top_k": [4],
    "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
    "nms_threshold": 0.4,
    "normalized": True,
}
REGION = {
    "axis": 1,
    "end_axis": 3,
    "coords": 4,
    "classes": 3,
    "num": 2,
    "do_softmax": True,
    "mask": [0, 1],
    "anchors": [1.0, 2.0, 3.0, 4.0],
}
ROI = {"spatial_scale": 1.0, "mode": "average", "output_dim": 1, "group_size": 2}
ROI |= {"spatial_bins_x": 1, "spatial_bins_y": 1}
PROPOSAL = {
    "base_size": 16,
    "pre_nms_topn": 10,
    "post_nms_topn": 4,
    "nms_thresh": 0.7,
    "feat_stride": 16,
    "min_size": 1,
    "ratio": [1.0],
    "scale": [1.0],
}
RESIZE = {"mode": "nearest", "shape_calculation_mode": "sizes", "pads_begin": [0], "pads_end": [0]}

Build = Callable[..., Node]


def unary(kind: str, version: int = 1, **attrs: object) -> tuple[Build, list]:
    return lambda x: op(kind, [x], attrs, version=version), [S]


def binary(kind: str) -> tuple[Build, list]:
    return lambda x, y: op(kind, [x, y]), [S, S]


def reduction(kind: str, version: int = 1) -> tuple[Build, list]:
    return lambda x: op(kind, [x, [2, 3]], {"keep_dims": True}, version=version), [S]


# One layer of every accepted operation: how it is made, and the shapes of its inputs.
LAYERS: dict[str, tuple[Build, list]] = {
    **{
        kind: unary(kind)
        for kind in (
            "Relu Sigmoid Tanh Exp Log Sqrt Floor Ceiling Negative Erf".split()  # noqa: SIM905
        )
    },
    **{kind: unary(kind, 4) for kind in ("HSwish", "Mish", "SoftPlus", "Swish")},
    "Gelu": unary("Gelu", 2),
    "HSigmoid": unary("HSigmoid", 5),
    "Round": unary("Round", 5, mode="half_to_even"),
    "Elu": unary("Elu", alpha=1.0),
    "Clamp": unary("Clamp", min=0.0, max=6.0),
    "Softmax": unary("Softmax", axis=1),
    "LogSoftmax": unary("LogSoftmax", 5, axis=1),
    "GRN": unary("GRN", bias=1.0),
    "PRelu": (lambda x: op("PRelu", [x, f32(4)]), [S]),
    **{
        kind: binary(kind)
        for kind in (
            *("Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum", "Power"),
            *("SquaredDifference", "FloorMod", "Equal", "NotEqual", "Greater", "GreaterEqual"),
            *("Less", "LessEqual"),
        )
    },
    "LogicalAnd": (
        lambda x, y: as_float(op("LogicalAnd", [truth(x), truth(y)])),
        [S, S],
    ),
    "LogicalNot": (lambda x: as_float(op("LogicalNot", [truth(x)])), [S]),
    "ReduceLogicalAnd": (
        lambda x: as_float(op("ReduceLogicalAnd", [truth(x), [1]], {"keep_dims": True})),
        [S],
    ),
    "Select": (lambda x, y: op("Select", [truth(x), x, y]), [S, S]),
    **{kind: reduction(kind) for kind in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")},
    "ReduceL2": reduction("ReduceL2", 4),
    "Convolution": (lambda x: op("Convolution", [x, f32(5, 4, 3, 3)], CONV), [S]),
    "GroupConvolution": (lambda x: op("GroupConvolution", [x, f32(4, 1, 1, 3, 3)], CONV), [S]),
    "ConvolutionBackpropData": (
        lambda x: op("ConvolutionBackpropData", [x, f32(4, 5, 3, 3)], CONV),
        [S],
    ),
    "GroupConvolutionBackpropData": (
        lambda x: op("GroupConvolutionBackpropData", [x, f32(4, 1, 1, 3, 3)], CONV),
        [S],
    ),
    "MaxPool": (lambda x: op("MaxPool", [x], POOL), [S]),
    "AvgPool": (lambda x: op("AvgPool", [x], {**POOL, "exclude-pad": True}), [S]),
    "MatMul": (lambda x, y: op("MatMul", [x, y], FLAT), [[2, 4, 8], [2, 8, 5]]),
    "Einsum": (
        lambda x, y: op("Einsum", [x, y], {"equation": "ab,bc->ac"}, version=7),
        [[4, 8], [8, 5]],
    ),
    "Reshape": (lambda x: op("Reshape", [x, [1, 24, 8]], {"special_zero": False}), [S]),
    "Squeeze": (lambda x: op("Squeeze", [x, [0]]), [S]),
    "Unsqueeze": (lambda x: op("Unsqueeze", [x, [0]]), [S]),
    "Transpose": (lambda x: op("Transpose", [x, [0, 2, 3, 1]]), [S]),
    "Concat": (lambda x, y: op("Concat", [x, y], {"axis": 1}), [S, S]),
    "Split": (
        lambda x: op("Add", op("Split", [x, i64(1)], {"num_splits": 2}).outputs()),
        [S],
    ),
    "VariadicSplit": (
        lambda x: op("Add", op("VariadicSplit", [x, i64(1), [2, 2]]).outputs()),
        [S],
    ),
    "StridedSlice": (
        lambda x: op(
            "StridedSlice",
            [x, [0, 1, 0, 0], [1, 3, 6, 8], [1, 1, 2, 1]],
            {"begin_mask": [0] * 4, "end_mask": [0] * 4},
        ),
        [S],
    ),
    "Tile": (lambda x: op("Tile", [x, [1, 2, 1, 1]]), [S]),
    "Pad": (
        lambda x: op("Pad", [x, [0, 0, 1, 1], [0, 0, 1, 1], 0.0], {"pad_mode": "constant"}),
        [S],
    ),
    "Gather": (lambda x: op("Gather", [x, const([2, 0], np.int32), i64(1)]), [S]),
    "GatherElements": (
        lambda x: op("GatherElements", [x, const([[0, 1]], np.int32)], {"axis": 1}, version=6),
        [[1, 8]],
    ),
    "GatherND": (
        lambda x: op("GatherND", [x, const([[0], [2]], np.int32)], {"batch_dims": 0}, version=5),
        [[4, 8]],
    ),
    "ScatterUpdate": (
        lambda x, u: op("ScatterUpdate", [x, const([3], np.int32), u, i64(0)], version=3),
        [[4, 8], [1, 8]],
    ),
    "ScatterElementsUpdate": (
        lambda x, u: op(
            "ScatterElementsUpdate", [x, const(np.zeros((1, 8)), np.int32), u, i64(0)], version=3
        ),
        [[4, 8], [1, 8]],
    ),
    "OneHot": (
        lambda x: op(
            "OneHot",
            [
                op("Convert", [x], {"destination_type": "i32"}),
                i64(5),
                const(1, np.float32),
                const(0, np.float32),
            ],
            {"axis": 1},
        ),
        [[4]],
    ),
    "TopK": (lambda x: op("TopK", [x, i64(2)], TOP_K, version=3).output(0), [S]),
    "DepthToSpace": unary("DepthToSpace", mode="blocks_first", block_size=2),
    "SpaceToDepth": unary("SpaceToDepth", mode="blocks_first", block_size=2),
    "ShuffleChannels": unary("ShuffleChannels", axis=1, group=2),
    "BatchToSpace": (
        lambda x: op("BatchToSpace", [x, [1, 1, 2, 2], [0] * 4, [0] * 4], version=2),
        [[4, 4, 6, 8]],
    ),
    "SpaceToBatch": (
        lambda x: op("SpaceToBatch", [x, [1, 1, 2, 2], [0] * 4, [0] * 4], version=2),
        [S],
    ),
    "Convert": (lambda x: op("Convert", [x], {"destination_type": "i32"}), [S]),
    "LRN": (
        lambda x: op("LRN", [x, [1]], {"alpha": 1.0, "beta": 0.75, "bias": 1.0, "size": 3}),
        [S],
    ),
    "MVN": (
        lambda x: op(
            "MVN",
            [x, [2, 3]],
            {"normalize_variance": True, "eps": 1e-5, "eps_mode": "INSIDE_SQRT"},
            version=6,
        ),
        [S],
    ),
    "NormalizeL2": (lambda x: op("NormalizeL2", [x, [1]], {"eps": 1e-5, "eps_mode": "add"}), [S]),
    "BatchNormInference": (
        lambda x: op(
            "BatchNormInference",
            [x, f32(4), f32(4), f32(4), np.ones(4, np.float32)],
            {"epsilon": 1e-5},
            version=5,
        ),
        [S],
    ),
    "Interpolate": (
        lambda x: op(
            "Interpolate", [x, [12, 16], const([2, 2], np.float32), [2, 3]], RESIZE, version=4
        ),
        [S],
    ),
    "LSTMCell": (
        lambda x, h, c: op(
            "LSTMCell",
            [x, h, c, f32(32, 8), f32(32, 8), f32(32)],
            {"hidden_size": 8},
            version=4,
        ).output(0),
        [[1, 8], [1, 8], [1, 8]],
    ),
    "CTCGreedyDecoder": (
        lambda x, m: op("CTCGreedyDecoder", [x, m], {"ctc_merge_repeated": True}),
        [[8, 1, 5], [8, 1]],
    ),
    "DetectionOutput": (
        lambda x, y: op("DetectionOutput", [x, y, f32(1, 2, 20)], DETECTION),
        [[1, 20], [1, 15]],
    ),
    "Proposal": (
        lambda x, y: op(
            "Proposal", [x, y, const([96, 128, 1], np.float32)], PROPOSAL, version=4
        ).output(0),
        [[1, 2, 6, 8], [1, 4, 6, 8]],
    ),
    "PSROIPooling": (lambda x, r: op("PSROIPooling", [x, r], ROI), [S, [3, 5]]),
    "ROIPooling": (
        lambda x, r: op(
            "ROIPooling",
            [x, r],
            {"output_size": [2, 2], "spatial_scale": 1.0, "method": "max"},
            version=2,
        ),
        [S, [3, 5]],
    ),
    "ROIAlign": (
        lambda x, r: op(
            "ROIAlign",
            [x, r, const([0, 0, 0], np.int32)],
            {
                "pooled_h": 2,
                "pooled_w": 2,
                "sampling_ratio": 2,
                "spatial_scale": 1.0,
                "mode": "avg",
            },
            version=3,
        ),
        [S, [3, 4]],
    ),
    "RegionYolo": (lambda x: op("RegionYolo", [x], REGION), [[1, 16, 4, 4]]),
    "ReorgYolo": (lambda x: op("ReorgYolo", [x], {"stride": [2]}, version=2), [S]),
    "ReverseSequence": (
        lambda x, n: op("ReverseSequence", [x, n], {"batch_axis": 0, "seq_axis": 1}),
        [[1, 4, 8], [1]],
    ),
}

# Folded or unrolled before the engine sees them; the rest of the frame is in every model.
ELSEWHERE = {"TensorIterator", "PriorBox", "PriorBoxClustered"}
FRAME = {"Parameter", "Constant", "Result"}


def one_layer(kind: str) -> ov.Model:
    build, shapes = LAYERS[kind]
    inputs = [parameter(shape, name=f"x{i}") for i, shape in enumerate(shapes)]
    layer = build(*inputs)
    layer = layer.get_node() if isinstance(layer, ov.Output) else layer
    layer.set_friendly_name("layer")
    return model_of(layer.output(0), *inputs)


def test_every_accepted_operation_has_its_layer() -> None:
    assert set(LAYERS) == ACCEPTED - ELSEWHERE - FRAME


@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_the_engine_takes_what_the_table_accepts(kind: str) -> None:
    model = one_layer(kind)
    assert check(model) == []
    compile_with_engine(model)


def test_the_tables_do_not_contradict_each_other() -> None:
    assert not ACCEPTED & set(REFUSED)
    assert set(CONDITIONS) <= ACCEPTED
    assert all(reason and remedy for reason, remedy in REFUSED.values())


def refused_layer(kind: str) -> ov.Model:
    x = parameter([1, 3, 8, 8])
    flat = parameter([6], name="flat")
    layers = {
        "Sin": lambda: op("Sin", [x]),
        "CumSum": lambda: op("CumSum", [x, i64(1)], version=3),
        "run-time weights": lambda: op("Convolution", [x, parameter([5, 3, 3, 3], name="w")], CONV),
        "5-D product": lambda: op(
            "MatMul", [parameter([1, 2, 3, 4, 5]), parameter([1, 2, 3, 5, 4], name="y")], FLAT
        ),
        "2-D pad": lambda: op(
            "Pad", [parameter([4, 4]), [1, 0], [0, 0], 0.0], {"pad_mode": "constant"}
        ),
        "LogicalOr": lambda: as_float(op("LogicalOr", [truth(x), truth(x)])),
        "newer": lambda: ov.opset8.softmax(x, 1),
        "1-D deconvolution": lambda: op(
            "ConvolutionBackpropData",
            [parameter([1, 4, 8]), f32(4, 2, 3)],
            {
                "strides": [1],
                "dilations": [1],
                "pads_begin": [0],
                "pads_end": [0],
                "auto_pad": "explicit",
            },
        ),
    }
    layer = layers[kind]()
    layer.set_friendly_name("layer")
    model = ov.Model([ov.opset1.result(layer)], _parameters(layer), "m")
    del flat
    return model


def _parameters(layer: Node) -> list[Node]:
    found, stack = {}, [layer]
    while stack:
        node = stack.pop()
        if node.get_type_name() == "Parameter":
            found[node.get_name()] = node
        stack += [value.get_node() for value in node.input_values()]
    return list(found.values())


@pytest.mark.parametrize(
    "kind",
    [
        *("Sin", "CumSum", "run-time weights", "5-D product", "2-D pad", "LogicalOr", "newer"),
        "1-D deconvolution",
    ],
)
def test_the_engine_refuses_what_the_check_finds(kind: str) -> None:
    model = refused_layer(kind)
    findings = [f for f in check(model) if f.severity == "error"]
    assert len(findings) == 1
    assert findings[0].reason
    assert findings[0].remedy
    if kind != "LogicalOr":
        assert findings[0].layer == "layer"
    with pytest.raises(CompileError):
        compile_with_engine(model)


def test_all_layers_are_listed_with_name_and_version() -> None:
    x = parameter([1, 4])
    first, second = op("Sin", [x]), op("NonZero", [x], {"output_type": "i32"}, version=3)
    first.set_friendly_name("first")
    second.set_friendly_name("second")
    found = {f.layer: f for f in check(model_of([first, second], x))}
    assert found["first"].op == "Sin-1"
    assert "depends on the data" in found["second"].reason
    assert "first [Sin-1]: " in str(found["first"])


def test_layers_inside_loops_are_looked_at() -> None:
    x = parameter([1, 5, 4])
    step = ov.op.Parameter(ov.Type.f32, ov.PartialShape([1, 1, 4]))
    inside = op("Sin", [step])
    inside.set_friendly_name("inside")
    loop = tensor_iterator()
    loop.set_body(ov.Model([ov.opset1.result(inside)], [step], "body"))
    loop.set_sliced_input(step, x.output(0), 0, 1, 1, -1, 1)
    every = loop.get_concatenated_slices(inside.output(0), 0, 1, 1, -1, 1)
    (finding,) = check(ov.Model([ov.opset1.result(every)], [x], "m"))
    assert finding.layer == "inside"


def test_dynamic_shapes_are_refused_with_the_way_out() -> None:
    x = ov.opset1.parameter([-1, 4], dtype=np.float32, name="x")
    findings = check(model_of(op("Relu", [x]), x))
    assert findings
    assert all("fixed input shape" in finding.remedy for finding in findings)


def test_empty_tensors_are_refused() -> None:
    x = parameter([1, 0, 4])
    assert "empty tensor" in check(model_of(op("Relu", [x]), x))[0].reason


def test_an_input_nobody_reads_is_a_warning() -> None:
    x, unread = parameter([1, 4]), parameter([1, 4], name="unread")
    (finding,) = check(model_of(op("Relu", [x]), x, unread))
    assert (finding.severity, finding.op) == ("warning", "Parameter-1")


def test_constant_outputs() -> None:
    x = parameter([1, 4])
    value = const([1.0, 2.0], np.float32)
    mixed = legalise(
        model_of([ov.opset1.result(op("Relu", [x])), ov.opset1.result(value)], x)
    ).model
    assert [f.severity for f in check(mixed)] == ["warning"]
    compile_with_engine(mixed)
    alone = legalise(model_of([value], x)).model
    assert "error" in [f.severity for f in check(alone)]
    assert serialise(alone)
    with pytest.raises(CompileError):
        compile_with_engine(alone)
