"""What DepthAI v3's nodes make of pictures and tensors on the host: an oracle for our v2 device.

    python -m venv /tmp/v3 && /tmp/v3/bin/pip install 'depthai>=3' numpy opencv-python-headless
    /tmp/v3/bin/python tests/corpus/make_v3_fixtures.py           write v3/*.npz
    /tmp/v3/bin/python tests/corpus/make_v3_fixtures.py --check   compare with what is there

DepthAI 3 is another program than DepthAI 2 (which oakwright stands in for) and than oakwright; its
ImageManip, DetectionParser and ImgFrame run without a device. Both packages are called ``depthai``,
so it has an environment of its own, and what it made is stored. Pictures and tensors are generated.
``manip.npz``: inputs and results by case, as BGR or grey pixels; for the rules of waiting and reuse
what is sent and what comes. ``formats.npz``: the bytes of one picture in every format, and what v3
reads from them. ``decoders.npz``: tensors, and rows (label, confidence, x0, y0, x1, y1).
``tests/unit/device/test_v3_oracle.py`` and ``tests/device/test_image_manip.py`` compare.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# v3 reports its use to its maker unless told otherwise before it is loaded.
os.environ["DEPTHAI_TELEMETRY"] = "0"

import depthai as dai
import numpy as np

FOLDER = Path(__file__).parent / "v3"
TYPE = dai.ImgFrame.Type
MODE = dai.ImageManipConfig.ResizeMode
Configure = Callable[[Any], object]


# -- pictures


def picture(width: int, height: int) -> np.ndarray:
    """BGR, smooth, of no symmetry; its largest step between neighbours is about 20."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        127 + 100 * np.sin(x / 9 + y / 17),
        127 + 100 * np.cos(x / 13 - y / 7),
        127 + 90 * np.sin((x + y) / 11),
    ]
    return np.stack(planes, axis=2).round().astype(np.uint8)


def grey(width: int, height: int) -> np.ndarray:
    """One channel of the same."""
    return np.ascontiguousarray(picture(width, height)[:, :, 1])


# -- ImageManip


def rotated(x: float, y: float, width: float, height: float, angle: float) -> Any:
    """A rotated rectangle, pixels and degrees."""
    return dai.RotatedRect(dai.Point2f(x, y, False), dai.Size2f(width, height, False), angle)


def corners(*points: tuple[float, float]) -> list[Any]:
    """Points as DepthAI's."""
    return [dai.Point2f(x, y) for x, y in points]


def four_points(config: Any, size: tuple[int, int]) -> None:
    """A quadrilateral of the 72x48 picture fills ``size``."""
    given = corners((8, 4), (60, 9), (68, 45), (3, 38))
    right, bottom = size[0] - 1, size[1] - 1
    there = corners((0, 0), (right, 0), (right, bottom), (0, bottom))
    config.addTransformFourPoints(given, there, False)
    config.setOutputSize(*size, MODE.NONE).setOutputCenter(False)


# Case: what the picture is (72x48 unless told) and what v3 is told to do.
MANIP: dict[str, Configure] = {
    "crop_pixels": lambda c: c.addCrop(8, 4, 40, 24),
    "crop_fractions": lambda c: c.addCrop(dai.Rect(0.13, 0.21, 0.4, 0.5, True), True),
    "stretch_down": lambda c: c.setOutputSize(40, 40, MODE.STRETCH),
    "stretch_up": lambda c: c.setOutputSize(100, 64, MODE.STRETCH),
    "cut_wide": lambda c: c.setOutputSize(48, 48, MODE.CENTER_CROP),
    "cut_tall": lambda c: c.setOutputSize(60, 24, MODE.CENTER_CROP),
    "bars_beside": lambda c: c.setOutputSize(72, 30, MODE.LETTERBOX).setBackgroundColor(10, 20, 30),
    "bars_above": lambda c: c.setOutputSize(50, 50, MODE.LETTERBOX).setBackgroundColor(10, 20, 30),
    "crop_then_stretch": lambda c: c.addCrop(16, 8, 30, 30).setOutputSize(40, 36, MODE.STRETCH),
    "crop_then_cut": lambda c: c.addCrop(8, 4, 60, 40).setOutputSize(32, 32, MODE.CENTER_CROP),
    "crop_then_bars": lambda c: c.addCrop(8, 4, 60, 40).setOutputSize(48, 48, MODE.LETTERBOX),
    "flip_horizontal": lambda c: c.addFlipHorizontal(),
    "flip_vertical": lambda c: c.addFlipVertical(),
    "flip_both_of_crop": lambda c: c.addCrop(8, 4, 40, 24).addFlipHorizontal().addFlipVertical(),
    "rotated_crop": lambda c: c.addCropRotatedRect(rotated(38, 24, 30, 18, 30)),
    "rotated_crop_upright": lambda c: c.addCropRotatedRect(rotated(38, 24, 30, 18, 0)),
    "rotated_crop_quarter": lambda c: c.addCropRotatedRect(rotated(36, 24, 30, 18, 90)),
    "rotated_crop_outside": lambda c: c.addCropRotatedRect(rotated(60, 38, 40, 28, -25)),
    "rotated_crop_stretch": lambda c: c.addCropRotatedRect(
        rotated(38, 24, 30, 18, 30)
    ).setOutputSize(32, 32, MODE.STRETCH),
    "rotated_crop_cut": lambda c: c.addCropRotatedRect(rotated(38, 24, 30, 18, -15)).setOutputSize(
        32, 32, MODE.CENTER_CROP
    ),
    "rotated_crop_bars": lambda c: c.addCropRotatedRect(rotated(38, 24, 30, 18, -15)).setOutputSize(
        32, 32, MODE.LETTERBOX
    ),
    "four_points": lambda c: four_points(c, (54, 40)),
    "perspective": lambda c: (
        c.addTransformPerspective([0.9, 0.1, 3.0, -0.05, 1.1, -2.0, 0.0005, 0.001, 1.0])
        .setOutputSize(72, 48, MODE.NONE)
        .setOutputCenter(False)
    ),
    "rotation": lambda c: c.addRotateDeg(20).setOutputSize(72, 48, MODE.NONE),
    "half_turn": lambda c: c.addRotateDeg(180).setOutputSize(72, 48, MODE.NONE),
    "grey_bars": lambda c: c.setOutputSize(50, 50, MODE.LETTERBOX).setBackgroundColor(90),
    "grey_rotated_crop": lambda c: c.addCropRotatedRect(rotated(38, 24, 30, 18, 30)),
    "to_grey": lambda c: c.setFrameType(TYPE.GRAY8),
    "to_nv12": lambda c: c.setFrameType(TYPE.NV12),
    "nv12_stretch": lambda c: c.setOutputSize(48, 32, MODE.STRETCH),
    "nv12_to_bgr": lambda c: c.setFrameType(TYPE.BGR888i),
    "nv12_rotated_crop_to_bgr": lambda c: c.addCropRotatedRect(
        rotated(38, 24, 30, 18, 30)
    ).setFrameType(TYPE.BGR888p),
    "yuv420p_crop_to_rgb": lambda c: c.addCrop(8, 4, 40, 24).setFrameType(TYPE.RGB888p),
}


def source(case: str) -> tuple[np.ndarray, Any]:
    """A case's picture and the format it comes in."""
    if case.startswith("grey"):
        return grey(72, 48), TYPE.GRAY8
    kinds = {"nv12": TYPE.NV12, "yuv420p": TYPE.YUV420p}
    return picture(72, 48), kinds.get(case.partition("_")[0], TYPE.BGR888i)


def run_node(make: Callable[[Any], tuple[Any, Any]], message: Any) -> Any:
    """What a node on the host sends for one message."""
    with dai.Pipeline(False) as pipeline:
        node_in, node_out = make(pipeline)
        entry, results = node_in.createInputQueue(), node_out.createOutputQueue()
        pipeline.start()
        entry.send(message)
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            if (found := results.tryGet()) is not None:
                return found
            time.sleep(0.002)
    raise RuntimeError("the node sent nothing in 5 s")


def frame(pixels: np.ndarray, kind: Any) -> Any:
    """An ImgFrame of pixels."""
    made = dai.ImgFrame()
    made.setCvFrame(pixels, kind)
    return made


def manipulate(case: str) -> np.ndarray:
    """A case's result, BGR or grey."""

    def make(pipeline: Any) -> tuple[Any, Any]:
        node = pipeline.create(dai.node.ImageManip)
        node.setRunOnHost(True)
        node.setMaxOutputFrameSize(1 << 20)
        MANIP[case](node.initialConfig)
        return node.inputImage, node.out

    return np.asarray(run_node(make, frame(*source(case))).getCvFrame())


# What is sent, in order: image and its number, or config and its width, reuse, skip.
_IMAGE, _CONFIG = 0, 1
SENT = {
    "waits": [
        *[(_IMAGE, number, 0, 0) for number in (1, 2, 3, 4)],
        *[(_CONFIG, 10, 0, 0), (_CONFIG, 12, 1, 0), (_CONFIG, 14, 0, 1), (_CONFIG, 16, 0, 0)],
        *[(_CONFIG, 18, 1, 1), (_CONFIG, 20, 1, 0), (_CONFIG, 22, 0, 0), (_IMAGE, 5, 0, 0)],
    ],
    "waits_reusing_nothing": [(_CONFIG, 10, 1, 0), (_IMAGE, 1, 0, 0), (_CONFIG, 12, 1, 0)],
    "images_set_the_pace": [
        *[(_IMAGE, 1, 0, 0), (_CONFIG, 10, 0, 0), (_IMAGE, 2, 0, 0), (_IMAGE, 3, 0, 0)],
        *[(_CONFIG, 12, 1, 0), (_CONFIG, 14, 0, 1), (_IMAGE, 4, 0, 0), (_IMAGE, 5, 0, 0)],
        *[(_CONFIG, 16, 0, 0), (_CONFIG, 18, 0, 0)],
        *[(_IMAGE, number, 0, 0) for number in (6, 7, 8)],
    ],
}
SETTLE_S = 0.1


def waiting(case: str) -> np.ndarray:
    """Number and width of what ImageManip sends, after each message it has had time for."""
    results = []
    with dai.Pipeline(False) as pipeline:
        node = pipeline.create(dai.node.ImageManip)
        node.setRunOnHost(True)
        node.initialConfig.setOutputSize(8, 8)
        node.inputConfig.setWaitForMessage(case.startswith("waits"))
        images, configs = node.inputImage.createInputQueue(), node.inputConfig.createInputQueue()
        out = node.out.createOutputQueue(30, False)
        pipeline.start()
        for kind, number, reuse, skip in SENT[case]:
            if kind == _IMAGE:
                message = frame(picture(72, 48), TYPE.BGR888i)
                message.setSequenceNum(number)
                images.send(message)
            else:
                config = dai.ImageManipConfig().setOutputSize(number, 8)
                config.setReusePreviousImage(bool(reuse)).setSkipCurrentImage(bool(skip))
                configs.send(config)
            time.sleep(SETTLE_S)
            while (found := out.tryGet()) is not None:
                results.append((found.getSequenceNum(), found.getWidth()))
    return np.array(results, np.int32)


# -- formats

COLOR_FORMATS = [
    *("BGR888i", "RGB888i", "BGR888p", "RGB888p"),
    *("BGRF16F16F16i", "RGBF16F16F16i", "BGRF16F16F16p", "RGBF16F16F16p"),
    *("NV12", "NV21", "YUV420p"),
]
GREY_FORMATS = ["GRAY8", "RAW8", "GRAYF16"]
WIDE_FORMATS = ["RAW10", "RAW12", "RAW14", "RAW16"]


def in_format(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Bytes of the picture in a format, and what v3 reads from them."""
    if name in GREY_FORMATS:
        pixels: Any = grey(32, 16)
    elif name in WIDE_FORMATS:
        pixels = grey(32, 16).astype(np.uint16) * 4 + 1
    else:
        pixels = picture(32, 16)
    made = frame(pixels, getattr(TYPE, name))
    return np.array(made.getData(), np.uint8), np.asarray(made.getCvFrame())


# -- decoders


def heads(kind: str, anchors: int, classes: int, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Random YOLO outputs for 8, 4 and 2 cells' strides (8, 16, 32 of 64 x 96 pixels)."""
    rng = np.random.default_rng(len(kind) + classes)
    found = {}
    for index, stride in enumerate((8, 16, 32), start=1):
        rows, columns = size[1] // stride, size[0] // stride
        values = rng.random((max(anchors, 1), 5 + classes, rows, columns), np.float32)
        if kind == "yolov3":
            values[:, 2:4] = values[:, 2:4] * 2 - 1
        elif kind == "yolov5":
            values[:, 2:4] = 0.1 + values[:, 2:4] * 0.6
        elif kind == "yolov6":
            values[:, 2:4] = values[:, 2:4] * 2 - 0.5
        else:
            values[:, :4] = 0.3 + values[:, :4] * 1.5
        # A few sure ones in a quiet picture; scores well apart, so that order is defined.
        values[:, 4:] *= 0.45
        sure = rng.random(values.shape[2:]) < 0.25
        label = rng.integers(0, classes, values.shape[2:])
        for y, x in zip(*np.nonzero(sure), strict=True):
            values[:, 4, y, x] = 0.8 + 0.2 * rng.random(len(values))
            if kind == "yolov6":
                # v3.12 scores by the class alone, later ones by both: the same where this is 1.
                values[:, 4, y, x] = 1
            values[:, 5 + label[y, x], y, x] = 0.7 + 0.3 * rng.random(len(values))
        if kind == "yolov3":
            for part in (slice(0, 2), slice(4, None)):
                values[:, part] = np.log(values[:, part] / (1 - values[:, part]))
        found[f"output{index}_{kind}"] = values.reshape(1, -1, rows, columns).astype(np.float16)
    return found


SIZE, CLASSES = (96, 64), 3
ANCHORS = [10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 50, 56, 40, 46, 58, 73, 56]
# Case: how many anchors a cell has, and v3's word for the rule.
YOLO = {
    "yolov3": (3, "yolov3"),
    "yolov5": (3, "yolov5"),
    "yolov6": (0, "yolov6r1"),
    "yolov6r2": (0, "yolov6r2"),
    "yolov8": (0, "yolov8"),
}
CONFIDENCE, IOU = 0.5, 0.45


def decode(options: Configure, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Rows of detections."""

    def make(pipeline: Any) -> tuple[Any, Any]:
        node = pipeline.create(dai.node.DetectionParser)
        node.setRunOnHost(True)
        node.setConfidenceThreshold(CONFIDENCE)
        options(node)
        return node.input, node.out

    message = dai.NNData()
    for name, tensor in tensors.items():
        # v3 refuses its own stride of a dimension of one, so a head goes in without the batch.
        # It takes no float16, and turns float32 into it.
        order, tensor = dai.TensorInfo.StorageOrder, tensor.astype(np.float32)
        if name.startswith("output"):
            message.addTensor(name, tensor[0], order.CHW)
        else:
            message.addTensor(name, tensor, order.NCHW)
    message.setTransformation(dai.ImgTransformation(*SIZE))
    found = run_node(make, message).detections
    rows = [[d.label, d.confidence, d.xmin, d.ymin, d.xmax, d.ymax] for d in found]
    return np.array(rows, np.float32).reshape(-1, 6)


def decode_yolo(case: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A case's tensors and detections."""
    anchors, subtype = YOLO[case]
    tensors = heads(case, anchors, CLASSES, SIZE)

    def options(node: Any) -> None:
        node.setNNFamily(dai.DetectionNetworkType.YOLO)
        node.setInputImageSize(*SIZE)
        node.setNumClasses(CLASSES)
        node.setCoordinateSize(4)
        node.setIouThreshold(IOU)
        node.setSubtype(subtype)
        node.setStrides([8, 16, 32])
        if anchors:
            node.setAnchors(np.reshape(ANCHORS, (3, 3, 2)).astype(float).tolist())

    return tensors, decode(options, tensors)


def decode_ssd() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """MobileNet-SSD's."""
    rng = np.random.default_rng(7)
    rows = np.zeros((1, 1, 20, 7), np.float16)
    rows[0, 0, :, 1] = rng.integers(0, 21, 20)
    rows[0, 0, :, 2] = np.sort(rng.random(20))[::-1]
    low = rng.random((20, 2)) * 0.6 - 0.05
    rows[0, 0, :, 3:5], rows[0, 0, :, 5:] = low, low + 0.1 + rng.random((20, 2)) * 0.5
    rows[0, 0, 15:, 0] = -1
    tensors = {"detection_out": rows}

    def options(node: Any) -> None:
        node.setNNFamily(dai.DetectionNetworkType.MOBILENET)
        node.setInputImageSize(*SIZE)

    return tensors, decode(options, tensors)


# -- the files


def fixtures() -> dict[str, dict[str, np.ndarray]]:
    """Arrays by file and name."""
    manip = {f"{case}/in": source(case)[0] for case in ("crop_pixels", "grey_bars")}
    manip |= {f"{case}/out": manipulate(case) for case in MANIP}
    for case, sent in SENT.items():
        manip[f"{case}/sent"] = np.array(sent, np.int32)
        manip[f"{case}/got"] = waiting(case)
    formats: dict[str, np.ndarray] = {}
    for name in (*COLOR_FORMATS, *GREY_FORMATS, *WIDE_FORMATS):
        formats[f"{name}/bytes"], formats[f"{name}/pixels"] = in_format(name)
    decoders: dict[str, np.ndarray] = {}
    for case in (*YOLO, "ssd"):
        tensors, found = decode_ssd() if case == "ssd" else decode_yolo(case)
        decoders |= {f"{case}/in/{name}": tensor for name, tensor in tensors.items()}
        decoders[f"{case}/out"] = found
    made_by = {"made_by": np.array(f"depthai {dai.__version__}")}
    return {
        "manip": manip | made_by,
        "formats": formats | made_by,
        "decoders": decoders | made_by,
    }


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    if not dai.__version__.startswith("3."):
        sys.exit(f"this is depthai {dai.__version__}: make an environment with depthai>=3")
    different = []
    for name, arrays in fixtures().items():
        path = FOLDER / f"{name}.npz"
        if options.check:
            with np.load(path) as stored:
                same = set(stored) == set(arrays) and all(
                    key == "made_by" or np.array_equal(stored[key], arrays[key]) for key in stored
                )
            different += [] if same else [path.name]
        else:
            FOLDER.mkdir(exist_ok=True)
            np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
        print(f"{path.name}: {len(arrays)} arrays, {path.stat().st_size} bytes")
    if different:
        print(f"different: {', '.join(different)}")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
