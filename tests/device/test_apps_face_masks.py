"""The face-mask application on the real video: a tracker steadies its labels and saves work.

A shorter version of ``bench/face_masks.py``, whose figures stand in docs/reference/face-masks.md.
"""

import json

import pytest

from bench.face_masks import LABELS, TRACKING, chains_of, run
from bench.two_stage_networks import mask_classifier, write_blob
from bench.two_stage_score import Found, score

FRAMES = 63


@pytest.mark.slow
@pytest.mark.shared
def test_labels_flip_less_with_a_tracker_and_are_as_right(shared_data, tmp_path):
    onnx = shared_data / "models" / "face-mask-classifier.onnx"
    classifier = write_blob(mask_classifier(onnx), tmp_path / "masks.blob")
    video = str(shared_data / "media" / "masks.mp4")
    frames = json.loads(LABELS.read_text())["frames"]
    labels = {number: faces for number, faces in frames.items() if int(number) < FRAMES}
    flips, looks, right, found = {}, {}, {}, {}
    for name, tracking in (("plain", None), ("tracked", TRACKING)):
        seen, report = run(video, classifier, tracking, None, most=FRAMES)
        assert list(seen) == list(range(FRAMES))
        chains = chains_of(seen)
        flips[name] = sum(chain.flips for chain in chains)
        looks[name] = report["streams"]["answer"]["taken"]
        judged = score(seen, labels)
        right[name], found[name] = judged.right, judged.hits
    assert flips["plain"] >= 3
    assert flips["tracked"] < flips["plain"] / 2
    assert looks["tracked"] < looks["plain"] / 2
    assert found["tracked"] == found["plain"] >= 20
    # A first look that is wrong stays for ten pictures: a face or two of these few.
    assert right["tracked"] >= 0.85 * right["plain"]


def test_flips_are_counted_along_a_face_whoever_tracked_it():
    def at(x, mask):
        return Found((x, 0.1, x + 0.2, 0.3), ("Mask" if mask else "No Mask", "#0"))

    seen = {
        0: [at(0.1, True), at(0.6, False)],
        1: [at(0.62, False), at(0.12, False)],
        2: [],
        4: [at(0.13, True), at(0.64, False)],
        20: [at(0.13, False)],
    }
    chains = chains_of(seen)
    assert [(c.numbers, c.flips) for c in chains] == [([0, 1, 4], 2), ([0, 1, 4], 0), ([20], 0)]
