"""ImageManip, formats and decoders against DepthAI v3's own (tests/corpus/make_v3_fixtures.py).

Tolerances, and why:

- Bytes of formats, what is read from them: none; both are exact or OpenCV's conversions.
- Pictures: v3 counts from pixels' corners where we, as OpenCV's ``resize``, count from their
  middles, so that what it makes is up to half a pixel aside, and the outermost row or column of
  it is mixed with background. A pixel must have, within LEVELS, a value that v3 has there or in one
  of the eight pixels around; the outermost pixels are not judged. LEVELS is for rounding.
- NV12 results: v3 scales the half-size colour planes, we the picture before they are made.
- Boxes: 1e-6, the float32 that v3 computes in.
"""

from pathlib import Path

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device.blocks.decoding import YoloLayout, decode_ssd, decode_yolo
from oakwright.device.blocks.formats import Frame, decode, encode
from oakwright.device.blocks.manip import apply, read_config
from oakwright.device.schema import read_pipeline

FOLDER = Path(__file__).parents[2] / "corpus" / "v3"
LEVELS, NV12_LEVELS = 3, 10
WIDTH, HEIGHT = 72, 48


def load(name):
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


MANIP, FORMATS, DECODERS = (load(name) for name in ("manip", "formats", "decoders"))


# -- the same in v2's words


def crop(x, y, width, height):
    return lambda c: c.setCropRect(
        x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + height) / HEIGHT
    )


def size(width, height, fit, background=(0, 0, 0)):
    def configure(config):
        if fit == "bars":
            config.setResizeThumbnail(width, height, *background)
        else:
            config.setResize(width, height)
            config.setKeepAspectRatio(fit == "cut")

    return configure


def rotated(x, y, width, height, angle):
    rect = dai.RotatedRect()
    rect.center, rect.size, rect.angle = dai.Point2f(x, y), dai.Size2f(width, height), angle
    return lambda c: c.setCropRotatedRect(rect, False)


def four_points(config):
    points = [dai.Point2f(*p) for p in ((8, 4), (60, 9), (68, 45), (3, 38))]
    config.setWarpTransformFourPoints(points, False)


def nothing(config):
    pass


# Case of the fixture: v2's calls for it.
CASES = {
    "crop_pixels": [crop(8, 4, 40, 24)],
    "crop_fractions": [lambda c: c.setCropRect(0.13, 0.21, 0.53, 0.71)],
    "stretch_down": [size(40, 40, "stretch")],
    "stretch_up": [size(100, 64, "stretch")],
    "cut_wide": [size(48, 48, "cut")],
    "cut_tall": [size(60, 24, "cut")],
    "bars_beside": [size(72, 30, "bars", (10, 20, 30))],
    "bars_above": [size(50, 50, "bars", (10, 20, 30))],
    "crop_then_stretch": [crop(16, 8, 30, 30), size(40, 36, "stretch")],
    "crop_then_cut": [crop(8, 4, 60, 40), size(32, 32, "cut")],
    "crop_then_bars": [crop(8, 4, 60, 40), size(48, 48, "bars")],
    "flip_horizontal": [lambda c: c.setHorizontalFlip(True)],
    "flip_vertical": [lambda c: c.setVerticalFlip(True)],
    "flip_both_of_crop": [
        crop(8, 4, 40, 24),
        lambda c: c.setHorizontalFlip(True),
        lambda c: c.setVerticalFlip(True),
    ],
    "rotated_crop": [rotated(38, 24, 30, 18, 30)],
    "rotated_crop_upright": [rotated(38, 24, 30, 18, 0)],
    "rotated_crop_quarter": [rotated(36, 24, 30, 18, 90)],
    "rotated_crop_outside": [rotated(60, 38, 40, 28, -25)],
    "rotated_crop_stretch": [rotated(38, 24, 30, 18, 30), size(32, 32, "stretch")],
    "rotated_crop_cut": [rotated(38, 24, 30, 18, -15), size(32, 32, "cut")],
    "rotated_crop_bars": [rotated(38, 24, 30, 18, -15), size(32, 32, "bars")],
    "four_points": [size(54, 40, "stretch"), four_points],
    "perspective": [
        lambda c: c.setWarpTransformMatrix3x3([0.9, 0.1, 3, -0.05, 1.1, -2, 0.0005, 0.001, 1])
    ],
    "rotation": [lambda c: c.setRotationDegrees(20)],
    "half_turn": [lambda c: c.setRotationDegrees(180)],
    "grey_bars": [size(50, 50, "bars", (90, 90, 90))],
    "grey_rotated_crop": [rotated(38, 24, 30, 18, 30)],
    "to_grey": [nothing],
    "to_nv12": [nothing],
    "nv12_stretch": [size(48, 32, "stretch")],
    "nv12_to_bgr": [nothing],
    "nv12_rotated_crop_to_bgr": [rotated(38, 24, 30, 18, 30)],
    "yuv420p_crop_to_rgb": [crop(8, 4, 40, 24)],
}
# The type the result went through, where it is not that of the pixels compared.
RESULTS = {"to_grey": "GRAY8", "to_nv12": "NV12", "nv12_stretch": "NV12"}
EXACT = ("crop_pixels", "rotated_crop_upright", "cut_wide", "to_grey", "nv12_to_bgr")


def made(case):
    """What we make of the case's picture, BGR or grey."""
    pixels = MANIP["grey_bars/in" if case.startswith("grey") else "crop_pixels/in"]
    arrives = {"nv12": "NV12", "yuv420p": "YUV420p"}.get(case.partition("_")[0])
    if arrives:
        pixels = decode(encode(pixels, arrives))
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.ImageManip)
    for configure in CASES[case]:
        configure(node.initialConfig)
    config = read_pipeline(pipeline).nodes[0].properties["initialConfig"]
    result = apply(pixels, read_config(config, (WIDTH, HEIGHT)))
    return decode(encode(result, RESULTS[case])) if case in RESULTS else result


def outside(got, oracle):
    """By how much each inner pixel is outside of what the oracle has around its place."""
    around = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(oracle, around).astype(int), cv2.dilate(oracle, around).astype(int)
    off = np.maximum(np.maximum(low - got, got - high), 0)
    return off[1:-1, 1:-1]


def test_every_stored_case_is_compared():
    assert set(CASES) == {name.partition("/")[0] for name in MANIP if name.endswith("/out")}


@pytest.mark.parametrize("case", CASES)
def test_pictures_are_those_of_v3(case):
    got, oracle = made(case), MANIP[f"{case}/out"]
    if case in ("four_points", "perspective"):
        # v3 leaves out rows and columns that show nothing of the picture.
        rows, columns = (min(a, b) for a, b in zip(got.shape[:2], oracle.shape[:2], strict=True))
        assert rows >= 0.9 * got.shape[0]
        assert columns >= 0.9 * got.shape[1]
        got, oracle = got[:rows, :columns], oracle[:rows, :columns]
    assert got.shape == oracle.shape
    if case == "rotated_crop_bars":
        # Where we leave bars v3 shows what is around the rectangle.
        assert not got[:5].any()
        assert not got[-5:].any()
        got, oracle = got[7:25], oracle[7:25]
    assert outside(got, oracle).max() <= (NV12_LEVELS if case == "nv12_stretch" else LEVELS + 1)
    if case in EXACT:
        assert np.array_equal(got, oracle)


def test_the_comparison_sees_a_picture_moved_by_two_pixels():
    got = made("rotated_crop")
    for moved in (np.roll(got, 2, 0), np.roll(got, 2, 1), got[::-1], got[:, :, ::-1]):
        assert outside(moved, MANIP["rotated_crop/out"]).max() > 3 * LEVELS


@pytest.mark.parametrize("name", sorted({n.partition("/")[0] for n in FORMATS if "/" in n}))
def test_formats_have_v3s_bytes_and_are_read_as_v3_reads_them(name):
    data, pixels = FORMATS[f"{name}/bytes"], FORMATS[f"{name}/pixels"]
    if name in ("GRAY8", "RAW8", "GRAYF16") or name.startswith("RAW"):
        source = FORMATS["RAW16/pixels" if name in WIDE else "GRAY8/pixels"]
    else:
        source = FORMATS["BGR888i/pixels"]
    assert np.array_equal(encode(source, name).data, data)
    read = decode(Frame(name, pixels.shape[1], pixels.shape[0], data))
    assert np.array_equal(read, pixels)


WIDE = ("RAW10", "RAW12", "RAW14", "RAW16")
ANCHORS = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 50, 56, 40, 46, 58, 73, 56)
MASKS = {"side12": (0, 1, 2), "side6": (3, 4, 5), "side3": (6, 7, 8)}


def rows_of(detections):
    rows = [[d.label, d.confidence, d.xmin, d.ymin, d.xmax, d.ymax] for d in detections]
    return np.array(rows, np.float32)


def tensors(case):
    start = f"{case}/in/"
    return {n.removeprefix(start): a for n, a in DECODERS.items() if n.startswith(start)}


# v4 and v7 have the rules of v3 and v5; their outputs differ in name.
@pytest.mark.parametrize(
    ("case", "named"),
    [
        ("yolov3", "yolov3"),
        ("yolov3", "yolov4"),
        ("yolov5", "yolov5"),
        ("yolov5", "yolov7"),
        ("yolov6", "yolov6"),
        ("yolov6r2", "yolov6r2"),
        ("yolov8", "yolov8"),
    ],
)
def test_yolo_boxes_are_those_of_v3(case, named):
    given = {name.replace(case, named): tensor for name, tensor in tensors(case).items()}
    assert len(given) == 3
    has_anchors = case in ("yolov3", "yolov5")
    layout = YoloLayout(3, ANCHORS if has_anchors else (), MASKS if has_anchors else {})
    found = rows_of(decode_yolo(given, layout, (96, 64), 0.5, 0.45))
    oracle = DECODERS[f"{case}/out"]
    assert len(oracle) > 20
    np.testing.assert_allclose(found, oracle, atol=1e-6)


def test_ssd_boxes_are_those_of_v3():
    (rows,) = tensors("ssd").values()
    np.testing.assert_array_equal(rows_of(decode_ssd(rows, 0.5)), DECODERS["ssd/out"])
