"""The script of docs/tasks/write-a-vision-function.md, run as it stands there."""

import re
import shutil
from pathlib import Path

import cv2
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxslim")

from oakwright.device import Settings, run_script
from oakwright.functions import opset_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tasks" / "write-a-vision-function.md"


def trip(folder, source, frames):
    """Run the page's script on a source; its two windows' means, of each picture."""
    (script,) = re.findall(r"```python\n(# trip\.py\n.*?)```", PAGE.read_text(), re.S)
    (folder / "trip.py").write_text(script)
    settings = Settings(deterministic=True, source=source, frames=frames)
    result = run_script("trip.py", (), settings, capture=True, out=folder / "seen")
    assert result.is_clean, result.report["output"]
    assert "Traceback" not in result.report["output"]
    seen = folder / "seen"
    last = [float(cv2.imread(str(seen / f"{name}.png")).mean()) for name in ("camera", "halved")]
    assert last[1] == pytest.approx(last[0] / 2, abs=1)
    camera, halved = (means_of(seen / f"{name}.mp4") for name in ("camera", "halved"))
    # The windows' videos are compressed, dark ones by a level or two.
    assert halved == pytest.approx([mean / 2 for mean in camera], abs=2.5)
    return camera


def means_of(path):
    """Mean of each frame of a video."""
    video, means = cv2.VideoCapture(str(path)), []
    while True:
        is_there, frame = video.read()
        if not is_there:
            return means
        means.append(float(frame.mean()))


def test_the_page_s_script_goes_from_a_module_to_half_the_picture(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    assert len(trip(tmp_path, "pattern", 4)) >= 3
    assert opset_of(onnx.load("half.onnx")) == 12
    made = {path.name for path in (tmp_path / "exports").iterdir()}
    assert {"half.xml", "half.bin", "half_openvino_2022.1_6shave.blob"} <= made


@pytest.mark.slow
@pytest.mark.shared
def test_on_a_video_it_is_half_of_every_picture(tmp_path, monkeypatch, own_cache, shared_data):
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(shared_data / "media" / "masks.mp4", "street.mp4")
    camera = trip(tmp_path, "street.mp4", 40)
    assert len(camera) >= 38
    assert max(camera) - min(camera) > 1, "the video was to change"
