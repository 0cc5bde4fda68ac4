"""Makes the blobs of ``tests/corpus/blobs``: models written here, compiled by our engine.

    python tests/corpus/make_blobs.py           write them
    python tests/corpus/make_blobs.py --check   compare with what is there, byte by byte

Each is small (at most 6 kB) and holds something that the others do not: see README.md. Blobs
are named model--SHAVEs.
"""

import sys
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset1 as op
from openvino import opset4

from oakwright.compiler import CompileOptions, compile_ir
from oakwright.ir import legalise, serialise
from oakwright.tensor import Precision

FOLDER = Path(__file__).parent / "blobs"


class Weights:
    """Reproducible weights: multiples of 1/64, so that they are the same in FP16."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def __call__(self, *shape):
        return op.constant((self.random.integers(-64, 64, shape) / 64).astype(np.float32))


def ints(values):
    return op.constant(np.array(values, np.int64))


def image(shape, name="image"):
    return op.parameter(shape, np.float32, name=name)


def classifier():
    """Hardware convolution with bias and ReLU, fused max pool, convolution as full connection."""
    w = Weights(1)
    x = image([1, 3, 16, 16])
    y = op.convolution(x, w(8, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    y = op.max_pool(op.relu(op.add(y, w(1, 8, 1, 1))), [2, 2], [0, 0], [0, 0], [2, 2], "floor")
    y = op.reduce_mean(y, ints([2, 3]), True)
    y = op.softmax(op.convolution(y, w(5, 8, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1]), 1)
    return [x], [op.reshape(y, ints([1, 5]), False)]


def blur():
    """Three planes filtered apart: copies run beside the convolutions, injected into them."""
    x = image([1, 3, 100, 100])
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    weights = op.constant(np.tile(kernel, (3, 1, 1, 1, 1)).astype(np.float32))
    padded = op.pad(x, ints([0, 0, 2, 2]), ints([0, 0, 2, 2]), "reflect")
    return [x], [op.group_convolution(padded, weights, [1, 1], [0, 0], [0, 0], [1, 1])]


def arithmetic():
    """Two inputs, two outputs, broadcasting, comparison and selection, integers."""
    w = Weights(3)
    a, b = image([1, 4, 6, 10], "a"), image([1, 4, 1, 10], "b")
    total = op.add(op.multiply(a, w(1)), b)
    chosen = op.select(op.greater(a, b), total, op.clamp(op.exp(a), 0.5, 2.0))
    best = op.topk(chosen, ints(2), 3, "max", "value", "i32")
    return [a, b], [best.output(0), best.output(1)]


def detector():
    """The end of an SSD: softmax, permutation, decoding of boxes."""
    w = Weights(4)
    x = image([1, 4, 3, 3], "features")
    boxes = op.convolution(x, w(8, 4, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])
    boxes = op.reshape(op.transpose(boxes, ints([0, 2, 3, 1])), ints([1, 72]), False)
    classes = op.convolution(x, w(6, 4, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])
    classes = op.reshape(op.transpose(classes, ints([0, 2, 3, 1])), ints([1, 18, 3]), False)
    classes = op.reshape(op.softmax(classes, 2), ints([1, 54]), False)
    corner = np.linspace(0, 0.75, 18, dtype=np.float32)
    priors = np.stack([corner, corner, corner + 0.25, corner + 0.25], 1).reshape(-1)
    variances = np.tile(np.float32([0.1, 0.1, 0.2, 0.2]), 18)
    attributes = {
        "num_classes": 3,
        "background_label_id": 0,
        "top_k": 10,
        "keep_top_k": [5],
        "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
        "share_location": True,
        "nms_threshold": 0.45,
        "confidence_threshold": 0.3,
        "normalized": True,
        "input_height": 1,
        "input_width": 1,
    }
    priors = op.constant(np.stack([priors, variances])[None])
    return [x], [op.detection_output(boxes, classes, priors, attributes)]


def batch():
    """A batch in the middle of the network only: the engine repeats the stage for each sample."""
    w = Weights(5)
    x = image([1, 12, 8, 8])
    y = op.reshape(x, ints([3, 4, 8, 8]), False)
    y = op.relu(op.convolution(y, w(8, 4, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1]))
    return [x], [op.reshape(y, ints([1, 24, 8, 8]), False)]


def recurrent():
    """A step of an LSTM with its states as inputs and outputs."""
    w = Weights(6)
    x, hidden, cell = image([1, 6], "x"), image([1, 4], "hidden"), image([1, 4], "cell")
    step = opset4.lstm_cell(x, hidden, cell, w(16, 6), w(16, 4), w(16), 4)
    return [x, hidden, cell], [step.output(0), step.output(1)]


def software():
    """Convolutions on SHAVEs in channel-minor order: plain, depthwise, transposed, pooled."""
    w = Weights(7)
    x = image([1, 4, 12, 12])
    y = op.convolution(x, w(8, 4, 3, 3), [2, 2], [1, 1], [1, 1], [1, 1])
    y = op.elu(op.group_convolution(y, w(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1]), 0.5)
    y = op.avg_pool(y, [1, 1], [1, 1], [1, 1], [3, 3], True, "floor")
    return [x], [op.convolution_backprop_data(y, w(8, 4, 2, 2), [2, 2])]


U8 = {"image": Precision.U8}
HARDWARE_OFF = {"MYRIAD_ENABLE_HW_ACCELERATION": "NO"}
BLOBS = {
    "classifier--4": (classifier, CompileOptions(shaves=4, input_precisions=U8)),
    "blur--6": (blur, CompileOptions(shaves=6, input_precisions=U8)),
    "blur--1": (blur, CompileOptions(shaves=1, input_precisions=U8)),
    "arithmetic--4": (arithmetic, CompileOptions(shaves=4)),
    "detector--1": (detector, CompileOptions(shaves=1)),
    "batch--4": (batch, CompileOptions(shaves=4)),
    "recurrent--2": (recurrent, CompileOptions(shaves=2)),
    "software--2": (software, CompileOptions(shaves=2, config=HARDWARE_OFF)),
}


def make(name):
    """The bytes of one blob."""
    build, options = BLOBS[name]
    inputs, outputs = build()
    for at, output in enumerate(outputs):
        output = output if isinstance(output, ov.Output) else output.output(0)
        output.get_tensor().set_names({f"result{at}"})
        output.get_node().set_friendly_name(f"result{at}" if len(outputs) == 1 else "result")
    model = legalise(ov.Model(outputs, inputs, build.__name__)).model
    return compile_ir(*serialise(model), options)


def main():
    checking = "--check" in sys.argv[1:]
    FOLDER.mkdir(exist_ok=True)
    wrong = 0
    for name in BLOBS:
        data, path = make(name), FOLDER / f"{name}.blob"
        if checking:
            same = path.is_file() and path.read_bytes() == data
            wrong += not same
            print(f"{name}: {'same' if same else 'DIFFERS'}")
        else:
            path.write_bytes(data)
            print(f"{name}: {len(data)} bytes")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
