"""Make the files that the examples of depthai-python look for and that cannot be had here.

    python bench/example_stand_ins.py FOLDER

Networks of the same inputs and outputs, compiled by ``oakwright.convert``: detectors of the SSD
kind find the scene's coloured things, others follow the picture; the vendor's own where the corpus
has it (OAKWRIGHT_SHARED). Lay the folder over the examples:
``oakwright device bench EXAMPLES --overlay FOLDER``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from openvino import opset8 as ops

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import oakwright
from bench.colour_detector import SHIRT, TESTS, colour_ssd
from bench.stand_in_graphs import named
from oakwright.device import BOARDS, open_source

SHARED = Path(os.environ.get("OAKWRIGHT_SHARED", ROOT.parent / "shared")) / "data"
# File name: how its stand-in is made; vendor files are looked for first.
VENDOR = {
    "blur_simplified_openvino_2021.4_6shave.blob": "blur_simplified_openvino_2021.4_6shave.blob",
    "concat_openvino_2021.4_6shave.blob": "concat_openvino_2021.4_6shave.blob",
    "diff_openvino_2022.1_6shave.blob": "diff_openvino_2021.4_6shave.blob",
}
# Part of a file's name: what stands there.
_COLOURS = (
    "a network of ours of the same inputs and outputs, without training: it finds the scene's "
    "orange ball, blue box, green shirt and red sign, and what is darkest and brightest"
)
ABOUT = {
    "mobilenet-ssd": _COLOURS,
    "person-detection": _COLOURS,
    "yolo": "a network of ours of the same inputs and outputs: boxes where the picture is bright",
    "normalize": "a network of ours of the same inputs and outputs: (frame - mean) / scale",
    "construction_vest": "a video of the made-up scene",
    "dataset": "stereo pairs of the made-up scene",
    "tags": "pictures with AprilTags",
    "depthai_calib": "the calibration of the virtual OAK-D",
}


def grid_yolo(
    width: int, height: int, sides: dict[str, tuple[int, int]], is_v8: bool, classes: int = 80
) -> ov.Model:
    """Grids of boxes; ``sides``: step and channels of each output. Scores follow brightness."""
    bright = min(16, classes - 1)
    image = ops.parameter([1, 3, height, width], np.float32, name="images")
    outputs = []
    for name, (step, channels) in sides.items():
        pooled = ops.avg_pool(image, [step, step], [0, 0], [0, 0], [step, step], False)
        weights = np.zeros((channels, 3, 1, 1), np.float32)
        bias = np.full((1, channels, 1, 1), -12.0, np.float32)
        each = 5 if is_v8 else 5 + classes
        for first in range(0, channels, channels if is_v8 else each):
            bias[0, first : first + 4] = 2.0 if is_v8 else 0.0
            # Only bright cells are anything: a product of two scores over 0.5.
            weights[first + 4] = weights[first + 5 + bright] = 0.02
            bias[0, [first + 4, first + 5 + bright]] = -9.5
        grid = ops.add(ops.convolution(pooled, weights, [1, 1], [0, 0], [0, 0], [1, 1]), bias)
        if is_v8:
            box = ops.strided_slice(grid, [0, 0], [0, 4], [1, 1], [1, 0], [1, 0])
            rest = ops.strided_slice(grid, [0, 4], [0, channels], [1, 1], [1, 0], [1, 0])
            grid = ops.concat([box, ops.sigmoid(rest)], 1)
        outputs.append((grid, name))
    return named(outputs, [image])


def normalize() -> ov.Model:
    """(frame - mean) / scale, as three inputs."""
    frame = ops.parameter([1, 3, 300, 300], np.float32, name="frame")
    mean = ops.parameter([1, 1, 1, 1], np.float32, name="mean")
    scale = ops.parameter([1, 1, 1, 1], np.float32, name="scale")
    out = ops.divide(ops.subtract(frame, mean), scale)
    return _named(out, "output", [frame, mean, scale])


def _named(output: ov.Node, name: str, inputs: list[ov.Node]) -> ov.Model:
    return named([(output, name)], inputs)


# The green shirt is a person where the examples look for one: class 15 of 21, class 1 of 2.
PERSON = {SHIRT: 15}
ONLY_PERSONS = {label: int(label == SHIRT) for label, _ in TESTS}


def main(folder: Path) -> None:
    """Write everything under ``folder``/models."""
    models = folder / "models"
    models.mkdir(parents=True, exist_ok=True)
    for name, source in VENDOR.items():
        if (SHARED / "blobs" / source).is_file():
            shutil.copyfile(SHARED / "blobs" / source, models / name)
    tiny = {"conv_16": (16, 255), "conv_32": (32, 255)}
    eight = {f"output{n}_yolov6r2": (8 * 2**i, 85) for i, n in enumerate((1, 2, 3))}
    nets = {
        "mobilenet-ssd_openvino_2021.4_5shave.blob": colour_ssd(300, 300, renamed=PERSON),
        "mobilenet-ssd_openvino_2021.4_6shave.blob": colour_ssd(300, 300, renamed=PERSON),
        "mobilenet-ssd_openvino_2021.4_8shave.blob": colour_ssd(300, 300, renamed=PERSON),
        "person-detection-retail-0013_openvino_2021.4_7shave.blob": colour_ssd(
            544, 320, 200, renamed=ONLY_PERSONS
        ),
        "yolo-v3-tiny-tf_openvino_2021.4_6shave.blob": grid_yolo(416, 416, tiny, False),
        "yolo-v4-tiny-tf_openvino_2021.4_6shave.blob": grid_yolo(416, 416, tiny, False),
        "yolov8n_coco_640x352.blob": grid_yolo(640, 352, eight, True),
    }
    for name, model in nets.items():
        shaves = next((int(c) for c in name.split("shave")[0].split("_")[-1:] if c.isdigit()), 6)
        made = oakwright.convert(model, shaves=shaves, input_precision="U8")
        (models / name).write_bytes(made.blobs[shaves])
        print(name)
    made = oakwright.convert(normalize(), shaves=4, input_precision="FP16")
    (models / "normalize_openvino_2021.4_4shave.blob").write_bytes(made.blobs[4])
    _pictures(models)


def _pictures(models: Path) -> None:
    """The video, the stereo pictures and the calibration of the same names, of the scene."""
    from oakwright.device.boards import calibration
    from oakwright.device.sources import Shot

    scene, board = open_source("cuts"), BOARDS["OAK-D"]
    calibration(board).eepromToJsonFile(str(models / "depthai_calib.json"))
    cameras = {camera.name: camera for camera in board.cameras}
    video = cv2.VideoWriter(
        str(models / "construction_vest.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (1280, 720)
    )
    for number in range(60):
        picture = scene.frame(Shot(cameras["color"], number, number / 30))
        video.write(cv2.resize(picture, (1280, 720)))
    video.release()
    for number in range(3):
        place = models / "dataset" / str(number)
        place.mkdir(parents=True, exist_ok=True)
        for side in ("left", "right"):
            picture = scene.frame(Shot(cameras[side], number, number / 2))
            cv2.imwrite(str(place / f"in_{side}.png"), cv2.resize(picture, (1280, 720)))
    _tags(models / "tags", scene.frame(Shot(cameras["color"], 0, 0.0)))


def _tags(place: Path, room: np.ndarray) -> None:
    """A picture a frame in which a few AprilTags of family 36h11 go round."""
    place.mkdir(parents=True, exist_ok=True)
    book = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    room = cv2.resize(room, (1280, 720))
    for number in range(10):
        picture = room.copy()
        for id in range(3):
            tag = cv2.aruco.generateImageMarker(book, id, 160)
            tag = cv2.copyMakeBorder(tag, 24, 24, 24, 24, cv2.BORDER_CONSTANT, value=255)
            left, top = 340 + 220 * id, 260 + int(60 * np.sin(0.6 * number + id))
            picture[top : top + 208, left : left + 208] = tag[..., None]
        cv2.imwrite(str(place / f"{number:02}.png"), picture)


def about(name: str) -> str:
    """What the file of that name under models/ is, in a line; '' for one that is not ours."""
    if name in VENDOR:
        return "the vendor's own network, from the corpus"
    for part, text in ABOUT.items():
        if part in name:
            return text
    return ""


def parse() -> Path:
    """The folder of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    return Path(parser.parse_args().folder)


if __name__ == "__main__":
    main(parse())
