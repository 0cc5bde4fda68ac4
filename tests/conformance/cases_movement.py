"""What moves values: layouts, slices, paddings, gathers, scatters, resizes, loops."""

import numpy as np
from openvino import opset1, opset2, opset3, opset5, opset6

from oakwright.blob import StageType as T

from .builder import Net, half, node
from .case import case


def ints(*values):
    return opset1.constant(np.array(values, np.int64))


for order in [(0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (0, 3, 2, 1), (0, 2, 1, 3)]:

    @case(f"transpose_{''.join(map(str, order))}", T.Permute)
    def _(net: Net, order=order):
        return net.transpose(net.input(1, 5, 7, 9), *order)


for name, shape, order in [
    ("2d", (6, 9), (1, 0)),
    ("3d", (3, 5, 7), (2, 0, 1)),
    ("5d", (1, 3, 4, 5, 6), (0, 3, 1, 4, 2)),
    ("6d", (1, 2, 3, 4, 2, 5), (0, 5, 2, 4, 1, 3)),
]:

    @case(f"transpose_{name}", T.Permute)
    def _(net: Net, shape=shape, order=order):
        return net.transpose(net.input(*shape), *order)


@case("transpose_between_convs", T.Permute)
def _(net: Net):
    y = net.transpose(net.conv(net.input(1, 8, 12, 16), 8, 3), 0, 1, 3, 2)
    return net.conv(y, 8, 3)


@case("copy_only", T.Copy)
def _(net: Net):
    return opset1.concat([net.input(1, 3, 5, 7), net.input(1, 4, 5, 7)], 1)


for axis in (1, 2, 3):

    @case(f"concat_{axis}")
    def _(net: Net, axis=axis):
        parts = [net.relu(net.input(1, 4, 6, 8)) for _ in range(3)]
        return net.leaky(opset1.concat(parts, axis))

    @case(f"split_{axis}")
    def _(net: Net, axis=axis):
        parts = opset1.split(net.relu(net.input(1, 4, 6, 8)), opset1.constant(np.int64(axis)), 2)
        return [net.leaky(parts.output(0)), opset1.sigmoid(parts.output(1))]


@case("variadic_split")
def _(net: Net):
    parts = opset1.variadic_split(
        net.relu(net.input(1, 9, 6, 8)), opset1.constant(np.int64(1)), ints(2, 3, 4)
    )
    return [net.leaky(parts.output(i)) for i in range(3)]


@case("conv_split_concat")
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 3, 16, 16), 16, 3))
    parts = opset1.split(y, opset1.constant(np.int64(1)), 2)
    z = net.relu(net.conv(parts.output(1), 8, 3))
    return net.conv(opset1.concat([parts.output(0), z, y], 1), 8, 1)


@case("shuffle_channels")
def _(net: Net):
    y = net.shape(net.input(1, 12, 6, 8), 1, 3, 4, 6, 8)
    return net.shape(net.transpose(y, 0, 2, 1, 3, 4), 1, 12, 6, 8)


@case("reshape_between_convs")
def _(net: Net):
    y = net.shape(net.conv(net.input(1, 8, 12, 16), 8, 3), 1, 16, 6, 16)
    return net.conv(y, 8, 1)


for mode in ("constant", "edge", "reflect", "symmetric"):
    for name, begin, end in [
        ("planes", (0, 0, 1, 2), (0, 0, 3, 1)),
        ("channels", (0, 1, 0, 0), (0, 2, 0, 0)),
        ("all", (0, 1, 2, 1), (0, 2, 1, 3)),
    ]:

        @case(f"pad_{mode}_{name}", T.Pad)
        def _(net: Net, mode=mode, begin=begin, end=end):
            x = net.input(1, 4, 6, 8)
            value = opset1.constant(np.float32(0.5))
            return opset1.pad(x, ints(*begin), ints(*end), mode, value)


@case("pad_then_conv")
def _(net: Net):
    x = opset1.pad(net.input(1, 4, 12, 14), ints(0, 0, 1, 1), ints(0, 0, 1, 1), "reflect")
    return net.conv(x, 8, 3, pad=0)


@case("pad_then_max_pool", T.Pad)
def _(net: Net):
    x = net.input(1, 4, 7, 9, low=0)
    x = opset1.pad(
        x, ints(0, 0, 1, 2), ints(0, 0, 2, 1), "constant", opset1.constant(np.float32(0))
    )
    return net.max_pool(x, 2)


for name, shape, times in [
    ("planes", (1, 3, 4, 5), (1, 1, 2, 3)),
    ("channels", (1, 3, 4, 5), (1, 4, 1, 1)),
    ("3d", (2, 3, 4), (1, 3, 2)),
]:

    @case(f"tile_{name}", T.Tile)
    def _(net: Net, shape=shape, times=times):
        return opset1.tile(net.relu(net.input(*shape)), ints(*times))


@case("broadcast_to", T.Tile)
def _(net: Net):
    return opset3.broadcast(net.relu(net.input(1, 3, 1, 5)), ints(1, 3, 4, 5))


for name, begin, end, step in [
    ("plain", (0, 1, 1, 2), (1, 4, 6, 7), (1, 1, 1, 1)),
    ("steps", (0, 0, 1, 0), (1, 6, 8, 10), (1, 2, 2, 3)),
    ("negative", (0, 1, -5, -7), (1, -1, -1, -2), (1, 1, 1, 1)),
]:

    @case(f"strided_slice_{name}", *([T.StridedSlice] if name == "steps" else []))
    def _(net: Net, begin=begin, end=end, step=step):
        x = net.relu(net.input(1, 6, 8, 10))
        zeros = [0] * 4
        y = opset1.strided_slice(x, ints(*begin), ints(*end), ints(*step), zeros, zeros, [], [], [])
        return net.leaky(y)


@case("strided_slice_masks")
def _(net: Net):
    x = net.relu(net.input(1, 6, 8, 10))
    y = opset1.strided_slice(
        x,
        ints(0, 2, 3, 0),
        ints(1, 5, 0, 9),
        ints(1, 1, 1, 2),
        [1, 0, 0, 1],
        [1, 0, 1, 0],
        [],
        [],
        [],
    )
    return net.leaky(y)


@case("strided_slice_shrink")
def _(net: Net):
    x = net.relu(net.input(1, 6, 8, 10))
    y = opset1.strided_slice(
        x,
        ints(0, 2, 0, 0),
        ints(1, 3, 8, 10),
        ints(1, 1, 1, 1),
        [0] * 4,
        [0] * 4,
        [],
        [0, 1, 0, 0],
        [],
    )
    return net.leaky(y)


@case("space_to_depth")
def _(net: Net):
    return opset1.space_to_depth(net.input(1, 3, 8, 12), "blocks_first", 2)


@case("depth_to_space")
def _(net: Net):
    return opset1.depth_to_space(net.input(1, 12, 4, 6), "depth_first", 2)


@case("depth_to_space_blocks")
def _(net: Net):
    return opset1.depth_to_space(net.input(1, 12, 4, 6), "blocks_first", 2)


@case("reorg_yolo", T.ReorgYolo)
def _(net: Net):
    return opset2.reorg_yolo(net.input(1, 4, 8, 12), [2])


@case("reorg_yolo_after_conv", T.ReorgYolo)
def _(net: Net):
    y = net.leaky(net.conv(net.input(1, 3, 26, 26), 64, 3))
    return net.conv(opset2.reorg_yolo(y, [2]), 16, 1)


# --- indices -----------------------------------------------------------------------------------

for axis in (0, 1, 2):

    @case(f"gather_{axis}", T.Gather)
    def _(net: Net, axis=axis):
        x = net.input(4, 5, 6)
        return opset1.gather(x, net.integers(3, below=4), opset1.constant(np.int64(axis)))


@case("gather_embedding", T.Gather)
def _(net: Net):
    table = net.uniform(30, 16)
    return opset1.gather(table, net.integers(1, 7, below=30), opset1.constant(np.int64(0)))


@case("gather_channels_constant", T.Gather)
def _(net: Net):
    return opset1.gather(net.input(1, 3, 6, 8), ints(2, 0, 1), opset1.constant(np.int64(1)))


@case("gather_nd", T.GatherND)
def _(net: Net):
    return opset5.gather_nd(net.input(4, 5, 6), net.integers(7, 2, below=4), 0)


@case("gather_nd_batch", T.GatherND)
def _(net: Net):
    return opset5.gather_nd(net.input(2, 5, 6), net.integers(2, 3, 1, below=5), 1)


for axis in (0, 1, 2):

    @case(f"gather_elements_{axis}", T.GatherElements)
    def _(net: Net, axis=axis):
        shape = [4, 5, 6]
        shape[axis] = 3
        return opset6.gather_elements(net.input(4, 5, 6), net.integers(*shape, below=4), axis)


@case("scatter_update", T.ScatterUpdate)
def _(net: Net):
    indices = opset1.constant(np.array([3, 0, 2], np.int64))
    return opset3.scatter_update(
        net.input(5, 6, 4), indices, net.input(3, 6, 4), opset1.constant(np.int64(0))
    )


@case("scatter_elements_update", T.ScatterElementsUpdate)
def _(net: Net):
    shape = (3, 4)
    parameter = net.integers(3, 4, below=6, name="indices")
    net.generators["indices"] = lambda rng: np.stack(
        [rng.permutation(6)[:4] for _ in range(3)]
    ).astype(np.int32)
    return opset3.scatter_elements_update(
        net.input(3, 6), parameter, net.input(*shape), opset1.constant(np.int64(1))
    )


@case("one_hot", T.OneHot)
def _(net: Net):
    y = opset1.one_hot(
        net.integers(3, 4, below=7),
        opset1.constant(np.int64(7)),
        opset1.constant(np.float32(2)),
        opset1.constant(np.float32(-1)),
        -1,
    )
    return opset1.multiply(y, net.const(0.5))


@case("one_hot_axis_0", T.OneHot)
def _(net: Net):
    y = opset1.one_hot(
        net.integers(5, below=7),
        opset1.constant(np.int64(7)),
        opset1.constant(np.float32(1)),
        opset1.constant(np.float32(0)),
        0,
    )
    return opset1.multiply(y, net.const(0.5))


@case("reverse_sequence", T.ReverseSequence)
def _(net: Net):
    lengths = net.input(3, name="lengths", values=lambda rng: half(rng.integers(1, 6, 3)))
    return opset1.reverse_sequence(net.input(3, 6, 4), lengths, 0, 1)


@case("reverse_sequence_time_first", T.ReverseSequence)
def _(net: Net):
    lengths = net.const([2, 5, 3])
    return opset1.reverse_sequence(net.relu(net.input(6, 3, 4)), lengths, 1, 0)


# --- resizes -----------------------------------------------------------------------------------

COORDINATES = (
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "align_corners",
)
for coordinates in COORDINATES:
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"):
        for name, size in {"up": (14, 20), "down": (4, 5), "odd": (10, 13)}.items():

            @case(f"resize_nearest_{coordinates}_{nearest}_{name}", T.Resample)
            def _(net: Net, coordinates=coordinates, nearest=nearest, size=size):
                x = net.relu(net.input(1, 3, 7, 10))
                return net.resize(x, size, coordinates=coordinates, nearest=nearest)

    for mode in ("linear_onnx", "linear"):
        for name, size in {"up": (14, 20), "down": (4, 5), "odd": (10, 13), "one": (1, 1)}.items():

            @case(f"resize_{mode}_{coordinates}_{name}", T.Interp)
            def _(net: Net, mode=mode, coordinates=coordinates, size=size):
                x = net.relu(net.input(1, 3, 7, 10))
                return net.resize(x, size, mode=mode, coordinates=coordinates)


@case("upsample_nearest_between_convs")
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 8, 12, 16), 8, 3))
    return net.conv(net.resize(y, (24, 32), coordinates="asymmetric"), 8, 3)


@case("interpolate_1", T.Interp)
def _(net: Net):
    x = net.relu(net.input(1, 3, 7, 10))
    return node(
        1,
        "Interpolate",
        [x, ints(14, 20)],
        axes=[2, 3],
        mode="linear",
        align_corners=True,
        antialias=False,
        pads_begin=[0],
        pads_end=[0],
    )
