"""Loops: TensorIterator, batches inside a network; recurrent cells and sequences."""

import numpy as np
import openvino as ov
from openvino import opset1, opset4, opset5

from oakwright.blob import StageType as T

from .builder import Net
from .case import case


def iterate(net: Net, *, steps=6, part=1, start=0, end=-1, shape=(1, 6, 8), axis=1):
    """h = tanh(x[t] + h) over slices of an input; the iterator and its body's result."""
    inner = list(shape)
    inner[axis] = part
    x = opset1.parameter(inner, np.float32, name="slice")
    h = opset1.parameter(inner, np.float32, name="state")
    result = opset1.result(opset1.tanh(opset1.add(x, h)))
    loop = opset5.tensor_iterator()
    loop.set_body(ov.Model([result], [x, h], "body"))
    stride = -part if start < 0 else part
    loop.set_sliced_input(x, net.input(*shape).output(0), start, stride, part, end, axis)
    loop.set_merged_input(h, net.input(*inner).output(0), result.output(0))
    loop.set_friendly_name("loop")
    return loop, result.output(0)


for name, options in {
    "forward": {},
    "backward": {"start": -1, "end": 0},
    "two_at_a_time": {"part": 2},
    "two_at_a_time_backward": {"part": 2, "start": -1, "end": 0},
    "planes": {"shape": (1, 6, 4, 8)},
    "outer_axis": {"shape": (5, 3, 4), "axis": 0},
    "inner_axis": {"shape": (1, 3, 6), "axis": 2},
}.items():

    @case(f"loop_{name}", T.LoopStart, T.LoopEnd)
    def _(net: Net, options=options):
        loop, result = iterate(net, **options)
        part, start, end = options.get("part", 1), options.get("start", 0), options.get("end", -1)
        stride = -part if start < 0 else part
        axis = options.get("axis", 1)
        return net.relu(loop.get_concatenated_slices(result, start, stride, part, end, axis))

    @case(f"loop_{name}_last", T.LoopStart, T.LoopEnd)
    def _(net: Net, options=options):
        loop, result = iterate(net, **options)
        return net.relu(loop.get_iter_value(result, -1))


@case("loop_over_a_part", T.LoopStart, T.LoopEnd)
def _(net: Net):
    loop, result = iterate(net, start=1, end=5)
    return net.relu(loop.get_iter_value(result, -1))


@case("loop_with_invariant", T.LoopStart, T.LoopEnd)
def _(net: Net):
    x, k, h = (opset1.parameter([1, 1, 8], np.float32, name=n) for n in ("slice", "k", "state"))
    state = opset1.tanh(opset1.add(opset1.multiply(x, k), h))
    results = [opset1.result(state), opset1.result(opset1.sigmoid(state))]
    loop = opset5.tensor_iterator()
    loop.set_body(ov.Model(results, [x, k, h], "body"))
    loop.set_sliced_input(x, net.input(1, 6, 8).output(0), 0, 1, 1, -1, 1)
    loop.set_invariant_input(k, net.input(1, 1, 8).output(0))
    loop.set_merged_input(h, net.input(1, 1, 8).output(0), results[0].output(0))
    loop.set_friendly_name("loop")
    return net.relu(loop.get_concatenated_slices(results[1].output(0), 0, 1, 1, -1, 1))


@case("loop_of_convolutions", T.LoopStart, T.LoopEnd)
def _(net: Net):
    x = opset1.parameter([1, 1, 8, 10], np.float32, name="slice")
    result = opset1.result(net.relu(net.conv(x, 4, 3)))
    loop = opset5.tensor_iterator()
    loop.set_body(ov.Model([result], [x], "body"))
    loop.set_sliced_input(x, net.input(1, 5, 8, 10).output(0), 0, 1, 1, -1, 1)
    loop.set_friendly_name("loop")
    return net.relu(loop.get_concatenated_slices(result.output(0), 0, 4, 4, -1, 1))


# Three layers in a row that the engine cannot run on a batch become a loop over it.
@case("loop_over_batch_hardware", T.LoopStart, T.LoopEnd, T.MyriadXHwOp)
def _(net: Net):
    y = net.shape(net.input(1, 12, 16, 16), 3, 4, 16, 16)
    y = net.relu(net.conv(y, 6, 3))
    y = net.relu(net.conv(y, 6, 3))
    return net.shape(net.conv(y, 6, 3), 1, 18, 16, 16)


@case("loop_over_batch_software", T.LoopStart, T.LoopEnd, T.Conv)
def _(net: Net):
    y = net.shape(net.input(1, 12, 16, 16), 3, 4, 16, 16)
    for _ in range(3):
        y = net.conv(y, 6, 3, dil=2, bias=False)
    return net.shape(y, 1, 18, 16, 16)


@case("batch_inside")
def _(net: Net):
    y = net.shape(net.conv(net.input(1, 3, 16, 16), 8, 3), 2, 4, 16, 16)
    return net.conv(net.shape(net.conv(y, 6, 3), 1, 12, 16, 16), 4, 1)


# --- recurrent ---------------------------------------------------------------------------------


def cell(net: Net, x, h, c, hidden=8):
    """An LSTM cell with weights of its own."""
    features = (x if isinstance(x, ov.Output) else x.output(0)).shape[1]
    return opset4.lstm_cell(
        x,
        h,
        c,
        net.weights(4 * hidden, features, fan_in=2 * features),
        net.weights(4 * hidden, hidden, fan_in=2 * hidden),
        net.uniform(4 * hidden, low=-0.5, high=0.5),
        hidden,
    )


for batch in (1, 3):

    @case(f"lstm_cell_batch_{batch}", T.LSTMCell)
    def _(net: Net, batch=batch):
        made = cell(net, net.input(batch, 12), net.input(batch, 8), net.input(batch, 8))
        return [net.relu(made.output(0)), net.relu(made.output(1))]


@case("lstm_unrolled", T.LSTMCell)
def _(net: Net):
    parts = opset1.split(net.input(1, 5, 12), opset1.constant(np.int64(1)), 5)
    h, c = net.const(np.zeros((1, 8))), net.const(np.zeros((1, 8)))
    w, r, b = net.weights(32, 12, fan_in=24), net.weights(32, 8, fan_in=16), net.uniform(32)
    steps = []
    for t in range(5):
        made = opset4.lstm_cell(net.shape(parts.output(t), 1, 12), h, c, w, r, b, 8)
        h, c = made.output(0), made.output(1)
        steps.append(net.shape(h, 1, 1, 8))
    return opset1.concat(steps, 1)


for backward in (False, True):
    for axis, shape in ((1, (1, 5, 12)), (1, (3, 5, 12)), (0, (5, 3, 12))):

        @case(
            f"lstm_sequence_{'x'.join(map(str, shape))}_axis_{axis}{'_backward' * backward}",
            T.LSTMCell,
        )
        def _(net: Net, backward=backward, axis=axis, shape=shape):
            batch = shape[1 - axis]
            inner = [batch, 12]
            inner.insert(axis, 1)
            x = opset1.parameter(inner, np.float32, name="slice")
            h = opset1.parameter([batch, 8], np.float32, name="hidden")
            c = opset1.parameter([batch, 8], np.float32, name="cell")
            made = cell(net, net.shape(x, batch, 12), h, c)
            inner[2] = 8
            results = [
                opset1.result(net.shape(made.output(0), *inner)),
                opset1.result(made.output(0)),
                opset1.result(made.output(1)),
            ]
            loop = opset5.tensor_iterator()
            loop.set_body(ov.Model(results, [x, h, c], "body"))
            span = (-1, -1, 1, 0) if backward else (0, 1, 1, -1)
            loop.set_sliced_input(x, net.input(*shape).output(0), *span, axis)
            for state, result in ((h, results[1]), (c, results[2])):
                loop.set_merged_input(state, net.input(batch, 8).output(0), result.output(0))
            loop.set_friendly_name("loop")
            return net.relu(loop.get_concatenated_slices(results[0].output(0), *span, axis))
