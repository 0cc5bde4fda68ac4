"""Convolutions, on hardware and SHAVEs, transposed ones, pooling."""

from openvino import opset1

from oakwright.blob import StageType as T
from oakwright.compiler import CompileOptions

from .builder import Net
from .case import case

HW = T.MyriadXHwOp
NO_HARDWARE = CompileOptions(config={"MYRIAD_ENABLE_HW_ACCELERATION": "NO"})

# --- hardware convolutions ---------------------------------------------------------------------

for k in range(1, 16):

    @case(f"hw_conv_{k}x{k}", HW)
    def _(net: Net, k=k):
        x = net.input(1, 8, 24, 32)
        return net.conv(x, 16, k)

    @case(f"hw_conv_{k}x{k}_no_pad", HW)
    def _(net: Net, k=k):
        return net.conv(net.input(1, 5, 20, 24), 12, k, pad=0)


for s in range(1, 9):

    @case(f"hw_conv_stride_{s}", HW)
    def _(net: Net, s=s):
        k = min(15, 2 * s + 1)
        return net.conv(net.input(1, 6, 48, 64), 8, k, s=s, pad=k // 2)

    @case(f"hw_conv_3x3_stride_{s}_no_pad", HW)
    def _(net: Net, s=s):
        return net.conv(net.input(1, 6, 43, 61), 8, 3, s=s, pad=0)


for kh, kw in [(1, 3), (3, 1), (5, 3), (2, 3), (7, 1), (1, 16), (2, 4)]:

    @case(f"hw_conv_{kh}x{kw}", HW)
    def _(net: Net, k=(kh, kw)):
        return net.conv(net.input(1, 6, 24, 32), 8, k)


for name, pad, end in [
    ("left_top", (1, 1), (0, 0)),
    ("right_bottom", (0, 0), (1, 1)),
    ("wide", (3, 2), (2, 3)),
    ("only_rows", (1, 0), (1, 0)),
]:

    @case(f"hw_conv_pad_{name}", HW)
    def _(net: Net, pad=pad, end=end):
        return net.conv(net.input(1, 6, 17, 23), 8, 3, pad=pad, end=end)

    @case(f"hw_conv_pad_{name}_stride_2", HW)
    def _(net: Net, pad=pad, end=end):
        return net.conv(net.input(1, 6, 18, 23), 8, 3, s=2, pad=pad, end=end)


@case("hw_conv_same_upper", HW)
def _(net: Net):
    return net.conv(net.input(1, 3, 30, 41), 8, 3, s=2, pad=0, auto="same_upper")


@case("hw_conv_no_bias", HW)
def _(net: Net):
    return net.conv(net.input(1, 8, 16, 16), 16, 3, bias=False)


for name, act in {
    "relu": lambda n, y: n.relu(y),
    "relu6": lambda n, y: n.relu6(y),
    "leaky_0_1": lambda n, y: n.leaky(y, 0.1),
    "leaky_0_25": lambda n, y: n.leaky(y, 0.25),
    "leaky_0_3": lambda n, y: n.leaky(y, 0.3),
    "clamp": lambda n, y: opset1.clamp(y, -0.5, 0.75),
}.items():

    @case(f"hw_conv_{name}", HW)
    def _(net: Net, act=act):
        return act(net, net.conv(net.input(1, 8, 20, 20), 16, 3))

    @case(f"hw_conv_1x1_{name}_pool", HW)
    def _(net: Net, act=act):
        return net.max_pool(act(net, net.conv(net.input(1, 8, 20, 20), 16, 1)), 2)


for name, size in {"even": (16, 24), "odd": (17, 25), "big": (64, 96)}.items():

    @case(f"hw_conv_pool_{name}", HW)
    def _(net: Net, size=size):
        return net.max_pool(net.relu(net.conv(net.input(1, 16, *size), 32, 3)), 2)


for name, shape, oc, k in [
    ("wide", (1, 3, 360, 640), 8, 3),
    ("high_channels", (1, 512, 14, 14), 512, 3),
    ("very_high_channels", (1, 1280, 7, 7), 320, 1),
    ("many_outputs", (1, 32, 14, 14), 1024, 1),
    ("large_plane", (1, 32, 160, 160), 32, 3),
    ("large_plane_5x5", (1, 16, 120, 200), 24, 5),
    ("one_channel", (1, 1, 100, 100), 8, 3),
    ("one_output", (1, 16, 40, 40), 1, 3),
    ("narrow", (1, 8, 200, 3), 8, 3),
    ("flat", (1, 8, 2, 300), 8, 3),
    ("odd_channels", (1, 13, 19, 27), 21, 3),
    ("inner_tiles", (1, 2304, 7, 7), 64, 3),
]:

    @case(f"hw_conv_tiles_{name}", HW)
    def _(net: Net, shape=shape, oc=oc, k=k):
        return net.relu(net.conv(net.input(*shape), oc, k))

    if shape[2] > 40:

        @case(f"hw_conv_tiles_{name}_stride_2_pool", HW)
        def _(net: Net, shape=shape, oc=oc, k=k):
            y = net.relu6(net.conv(net.input(*shape), oc, k, s=2))
            return net.max_pool(y, 3, s=2, pad=1)


for groups, channels, name in [
    (8, 8, "depthwise_8"),
    (32, 32, "depthwise_32"),
    (96, 96, "depthwise_96"),
    (20, 20, "depthwise_20"),
    (2, 16, "grouped_2"),
    (4, 32, "grouped_4"),
    (3, 12, "grouped_3"),
]:
    for s in (1, 2):

        @case(f"hw_conv_{name}_stride_{s}", HW)
        def _(net: Net, groups=groups, channels=channels, s=s):
            x = net.input(1, channels, 28, 28)
            return net.relu6(net.conv(x, channels, 3, s=s, pad=1, groups=groups))


@case("hw_conv_depthwise_twice", HW)
def _(net: Net):
    return net.conv(net.input(1, 8, 20, 20), 16, 3, groups=8)


@case("hw_conv_depthwise_5x5_large", HW)
def _(net: Net):
    return net.conv(net.input(1, 32, 112, 112), 32, 5, groups=32)


@case("hw_conv_chain", HW)
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 3, 64, 64), 16, 3, s=2, pad=1))
    y = net.relu6(net.conv(y, 16, 3, groups=16))
    y = net.leaky(net.conv(y, 24, 1))
    return net.conv(y, 8, 5, s=2, pad=2)


@case("conv_1d", HW)
def _(net: Net):
    x = net.input(1, 8, 50)
    w = net.weights(12, 8, 5, fan_in=40)
    return opset1.convolution(x, w, [1], [2], [2], [1])


@case("fully_connected", HW)
def _(net: Net):
    return net.linear(net.input(1, 256), 100)


@case("fully_connected_from_planes", HW)
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 8, 14, 14), 16, 3))
    return net.linear(net.relu(net.linear(net.shape(y, 1, -1), 64)), 10)


@case("fully_connected_25088", HW)
def _(net: Net):
    return net.linear(net.shape(net.input(1, 512, 7, 7), 1, -1), 64)


@case("conv_3d", HW)
def _(net: Net):
    w = net.weights(8, 4, 3, 3, 3, fan_in=108)
    y = opset1.convolution(net.input(1, 4, 6, 10, 12), w, [1] * 3, [1] * 3, [1] * 3, [1] * 3)
    return opset1.add(y, net.uniform(1, 8, 1, 1, 1))


@case("conv_3d_stride_2", HW)
def _(net: Net):
    w = net.weights(8, 4, 3, 3, 3, fan_in=108)
    y = opset1.convolution(net.input(1, 4, 6, 10, 12), w, [1, 2, 2], [1] * 3, [1] * 3, [1] * 3)
    return opset1.add(y, net.uniform(1, 8, 1, 1, 1))


# --- software convolutions ---------------------------------------------------------------------

for name, k, options in [
    ("dilated_2", 3, {"dil": 2}),
    ("dilated_3", 3, {"dil": 3}),
    ("dilated_2_stride_2", 3, {"dil": 2, "s": 2, "pad": 2}),
    ("dilated_rows", 3, {"dil": (2, 1)}),
    ("stride_1x2", 3, {"s": (1, 2), "pad": 1}),
    ("stride_2x1", 3, {"s": (2, 1), "pad": 1}),
    ("stride_9", 3, {"s": 9, "pad": 1}),
    ("kernel_17", 17, {}),
    ("kernel_1x17", (1, 17), {}),
]:

    @case(f"sw_conv_{name}")
    def _(net: Net, k=k, options=options):
        return net.conv(net.input(1, 6, 37, 45), 8, k, bias=False, **options)


@case("sw_conv_dilated_depthwise")
def _(net: Net):
    return net.conv(net.input(1, 16, 30, 30), 16, 3, dil=2, groups=16, bias=False)


@case("sw_conv_depthwise_stride_1x2")
def _(net: Net):
    return net.conv(net.input(1, 16, 30, 30), 16, 3, s=(1, 2), pad=1, groups=16, bias=False)


for name, ic, oc, k in [
    ("1x1", 16, 24, 1),
    ("3x3", 16, 24, 3),
    ("3x3_few", 3, 8, 3),
    ("3x3_small", 8, 8, 3),
    ("5x5", 16, 24, 5),
    ("5x5_small", 4, 8, 5),
    ("7x7", 3, 16, 7),
    ("2x2", 8, 16, 2),
    ("3x1", 8, 16, (3, 1)),
    ("1x3", 8, 16, (1, 3)),
]:
    kind = T.Im2ColConvolution if name in ("2x2", "3x1", "1x3") else T.Conv

    @case(f"shave_conv_{name}", *([kind] if name != "5x5" else []), options=NO_HARDWARE)
    def _(net: Net, ic=ic, oc=oc, k=k):
        return net.conv(net.input(1, ic, 22, 30), oc, k, bias=False)

    @case(f"shave_conv_{name}_stride_2", options=NO_HARDWARE)
    def _(net: Net, ic=ic, oc=oc, k=k):
        return net.conv(net.input(1, ic, 22, 30), oc, k, s=2, bias=False)


for act, kind in {
    "relu": T.BiasRelu,
    "relu6": T.Clamp,
    "leaky": T.BiasLeakyRelu,
    "none": T.Bias,
}.items():

    @case(f"shave_conv_bias_{act}", kind, options=NO_HARDWARE)
    def _(net: Net, act=act):
        y = net.conv(net.input(1, 8, 16, 16), 16, 3)
        return {"relu": net.relu, "relu6": net.relu6, "leaky": net.leaky}.get(act, lambda v: v)(y)


@case("shave_conv_depthwise", T.DepthConv, options=NO_HARDWARE)
def _(net: Net):
    return net.conv(net.input(1, 16, 22, 30), 16, 3, groups=16, bias=False)


@case("shave_conv_grouped", options=NO_HARDWARE)
def _(net: Net):
    return net.conv(net.input(1, 16, 22, 30), 32, 3, groups=4, bias=False)


@case("shave_fully_connected", T.FC, options=NO_HARDWARE)
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 4, 6, 5), 8, 3))
    return net.linear(net.shape(y, 1, -1), 20)


@case("fully_connected_rows")
def _(net: Net):
    return net.linear(net.input(6, 32), 20)


# --- transposed convolutions -------------------------------------------------------------------

for name, k, options in [
    ("2x2_stride_2", 2, {"s": 2}),
    ("3x3_stride_2", 3, {"s": 2, "pad": 1, "out_pad": 1}),
    ("4x4_stride_2", 4, {"s": 2, "pad": 1}),
    ("3x3_stride_1", 3, {"pad": 1}),
    ("5x5_stride_3", 5, {"s": 3, "pad": 1}),
    ("4x4_stride_4", 4, {"s": 4}),
    ("stride_1x2", 3, {"s": (1, 2), "pad": 1}),
    ("8x8_stride_4", 8, {"s": 4, "pad": 2}),
]:

    @case(f"deconv_{name}", *([T.Upsampling] if name == "4x4_stride_2" else []))
    def _(net: Net, k=k, options=options):
        return net.deconv(net.input(1, 12, 9, 13), 16, k, bias=True, **options)

    @case(f"shave_deconv_{name}", T.Deconvolution, options=NO_HARDWARE)
    def _(net: Net, k=k, options=options):
        return net.deconv(net.input(1, 12, 9, 13), 16, k, **options)

    @case(f"deconv_depthwise_{name}", *([T.Scale] if name == "4x4_stride_2" else []))
    def _(net: Net, k=k, options=options):
        return net.deconv(net.input(1, 8, 9, 13), 8, k, groups=8, **options)


@case("shave_deconv_depthwise", T.DepthDeconv, options=NO_HARDWARE)
def _(net: Net):
    return net.deconv(net.input(1, 8, 9, 13), 8, 4, s=2, pad=1, groups=8)


@case("deconv_grouped")
def _(net: Net):
    return net.deconv(net.input(1, 8, 9, 13), 16, 4, s=2, pad=1, groups=2)


# --- pooling -----------------------------------------------------------------------------------

POOLS = {
    "2x2": (2, {}),
    "3x3_stride_2": (3, {"s": 2}),
    "3x3_stride_2_pad": (3, {"s": 2, "pad": 1}),
    "3x3_stride_1_pad": (3, {"s": 1, "pad": 1}),
    "3x3_stride_2_ceil": (3, {"s": 2, "rounding": "ceil"}),
    "3x3_stride_2_pad_end": (3, {"s": 2, "pad": 0, "end": 1}),
    "5x5_stride_1_pad": (5, {"s": 1, "pad": 2}),
    "5x5_stride_3": (5, {"s": 3, "pad": 2}),
    "7x7_stride_1": (7, {"s": 1}),
    "9x9_stride_1_pad": (9, {"s": 1, "pad": 4}),
    "13x13_stride_1_pad": (13, {"s": 1, "pad": 6}),
    "4x4_stride_4": (4, {}),
    "2x2_stride_1": (2, {"s": 1}),
    "1x2": ((1, 2), {}),
    "3x1_stride_2x1": ((3, 1), {"s": (2, 1), "pad": (1, 0)}),
    "17x17": (17, {"s": 1}),
}
for name, (k, options) in POOLS.items():
    for size in ((22, 30), (21, 31)):

        @case(f"max_pool_{name}_{size[0]}x{size[1]}")
        def _(net: Net, k=k, options=options, size=size):
            return net.max_pool(net.input(1, 12, *size), k, **options)

        @case(f"avg_pool_{name}_{size[0]}x{size[1]}")
        def _(net: Net, k=k, options=options, size=size):
            return net.avg_pool(net.input(1, 12, *size), k, **options)

        # The quirk of excluded padding on hardware needs no second size.
        if "pad" in options and size == (22, 30):

            @case(f"avg_pool_exclude_{name}_{size[0]}x{size[1]}")
            def _(net: Net, k=k, options=options, size=size):
                return net.avg_pool(net.input(1, 12, *size), k, exclude=True, **options)

    @case(f"shave_max_pool_{name}", T.MaxPool, options=NO_HARDWARE)
    def _(net: Net, k=k, options=options):
        return net.max_pool(net.input(1, 12, 21, 31), k, **options)

    @case(f"shave_avg_pool_{name}", T.AvgPool, options=NO_HARDWARE)
    def _(net: Net, k=k, options=options):
        return net.avg_pool(net.input(1, 12, 21, 31), k, exclude=True, **options)


@case("max_pool_large", HW)
def _(net: Net):
    return net.max_pool(net.input(1, 64, 112, 112), 3, s=2, pad=1)


@case("max_pool_relu", HW)
def _(net: Net):
    return net.relu(net.max_pool(net.input(1, 16, 20, 20), 2))


@case("global_avg_pool", HW)
def _(net: Net):
    return net.avg_pool(net.input(1, 64, 7, 7), 7)


@case("global_avg_pool_wide")
def _(net: Net):
    return net.avg_pool(net.input(1, 32, 20, 25), (20, 25))


@case("global_max_pool", T.GlobalMaxPool)
def _(net: Net):
    return net.max_pool(net.input(1, 32, 20, 25), (20, 25))


@case("max_pool_3d", HW)
def _(net: Net):
    return opset1.max_pool(net.input(1, 4, 6, 10, 12), [2] * 3, [0] * 3, [0] * 3, [2] * 3)


@case("avg_pool_3d", HW)
def _(net: Net):
    return opset1.avg_pool(net.input(1, 4, 6, 10, 12), [2] * 3, [0] * 3, [0] * 3, [2] * 3, True)


@case("hw_conv_1x16_no_bias", HW)
def _(net: Net):
    return net.conv(net.input(1, 6, 24, 32), 8, (1, 16), bias=False)


@case("max_pool_batch_2")
def _(net: Net):
    return net.max_pool(net.input(2, 8, 16, 16), 2)
