"""From a module to a window on the virtual camera: by the one script and by the one command."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("depthai")

from oakwright.device import Settings, run_script

ROOT = Path(__file__).parents[2]


def mean_of(path):
    return float(cv2.imread(str(path)).mean())


def test_the_script_shows_half_the_cameras_picture(tmp_path, own_cache):
    result = run_script(
        ROOT / "examples" / "halve.py",
        [str(tmp_path / "exports")],
        Settings(deterministic=True, frames=4),
        capture=True,
        out=tmp_path / "seen",
    )
    assert result.is_clean, result.report["output"]
    assert "opset 12" in result.report["output"]
    for ending in ("onnx", "xml", "bin", "blob"):
        assert (tmp_path / "exports" / f"halve.{ending}").stat().st_size > 0
    source, halved = mean_of(tmp_path / "seen/camera.png"), mean_of(tmp_path / "seen/halved.png")
    assert source > 50
    assert halved == pytest.approx(source / 2, abs=1)


OWN = """
import torch
class Halve(torch.nn.Module):
    def forward(self, image):
        return image / 2
"""


@pytest.mark.parametrize("name", ["divide", "own.py:Halve"])
def test_the_command_makes_everything_and_shows_it(name, tmp_path, own_cache):
    (tmp_path / "own.py").write_text(OWN)
    shape = ["--shape", "1,3,128,160"] if ":" in name else []
    options = [] if ":" in name else ["by=2", "width=160", "height=128"]
    done = subprocess.run(
        [sys.executable, "-m", "oakwright", "functions", "preview", name, *options, *shape,
         "--frames", "4", "--deterministic", "-o", "made"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    stem = "halve" if ":" in name else "divide"
    for ending in (".onnx", ".xml", ".bin", ".blob", "_preview.py"):
        assert (tmp_path / "made" / f"{stem}{ending}").stat().st_size > 0
    seen = tmp_path / "made" / "seen"
    assert cv2.imread(str(seen / "source.png")).shape == (128, 160, 3)
    assert mean_of(seen / "output.png") == pytest.approx(mean_of(seen / "source.png") / 2, abs=1)


def test_frames_that_come_together_are_shown_side_by_side(tmp_path, own_cache):
    done = subprocess.run(
        [sys.executable, "-m", "oakwright", "functions", "preview", "concat", "width=96",
         "height=64", "--frames", "3", "--deterministic", "-o", "made"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    seen = tmp_path / "made" / "seen"
    source, wide = cv2.imread(str(seen / "source.png")), cv2.imread(str(seen / "output.png"))
    assert wide.shape == (64, 288, 3)
    assert np.array_equal(wide[:, :96], source)
    assert np.array_equal(wide[:, :96], wide[:, 192:])
