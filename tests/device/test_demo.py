"""examples/demo.py, start to finish with a short film, where torch cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# The demo's environment has none of these.
RUN = """
import runpy, sys
for name in ("torch", "av", "matplotlib", "nncf"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.real_time
def test_the_demo_leaves_blobs_pictures_and_a_film(tmp_path):
    picture = tmp_path / "own.png"
    cv2.imwrite(str(picture), np.full((60, 80, 3), 200, np.uint8))
    command = [sys.executable, "-c", RUN, str(ROOT / "examples" / "demo.py"), "--pictures", "2",
               "--image", str(picture), "--out", "left"]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=900,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    left = {path.name: path.stat().st_size for path in (tmp_path / "left").iterdir()}
    for name in ("edges.blob", "edges.png", "detector.blob", "recognizer.blob", "room.png"):
        assert left[name] > 1000
    assert left["room.mp4"] > 10_000
    # The user's picture is grey all over: so is its part of the first picture.
    own = cv2.imread(str(tmp_path / "left" / "edges.png"))[100:200, 100:200]
    assert np.abs(own.astype(int) - 200).max() <= 2
    assert "the application against the room's truth:" in done.stdout
    assert "s in all" in done.stdout
