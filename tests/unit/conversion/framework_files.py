"""Small models as files of TensorFlow, Paddle and TFLite, written without those frameworks."""

import struct
from pathlib import Path

import numpy as np

from .protobuf import message

FLOAT, INT32 = 1, 3  # tensorflow.DataType


def _tf_shape(shape) -> bytes:
    return message(*((2, message((1, d))) for d in shape))


def _tf_tensor(array: np.ndarray) -> bytes:
    kind = FLOAT if array.dtype == np.float32 else INT32
    return message((1, kind), (2, _tf_shape(array.shape)), (4, array.tobytes()))


def _tf_node(name: str, operation: str, inputs=(), **attributes) -> bytes:
    entries = [(5, message((1, key), (2, value))) for key, value in attributes.items()]
    return message((1, name), (2, operation), *((3, i) for i in inputs), *entries)


def _tf_const(name: str, array: np.ndarray) -> bytes:
    kind = FLOAT if array.dtype == np.float32 else INT32
    return _tf_node(name, "Const", dtype=message((6, kind)), value=message((8, _tf_tensor(array))))


def weights() -> tuple[np.ndarray, np.ndarray]:
    """A 1x1 convolution from 3 channels to 2, and its bias."""
    random = np.random.default_rng(5)
    return random.normal(size=(3, 2)).astype(np.float32), np.array([0.5, -0.25], np.float32)


def expected(image: np.ndarray) -> np.ndarray:
    """What the small network gives for an NHWC image of 0..1: max(image @ w + b, 0), in NHWC."""
    kernel, bias = weights()
    return np.maximum(image @ kernel + bias, 0)


def tensorflow_graph(shape=(1, 4, 6, 3), kernel_name="kernel") -> bytes:
    kernel, bias = weights()
    real = message((6, FLOAT))
    nodes = [
        _tf_node("image", "Placeholder", dtype=real, shape=message((7, _tf_shape(shape)))),
        _tf_const(kernel_name, kernel.reshape(1, 1, 3, 2)),
        _tf_const("bias", bias),
        _tf_node(
            "conv",
            "Conv2D",
            ["image", kernel_name],
            T=real,
            strides=message((1, message((3, bytes([1, 1, 1, 1]))))),
            padding=message((2, "VALID")),
            data_format=message((2, "NHWC")),
        ),
        _tf_node("biased", "BiasAdd", ["conv", "bias"], T=real),
        _tf_node("out", "Relu", ["biased"], T=real),
    ]
    return message(*((1, node) for node in nodes))


def saved_model(folder: Path) -> Path:
    """A SavedModel without variables: the graph and its serving signature."""
    folder.mkdir()

    def info(name, shape):
        return message((1, name), (2, FLOAT), (3, _tf_shape(shape)))

    signature = message(
        (1, message((1, "image"), (2, info("image:0", (1, 4, 6, 3))))),
        (2, message((1, "out"), (2, info("out:0", (1, 4, 6, 2))))),
        (3, "tensorflow/serving/predict"),
    )
    graph = message(
        (1, message((4, "serve"))),
        (2, tensorflow_graph()),
        (5, message((1, "serving_default"), (2, signature))),
    )
    (folder / "saved_model.pb").write_bytes(message((1, 1), (2, graph)))
    return folder


def _paddle_var(name: str, shape, *, keep=False, kind=7) -> bytes:
    tensor = message((1, 5), *((2, d) for d in shape))
    inner = message((1, kind), (3, message((1, tensor)))) if kind == 7 else message((1, kind))
    return message((1, name), (2, inner), (3, keep))


def _paddle_op(kind: str, inputs: dict, outputs: dict, attributes=()) -> bytes:
    def slots(number, table):
        return [(number, message((1, slot), (2, name))) for slot, name in table.items()]

    return message(*slots(1, inputs), *slots(2, outputs), (3, kind), *attributes)


def paddle(folder: Path) -> Path:
    """``model.pdmodel`` and ``model.pdiparams``: the same network on planar images."""
    kernel, bias = weights()
    col, strings, ints, integer, boolean = "col", 5, 3, 0, 6

    def attribute(name, kind, *values):
        number = {integer: 3, strings: 5, ints: 6, boolean: 10, 2: 5}[kind]
        return (4, message((1, name), (2, kind), *((number, v) for v in values)))

    text = 2
    operations = [
        _paddle_op("feed", {"X": "feed"}, {"Out": "image"}, [attribute(col, integer, 0)]),
        _paddle_op(
            "conv2d",
            {"Input": "image", "Filter": "conv_w"},
            {"Output": "conved"},
            [
                attribute("strides", ints, 1, 1),
                attribute("paddings", ints, 0, 0),
                attribute("dilations", ints, 1, 1),
                attribute("groups", integer, 1),
                attribute("padding_algorithm", text, "EXPLICIT"),
                attribute("data_format", text, "NCHW"),
            ],
        ),
        _paddle_op(
            "elementwise_add",
            {"X": "conved", "Y": "conv_b"},
            {"Out": "biased"},
            [attribute("axis", integer, 1)],
        ),
        _paddle_op("relu", {"X": "biased"}, {"Out": "out"}),
        _paddle_op("fetch", {"X": "out"}, {"Out": "fetch"}, [attribute(col, integer, 0)]),
    ]
    variables = [
        _paddle_var("feed", (), keep=True, kind=9),
        _paddle_var("fetch", (), keep=True, kind=10),
        _paddle_var("image", (1, 3, 4, 6)),
        _paddle_var("conv_w", (2, 3, 1, 1), keep=True),
        _paddle_var("conv_b", (2,), keep=True),
        _paddle_var("conved", (1, 2, 4, 6)),
        _paddle_var("biased", (1, 2, 4, 6)),
        _paddle_var("out", (1, 2, 4, 6)),
    ]
    block = message(
        (1, 0), (2, -1), *((3, entry) for entry in variables), *((4, op) for op in operations)
    )
    path = folder / "model.pdmodel"
    path.write_bytes(message((1, block), (4, message((1, 0)))))
    arrays = {"conv_b": bias, "conv_w": np.ascontiguousarray(kernel.T.reshape(2, 3, 1, 1))}
    blob = b""
    for _, array in sorted(arrays.items()):
        tensor = message((1, 5), *((2, d) for d in array.shape))
        blob += struct.pack("<IQIi", 0, 0, 0, len(tensor)) + tensor + array.tobytes()
    path.with_suffix(".pdiparams").write_bytes(blob)
    return path


def tflite(kind: str = "float32") -> bytes:
    """The same network as TFLite, in float32, or quantised with int8 or uint8 at its ends."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    kernel, bias = weights()
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "test"
    model.buffers, graph.tensors = [schema.BufferT()], []
    model.subgraphs = [graph]
    types = schema.TensorType
    is_float = kind == "float32"
    inner = {"float32": types.FLOAT32, "int8": types.INT8, "uint8": types.UINT8}[kind]

    def tensor(name, shape, type_, values=None, scales=None, zero=0, axis=0):
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), type_
        made.buffer = 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            made.buffer = len(model.buffers)
            model.buffers.append(buffer)
        if scales is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = list(np.atleast_1d(scales).astype(np.float32))
            made.quantization.zeroPoint = [zero] * len(made.quantization.scale)
            made.quantization.quantizedDimension = axis
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    planes = kernel.T.reshape(2, 1, 1, 3)
    if is_float:
        image = tensor("image", (1, 4, 6, 3), inner)
        w = tensor("w", planes.shape, inner, planes)
        b = tensor("b", (2,), inner, bias)
        out = tensor("out", (1, 4, 6, 2), inner)
    else:
        zero = -128 if kind == "int8" else 0
        step, size = 1 / 255, 4.0 / 255
        if kind == "int8":
            scales = np.abs(planes).reshape(2, -1).max(1) / 127
            values = np.round(planes / scales.reshape(2, 1, 1, 1)).astype(np.int8)
            middle = 0
        else:  # the older form: one scale, a zero point in the middle
            scales = np.abs(planes).max()[None] / 127
            middle = 128
            values = (np.round(planes / scales[0]) + middle).astype(np.uint8)
        image = tensor("image", (1, 4, 6, 3), inner, None, step, zero)
        w = tensor("w", planes.shape, inner, values, scales, middle)
        b = tensor(
            "b", (2,), types.INT32, np.round(bias / (scales * step)).astype(np.int32), scales * step
        )
        out = tensor("out", (1, 4, 6, 2), inner, None, size, zero)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1 if is_float or kind == "uint8" else 3
    model.operatorCodes = [code]
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.VALID, 1, 1
    options.dilationWFactor = options.dilationHFactor = 1
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    step = schema.OperatorT()
    step.opcodeIndex, step.inputs, step.outputs = 0, [image, w, b], [out]
    step.builtinOptionsType, step.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    graph.operators, graph.inputs, graph.outputs = [step], [image], [out]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
