"""The legaliser as a whole: names, types, folding, order, and that it always gives the same."""

import numpy as np
import openvino as ov
import pytest
from openvino import Type

from oakwright.ir import legalise, run_on_cpu, serialise
from oakwright.ir.legalise import op
from oakwright.ir.legalise.rewrite import const
from oakwright.ir.legalise.table import RULES, merge
from tests.unit.ir.rule_check import compile_with_engine, model_of, parameter


def named(node: ov.Node, name: str) -> ov.Node:
    node.set_friendly_name(name)
    return node


def kinds(model: ov.Model) -> list[str]:
    return sorted(node.get_type_name() for node in model.get_ordered_ops())


def output_names(model: ov.Model) -> list[str]:
    return [r.input_value(0).get_node().get_friendly_name() for r in model.get_results()]


def test_the_callers_model_stays() -> None:
    x = parameter([1, 4])
    model = model_of(ov.opset8.softmax(x, 1), x)
    legalise(model)
    assert [n.type_info.version_id for n in model.get_ordered_ops()][1] == "opset8"


def test_the_same_model_gives_the_same_bytes() -> None:
    def made() -> ov.Model:
        x = parameter([1, 3, 8, 8])
        pool = ov.opset14.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2])
        return model_of(named(ov.opset8.softmax(pool.output(0), 1), "y"), x)

    first = serialise(legalise(made()).model)
    assert first == serialise(legalise(made()).model)
    model = legalise(made()).model
    assert serialise(model) == serialise(model) == first


def test_ir_names_no_path_and_no_newer_version() -> None:
    x = parameter([1, 4])
    model = model_of(op("Relu", [x]), x)
    model.set_rt_info(["/home/someone/secret.onnx"], ["conversion_parameters", "input_model"])
    model.set_rt_info(11, "version")
    xml, _ = serialise(model)
    assert b"secret" not in xml
    assert b'version="10"' in xml


def test_names_of_ports_are_those_of_tensors() -> None:
    x = named(ov.opset1.parameter([1, 4], dtype=np.float32), "parameter")
    x.output(0).get_tensor().set_names({"images:0"})
    y = named(op("Relu", [x]), "layer")
    y.output(0).get_tensor().set_names({"17", "scores"})
    legal = legalise(model_of(y, x))
    assert legal.ports.inputs == ("images",)
    assert legal.ports.outputs == ("scores",)
    assert output_names(legal.model) == ["scores"]
    assert [p.get_friendly_name() for p in legal.model.get_parameters()] == ["images"]


def test_an_output_that_is_an_input_a_constant_or_read_twice_gets_its_own_layer() -> None:
    x = parameter([1, 4], name="x")
    relu = named(op("Relu", [x]), "relu")
    split = named(op("VariadicSplit", [relu, const(1, np.int64), [1, 3]]), "split")
    flags = named(op("Greater", [x, 0.0]), "flags")
    results = [x, relu, relu, split.output(0), split.output(1), const([1.0], np.float32), flags]
    legal = legalise(model_of([ov.opset1.result(value) for value in results], x))
    names = output_names(legal.model)
    assert len(set(names)) == len(names) == 7
    every = [n.get_friendly_name() for n in legal.model.get_ordered_ops()]
    assert len(set(every)) == len(every)
    values = np.array([[-1.0, 0.5, 2.0, -3.0]], np.float32)
    got = run_on_cpu(legal.model, {"x": values})
    np.testing.assert_array_equal(got[0], values)
    np.testing.assert_array_equal(got[2], np.maximum(values, 0))
    np.testing.assert_array_equal(got[4], np.maximum(values, 0)[:, 1:])
    np.testing.assert_array_equal(got[6], values > 0)
    compile_with_engine(legal.model)


def test_layers_keep_their_names_through_rules() -> None:
    x = parameter([1, 20, 8])
    flat = {"transpose_a": False, "transpose_b": False}
    product = named(op("MatMul", [x, np.ones((8, 5), np.float32)], flat), "my linear")
    model = legalise(model_of(op("Relu", [product]), x)).model
    names = [n.get_friendly_name() for n in model.get_ordered_ops()]
    assert "my linear" in names
    assert any(name.startswith("my linear/Convolution") for name in names)


def test_made_up_names_are_numbered_anew() -> None:
    x = parameter([1, 4])
    model = legalise(model_of(op("Exp", [op("Relu", [op("Sigmoid", [x])])]), x)).model
    names = [n.get_friendly_name() for n in model.get_ordered_ops()]
    assert {"Sigmoid_0", "Relu_0"} <= set(names)


def test_what_depends_on_no_input_is_folded() -> None:
    """Softmax and group convolutions have no evaluation OpenVINO folds by."""
    x = parameter([1, 4, 6, 6])
    kernel = op("Softmax", [const(np.ones((4, 1, 1, 9)), np.float32)], {"axis": 3})
    kernel = op("Reshape", [kernel, [4, 1, 1, 3, 3]], {"special_zero": False})
    attrs = {
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads_begin": [1, 1],
        "pads_end": [1, 1],
        "auto_pad": "explicit",
    }
    blurred = op("GroupConvolution", [x, kernel], attrs)
    legal = legalise(model_of(blurred, x)).model
    assert kinds(legal) == ["Constant", "GroupConvolution", "Parameter", "Result"]
    values = np.random.default_rng(0).random((1, 4, 6, 6)).astype(np.float32)
    (got,) = run_on_cpu(legal, {"x": values})
    padded = np.pad(values, [(0, 0), (0, 0), (1, 1), (1, 1)])
    wanted = sum(padded[:, :, i : i + 6, j : j + 6] for i in range(3) for j in range(3)) / 9
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_static_shapes_are_constants() -> None:
    x, like = parameter([1, 4, 6]), parameter([2], np.int32, "like")
    shape = ov.opset3.shape_of(x)
    count = op("ConvertLike", [op("Gather", [shape, [1], 0]), like], version=8)
    layer = op("Multiply", [like, count])
    legal = legalise(model_of(layer, x, like))
    assert "ShapeOf" not in kinds(legal.model)
    got = run_on_cpu(legal.model, {"x": np.zeros((1, 4, 6)), "like": np.array([3, 5])})
    np.testing.assert_array_equal(got[0], [12, 20])


@pytest.mark.parametrize("dtype", [Type.f16, Type.f64, Type.bf16], ids=str)
def test_other_float_types_become_f32(dtype: Type) -> None:
    x = ov.opset1.parameter([1, 4], dtype)
    x.set_friendly_name("x")
    x.output(0).get_tensor().set_names({"x"})
    weights = ov.op.Constant(dtype, ov.Shape([1, 4]), [1.0, 2.0, 0.5, -4.0])
    model = legalise(model_of(op("Multiply", [x, weights]), x)).model
    types = {n.get_output_element_type(0) for n in model.get_ordered_ops()}
    assert types == {Type.f32}
    got = run_on_cpu(model, {"x": np.ones((1, 4), np.float32)})[0]
    np.testing.assert_array_equal(got, [[1.0, 2.0, 0.5, -4.0]])


def test_compressed_weights_are_widened_and_come_back_the_same() -> None:
    x = parameter([1, 4])
    weights = np.array([[0.1, 2.0, 0.3, -4.0]], np.float16)
    wide = op("Convert", [weights], {"destination_type": "f32"})
    model = legalise(model_of(op("Multiply", [x, wide]), x)).model
    assert kinds(model) == ["Constant", "Multiply", "Parameter", "Result"]
    xml, data = serialise(model)
    assert data == weights.tobytes()
    assert serialise(model, fp16=False)[1] == weights.astype(np.float32).tobytes()
    assert b'element_type="f16"' in xml


INTEGER_LAYERS = {
    "ReduceMax": lambda x: op("ReduceMax", [x, [1]], {"keep_dims": True}),
    "Power": lambda x: op("Power", [x, const(2, np.int32)]),
    "Clamp": lambda x: op("Clamp", [x], {"min": -2.0, "max": 5.0}),
    "Relu": lambda x: op("Relu", [x]),
    "Tile": lambda x: op("Tile", [x, [1, 2]]),
    "Pad": lambda x: op("Pad", [x, [0, 1], [0, 2], const(7, np.int32)], {"pad_mode": "constant"}),
    "Less": lambda x: op("Less", [x, const(2, np.int32)]),
}


@pytest.mark.parametrize("name", INTEGER_LAYERS)
def test_integers_are_converted_where_the_engine_has_no_integer_layer(name: str) -> None:
    x = parameter([3, 4], np.int32)
    model = model_of(INTEGER_LAYERS[name](x), x)
    legal = legalise(model).model
    values = {"x": np.arange(-4, 8).reshape(3, 4)}
    np.testing.assert_array_equal(run_on_cpu(legal, values)[0], run_on_cpu(model, values)[0])
    if model.outputs[0].get_element_type() != Type.boolean:
        assert legal.outputs[0].get_element_type() == model.outputs[0].get_element_type()
    compile_with_engine(legal)


def test_infinite_pads_compile() -> None:
    x = parameter([1, 2, 6, 6])
    pads = [[0, 0, 1, 1], [0, 0, 1, 1], const(-np.inf, np.float32)]
    layer = ov.opset12.pad(x, *pads[:2], "constant", pads[2])
    compile_with_engine(legalise(model_of(op("Relu", [layer]), x)).model)


def test_every_rewriting_is_reported() -> None:
    x = parameter([1, 4])
    heard = []
    legal = legalise(model_of(named(ov.opset8.softmax(x, 1), "s"), x), report=heard.append)
    assert tuple(heard) == legal.applied
    assert [(a.op, a.layer, a.rule) for a in heard] == [("Softmax-8", "s", "versions.softmax")]


def test_all_refusals_are_listed_not_only_the_first() -> None:
    x = parameter([1, 2, 8, 8])
    results = []
    for name in ("one", "two"):
        pool = named(ov.opset14.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]), name)
        results += [pool.output(0), pool.output(1)]
    legal = legalise(model_of(results, x))
    assert {finding.layer for finding in legal.refused} == {"one", "two"}


def test_absurd_sizes_are_refused_before_anything_is_computed() -> None:
    x = parameter([1, 1])
    layer = named(op("Tile", [x, [100_000, 100_000]]), "huge")
    legal = legalise(model_of(layer, x))
    assert legal.refused[0].layer == "huge"


def test_tables_are_merged_in_order() -> None:
    def first(node: ov.Node) -> None: ...
    def second(node: ov.Node) -> None: ...

    merged = merge([{"Relu": [first]}, {"Relu": [second], "Exp": [second]}])
    assert merged == {"Relu": (first, second), "Exp": (second,)}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.uint32, np.int64])
def test_small_integers_widen(dtype: type) -> None:
    x = parameter([1, 4], dtype)
    layer = op("Add", [x, const([1, 2, 3, 4], dtype)])
    legal = legalise(model_of(layer, x)).model
    got = run_on_cpu(legal, {"x": np.array([[5, 6, 7, 8]], dtype)})[0]
    np.testing.assert_array_equal(got, [[6, 8, 10, 12]])
    compile_with_engine(legal)


def test_an_image_input_of_bytes_stays_one() -> None:
    x = parameter([1, 3, 4, 4], np.uint8)
    legal = legalise(model_of(op("Convert", [x], {"destination_type": "f32"}), x)).model
    assert legal.inputs[0].get_element_type() == Type.u8
    compile_with_engine(legal)


def test_a_rule_that_openvino_refuses_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(node: ov.Node) -> list[ov.Node]:
        return [op("Reshape", [node.input_value(0), [7]], {"special_zero": False})]

    monkeypatch.setitem(RULES, "Exp", (careless,))
    x = parameter([1, 4])
    (finding,) = legalise(model_of(named(op("Exp", [x]), "e"), x)).refused
    assert finding.layer == "e"
    assert "careless" in finding.reason
