"""The face-mask application on the real video and networks, against labels made by hand.

A shorter version of ``bench/two_stage.py``, whose figures stand in docs/reference/two-stage.md:
the same networks in an application of our own, on the first 63 frames. Where OAKWRIGHT_DEMO names
the folder of the original demo, that runs too, as it is.
"""

import json
import os
from pathlib import Path

import depthai as dai
import numpy as np
import pytest

from bench.two_stage_networks import mask_classifier, write_blob
from bench.two_stage_run import FACE, prepare, run_probed, zoo_at
from bench.two_stage_score import Found, score
from oakwright.device import VirtualOak
from tests.device import two_stage_app

LABELS = Path(__file__).parents[1] / "corpus" / "masks_labels.json"
FRAMES = 63


def labels():
    frames = json.loads(LABELS.read_text())["frames"]
    return {number: faces for number, faces in frames.items() if int(number) < FRAMES}


def test_labels_are_whole():
    frames = json.loads(LABELS.read_text())["frames"]
    assert len(frames) == 30
    for faces in frames.values():
        for face in faces:
            x0, y0, x1, y1 = face["box"]
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1
            assert face["view"] in ("front", "side", "part", "away")


@pytest.mark.shared
def test_faces_are_found_and_their_masks_told(shared_data, tmp_path):
    classifier = write_blob(
        mask_classifier(shared_data / "models" / "face-mask-classifier.onnx"),
        tmp_path / "masks.blob",
    )
    pipeline = two_stage_app.build(shared_data / "blobs" / f"{FACE}.blob", classifier)
    found = {}
    video = shared_data / "media" / "masks.mp4"
    with (
        VirtualOak(source=video, board="OAK-1", deterministic=True, seconds=10),
        dai.Device(pipeline) as device,
    ):
        for shown in two_stage_app.watch(device):
            assert shown.number == len(found)
            names = ["Mask" if np.argmax(a) == 1 else "No Mask" for a in shown.answers]
            found[shown.number] = [
                Found(box, (name,)) for box, name in zip(shown.boxes, names, strict=True)
            ]
            if len(found) == FRAMES:
                break
    assert len(found) == FRAMES
    result = score(found, labels())
    print(result)
    assert result.recall >= 0.30
    assert result.precision >= 0.90
    assert result.correctness >= 0.80
    # Both answers are given, and for a reason.
    assert result.by_mask[True][1] >= 14
    assert result.by_mask[False][1] >= 7


@pytest.mark.shared
def test_the_demo_itself_runs_as_it_is(shared_data, tmp_path):
    demo = os.environ.get("OAKWRIGHT_DEMO")
    if not demo:
        pytest.skip("the demo is not here (set OAKWRIGHT_DEMO to its gen2-age-gender folder)")
    pytest.importorskip("scipy", reason="the demo takes log_softmax from scipy")
    app = prepare(Path(demo), shared_data, tmp_path)
    with zoo_at(tmp_path / "zoo"):
        drawn = run_probed(
            app / "main.py", str(shared_data / "media" / "masks.mp4"), "OAK-D", frames=FRAMES
        )
    assert drawn.result.is_clean, drawn.result.report["output"]
    assert [line["number"] for line in drawn.lines][: FRAMES - 1] == list(range(FRAMES - 1))
    boxes = [one for boxes in drawn.found.values() for one in boxes]
    assert len(boxes) >= 12
    assert all(one.mask is not None and one.depth_m is not None for one in boxes)
    result = score(drawn.found, labels(), only=[n for n in map(int, labels()) if n < FRAMES - 1])
    assert result.precision >= 0.7
