"""examples/ocr/ocr.py reads: its parts, and the whole on the virtual OAK with made-up networks."""

import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset8 as ops

import oakwright

SCRIPT = Path(__file__).parents[2] / "examples" / "ocr" / "ocr.py"
# Bars of a page, in the order they are read; the made-up recogniser tells a bar's brightness.
BARS = {"b": 90, "a": 30}


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def test_repeated_classes_are_one_letter_unless_nothing_is_between(script):
    steps = [0, 1, 1, 0, 1, 2, 2, 3, 0]
    assert script["text_of"](np.eye(4)[steps], ["a", "b", " "]) == "aab "


def test_boxes_are_of_lines_downwards_and_wider_than_the_map_says(script):
    probability = np.zeros((352, 640), np.float32)
    probability[200:210, 100:300] = probability[100:120, 50:250] = 0.9
    probability[10:12, 10:20] = 0.9  # too low for a line
    first, second = script["boxes_of"](probability)
    assert np.allclose(first * [640, 352, 640, 352], [35, 85, 265, 135])
    assert np.allclose(second * [640, 352, 640, 352], [92.5, 192.5, 307.5, 217.5])


def detector():
    """Dark where text is: 1 where the green channel is below 128."""
    frame = ops.parameter([1, 3, 352, 640], np.float32, name="x")
    green = ops.convolution(
        frame, np.array([0, 1, 0], np.float32).reshape(1, 3, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1]
    )
    return ov.Model([ops.sigmoid(ops.subtract(np.float32(128), green), name="p")], [frame])


def recogniser():
    """One step, four classes: nothing, a, b, blank, by how bright the middle of the line is."""
    frame = ops.parameter([1, 3, 48, 640], np.float32, name="x")
    middle = ops.strided_slice(
        frame, [0, 0, 20, 300], [1, 1, 28, 340], [1, 1, 1, 1], [0] * 4, [0] * 4
    )
    value = ops.reshape(ops.reduce_mean(middle, [2, 3], True), [1, 1, 1], False)
    centres = np.array([255, BARS["a"], BARS["b"], 1000], np.float32).reshape(1, 1, 4)
    scores = ops.negative(ops.sqrt(ops.power(ops.subtract(value, centres), np.float32(2))))
    return ov.Model([ops.multiply(scores, np.float32(1), name="s")], [frame])


def test_the_script_reads_a_page_without_a_camera(tmp_path):
    for name, model in {"d": detector(), "r": recogniser()}.items():
        made = oakwright.convert(model, input_precision="U8", verify="off")
        made.save(tmp_path / f"{name}.blob")
    (tmp_path / "characters.txt").write_text("a\nb")
    page = np.full((1080, 1920, 3), 255, np.uint8)
    for row, grey in enumerate(BARS.values()):
        page[300 + 300 * row : 360 + 300 * row, 400:1200] = grey
    cv2.imwrite(str(tmp_path / "page.png"), page)
    run = ["-m", "oakwright", "device", "run", "--deterministic", "--source", "page.png"]
    files = ["d.blob", "r.blob", "characters.txt", "--out", "out"]
    done = subprocess.run(
        [sys.executable, *run, str(SCRIPT), *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == list(BARS)
    assert (tmp_path / "out" / "page.png").exists()
