"""Whole networks in the shape of those that people run, with weights of no meaning."""

import numpy as np
from openvino import opset1, opset4

from oakwright.blob import StageType as T
from oakwright.compiler import CompileOptions

from .builder import Net, node
from .case import case
from .cases_detection import DETECTION, grid_priors

HW = T.MyriadXHwOp


def inverted_residual(net: Net, x, oc: int, stride: int, expand: int):
    """MobileNetV2's block."""
    ic = x.output(0).shape[1]
    y = net.relu6(net.conv(x, ic * expand, 1)) if expand > 1 else x
    hidden = ic * expand
    y = net.relu6(net.conv(y, hidden, 3, s=stride, pad=1, groups=hidden))
    y = damped(net, net.conv(y, oc, 1))
    return opset1.add(x, y) if stride == 1 and ic == oc else y


def damped(net: Net, y):
    """Half of it: sums of many blocks must not grow."""
    return opset1.multiply(y, net.const(np.full((1, 1, 1, 1), 0.5)))


def mobilenet_v2(net: Net, x):
    """The body of MobileNetV2 at width 1, to 1280 channels."""
    y = net.relu6(net.conv(x, 32, 3, s=2, pad=1))
    for expand, oc, count, stride in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for i in range(count):
            y = inverted_residual(net, y, oc, stride if i == 0 else 1, expand)
    return net.relu6(net.conv(y, 1280, 1))


def global_mean(net: Net, y):
    return net.shape(
        opset1.reduce_mean(y, opset1.constant(np.array([2, 3], np.int64)), True), 1, -1
    )


def classified(net: Net, features, classes=1000):
    return opset1.softmax(net.linear(features, classes), 1)


@case("net_mobilenet_v2_224", HW, T.SoftMax, slow=True)
def _(net: Net):
    return classified(net, global_mean(net, mobilenet_v2(net, net.input(1, 3, 224, 224))))


@case("net_mobilenet_v2_96", HW, T.SoftMax)
def _(net: Net):
    return classified(net, global_mean(net, mobilenet_v2(net, net.input(1, 3, 96, 96))), 100)


def resnet(net: Net, x, widths=(64, 128, 256, 512)):
    """ResNet-18's body."""
    y = net.max_pool(net.relu(net.conv(x, widths[0], 7, s=2, pad=3)), 3, s=2, pad=1)
    for stage, oc in enumerate(widths):
        for block in range(2):
            stride = 2 if stage and not block else 1
            ic = y.output(0).shape[1]
            z = net.relu(net.conv(y, oc, 3, s=stride, pad=1))
            z = damped(net, net.conv(z, oc, 3))
            short = y if stride == 1 and ic == oc else damped(net, net.conv(y, oc, 1, s=stride))
            y = net.relu(opset1.add(short, z))
    return y


@case("net_resnet_18_224", HW, slow=True)
def _(net: Net):
    return classified(net, global_mean(net, resnet(net, net.input(1, 3, 224, 224))))


@case("net_resnet_64", HW)
def _(net: Net):
    y = resnet(net, net.input(1, 3, 64, 64), (16, 32, 48, 64))
    return classified(net, global_mean(net, y), 10)


@case("net_resnet_batch_3", HW)
def _(net: Net):
    y = resnet(net, net.input(3, 3, 32, 32), (8, 16, 24, 32))
    y = opset1.reduce_mean(y, opset1.constant(np.array([2, 3], np.int64)), True)
    return net.conv(y, 10, 1)


@case("net_batch_3", HW)
def _(net: Net):
    y = net.relu(net.conv(net.input(3, 3, 24, 32), 16, 3, s=2, pad=1))
    return opset1.sigmoid(net.conv(y, 8, 3))


# The engine can also compile for one sample and have the whole program run three times.
SAMPLE_BY_SAMPLE = CompileOptions(config={"MYRIAD_DETECT_NETWORK_BATCH": "YES"})


@case("net_batch_3_by_sample", HW, options=SAMPLE_BY_SAMPLE)
def _(net: Net):
    y = net.relu(net.conv(net.input(3, 3, 24, 32), 16, 3, s=2, pad=1))
    y = net.conv(net.max_pool(y, 2), 8, 3)
    return [net.conv(y, 5, 1), opset1.softmax(y, 1)]


@case("net_batch_3_shave")
def _(net: Net):
    y = opset1.tanh(net.input(3, 4, 6, 8))
    return opset1.softmax(y, 1)


@case("net_unet_96", HW)
def _(net: Net):
    def double(y, oc):
        return net.relu(net.conv(net.relu(net.conv(y, oc, 3)), oc, 3))

    a = double(net.input(1, 3, 96, 96), 16)
    b = double(net.max_pool(a, 2), 32)
    c = double(net.max_pool(b, 2), 64)
    up = net.deconv(c, 32, 2, s=2, bias=True)
    b = double(opset1.concat([up, b], 1), 32)
    up = net.resize(b, (96, 96), mode="linear_onnx", coordinates="align_corners")
    return opset1.sigmoid(net.conv(double(opset1.concat([up, a], 1), 16), 2, 1))


def silu(net: Net, y):
    return opset4.swish(y)


def yolo(net: Net, x, act):
    """A small YOLO with two heads; ``act`` is its activation."""
    y = act(net.conv(x, 16, 3, s=2, pad=1))
    for oc in (32, 64):
        y = act(net.conv(y, oc, 3, s=2, pad=1))
        left, right = act(net.conv(y, oc // 2, 1)), act(net.conv(y, oc // 2, 1))
        inner = damped(net, act(net.conv(act(net.conv(right, oc // 2, 1)), oc // 2, 3)))
        y = act(net.conv(opset1.concat([left, opset1.add(right, inner)], 1), oc, 1))
    fine = y
    y = act(net.conv(y, 96, 3, s=2, pad=1))
    pools = [y]
    for _ in range(3):  # spatial pyramid pooling
        pools.append(net.max_pool(pools[-1], 5, s=1, pad=2))
    y = act(net.conv(opset1.concat(pools, 1), 96, 1))
    height, width = fine.output(0).shape[2], fine.output(0).shape[3]
    up = net.resize(act(net.conv(y, 32, 1)), (height, width), coordinates="asymmetric")
    fine = act(net.conv(opset1.concat([up, fine], 1), 64, 3))
    return fine, y


for name, act in {
    "leaky": lambda net, y: net.leaky(y),
    "silu": silu,
    "hswish": lambda net, y: opset4.hswish(y),
}.items():

    @case(f"net_yolo_{name}", HW, T.Resample)
    def _(net: Net, act=act):
        fine, coarse = yolo(net, net.input(1, 3, 160, 192), lambda y: act(net, y))
        return [net.conv(fine, 27, 1), net.conv(coarse, 27, 1)]


@case("net_yolo_regions", HW, T.RegionYolo)
def _(net: Net):
    heads = yolo(net, net.input(1, 3, 160, 192), net.leaky)
    return [
        node(
            1,
            "RegionYolo",
            [net.conv(head, 27, 1)],
            coords=4,
            classes=4,
            num=6,
            do_softmax=False,
            mask=mask,
            axis=1,
            end_axis=3,
            anchors=[float(i) for i in range(1, 13)],
        )
        for head, mask in zip(heads, ([0, 1, 2], [3, 4, 5]), strict=True)
    ]


@case("net_yolo_leaky_416", HW, slow=True)
def _(net: Net):
    fine, coarse = yolo(net, net.input(1, 3, 416, 416), net.leaky)
    return [net.conv(fine, 27, 1), net.conv(coarse, 27, 1)]


def ssd(net: Net, x, classes=3):
    """A small SSD with two scales: locations, confidences, priors."""
    y = net.relu6(net.conv(x, 16, 3, s=2, pad=1))
    for oc in (24, 32):
        y = net.relu6(net.conv(y, oc, 1))
        y = net.relu6(net.conv(y, oc, 3, s=2, pad=1, groups=oc))
    features = [y, net.relu6(net.conv(y, 48, 3, s=2, pad=1))]
    locations, confidences, priors = [], [], []
    for feature, sizes in zip(features, ((0.15, 0.25), (0.4, 0.6)), strict=True):
        rows, columns = feature.output(0).shape[2:]
        loc = damped(net, damped(net, net.conv(feature, 2 * 4, 3)))
        locations.append(net.shape(net.transpose(loc, 0, 2, 3, 1), 1, -1))
        conf = net.conv(feature, 2 * classes, 3)
        confidences.append(net.shape(net.transpose(conf, 0, 2, 3, 1), 1, -1))
        priors.append(grid_priors(rows, columns, sizes))
    boxes = np.concatenate(priors)
    conf = net.shape(opset1.concat(confidences, 1), 1, -1, classes)
    conf = net.shape(opset1.softmax(conf, 2), 1, -1)
    table = np.stack([boxes.reshape(-1), np.tile([0.1, 0.1, 0.2, 0.2], len(boxes))])[None]
    return opset1.concat(locations, 1), conf, net.const(table)


@case("net_ssd_heads", HW, T.SoftMax)
def _(net: Net):
    loc, conf, _ = ssd(net, net.input(1, 3, 96, 128))
    return [loc, conf]


@case("net_ssd", HW, T.DetectionOutput)
def _(net: Net):
    loc, conf, table = ssd(net, net.input(1, 3, 96, 128))
    attributes = DETECTION | {"num_classes": 3, "confidence_threshold": 0.3, "top_k": 20}
    return node(1, "DetectionOutput", [loc, conf, table], **attributes)


@case("net_squeeze_excite", HW)
def _(net: Net):
    y = opset4.hswish(net.conv(net.input(1, 3, 48, 48), 16, 3, s=2, pad=1))
    axes = opset1.constant(np.array([2, 3], np.int64))
    gate = net.relu(net.conv(opset1.reduce_mean(y, axes, True), 8, 1))
    gate = opset4.hswish(net.conv(gate, 16, 1))
    return net.conv(opset1.multiply(y, gate), 24, 1)


@case("net_shufflenet", HW)
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 3, 64, 64), 24, 3, s=2, pad=1))
    for _ in range(2):
        halves = opset1.split(y, opset1.constant(np.int64(1)), 2)
        z = net.relu(net.conv(halves.output(1), 12, 1))
        z = net.relu(net.conv(net.conv(z, 12, 3, groups=12), 12, 1))
        y = opset1.concat([halves.output(0), z], 1)
        height, width = y.output(0).shape[2:]
        y = net.transpose(net.shape(y, 1, 2, 12, height, width), 0, 2, 1, 3, 4)
        y = net.shape(y, 1, 24, height, width)
    return net.conv(y, 16, 1)


@case("net_densenet", HW)
def _(net: Net):
    y = net.relu(net.conv(net.input(1, 3, 48, 48), 16, 3, s=2, pad=1))
    for _ in range(4):
        z = net.conv(net.relu(net.conv(y, 16, 1)), 8, 3)
        y = opset1.concat([y, net.relu(z)], 1)
    return net.conv(net.avg_pool(y, 2), 10, 1)


@case("net_attention", T.GEMM, T.SoftMax)
def _(net: Net):
    x = net.conv(net.input(1, 3, 32, 32), 32, 8, s=8, pad=0)  # 16 tokens of 32
    tokens = net.transpose(net.shape(x, 1, 32, 16), 0, 2, 1)

    def heads(y):
        flat = net.conv(net.shape(net.transpose(y, 0, 2, 1), 1, 32, 1, 16), 32, 1)
        return net.transpose(net.shape(flat, 1, 4, 8, 16), 0, 1, 3, 2)

    q, k, v = heads(tokens), heads(tokens), heads(tokens)
    scores = opset1.multiply(opset1.matmul(q, k, False, True), net.const([0.35]))
    mixed = opset1.matmul(opset1.softmax(scores, 3), v, False, False)
    return net.shape(net.transpose(mixed, 0, 2, 1, 3), 1, 16, 32)


@case("net_mobilenet_v2_1_shave", HW, options=CompileOptions(shaves=1))
def _(net: Net):
    return classified(net, global_mean(net, mobilenet_v2(net, net.input(1, 3, 64, 64))), 10)


@case("net_mobilenet_v2_16_shaves", HW, options=CompileOptions(shaves=16))
def _(net: Net):
    return classified(net, global_mean(net, mobilenet_v2(net, net.input(1, 3, 64, 64))), 10)


@case(
    "net_resnet_shave_only",
    options=CompileOptions(config={"MYRIAD_ENABLE_HW_ACCELERATION": "NO"}),
)
def _(net: Net):
    y = resnet(net, net.input(1, 3, 48, 48), (8, 16, 24, 32))
    return classified(net, global_mean(net, y), 10)
