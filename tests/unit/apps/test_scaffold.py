"""Generated applications: ruff, their own tests, the user's own networks, refusals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest

from oakwright.apps import Detector, Recognizer, Successive, scaffold
from oakwright.errors import OakwrightError, OutputError, UnreadableModel, UsageError

ROOT = Path(__file__).parents[3]
RULES = "E,F,W,I,UP,B,C4,SIM,PIE,RET,PT,PTH,RUF,PERF,D100,D101,D103"


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """The sample networks, compiled once."""
    made = {}
    original = scaffold.sample_blob

    def sample(name, *options):
        if name not in made:
            made[name] = original(name, *options)
        return made[name]

    scaffold.sample_blob = sample
    yield sample
    scaffold.sample_blob = original


# One process for all folders: most of its time goes into importing.
RUN_ALL = """
import os, sys, pytest
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", folder])
    print("VERDICT", os.path.basename(folder), int(code), flush=True)
    sys.path.remove(folder)
    for name in ("main", "test_main"):
        sys.modules.pop(name, None)
"""


def run_tests(folders):
    """pytest in every folder, as its owner would, with this checkout's oakwright: exit codes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-c", RUN_ALL, *map(str, folders)]
    done = subprocess.run(
        command, cwd=folders[0], env=environment, capture_output=True, text=True, timeout=900
    )
    print(done.stdout, done.stderr)
    words = [line.split() for line in done.stdout.splitlines() if line.startswith("VERDICT")]
    return {name: int(code) for _, name, code in words}


def check_style(folder):
    for command in (["check", "--isolated", "--line-length=100", f"--select={RULES}",
                     "--per-file-ignores=test_*.py:D103"],
                    ["check", "--isolated"],
                    ["format", "--isolated", "--line-length=100", "--check"]):  # fmt: skip
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def spread_of_three(precision="U8"):
    """A blob of a, b, c [1,3,32,48]: a + 2 b - 3 c, which knows its inputs apart."""
    from openvino import opset8 as ops

    from oakwright.conversion import convert

    inputs = [ops.parameter([1, 3, 32, 48], np.float32, name=name) for name in "abc"]
    one, two = inputs[0], ops.multiply(inputs[1], np.float32(2))
    spread = ops.subtract(ops.add(one, two), ops.multiply(inputs[2], np.float32(3)))
    # The channels apart as well.
    mixed = ops.multiply(spread, np.array([1, 2, 4], np.float32).reshape(1, 3, 1, 1))
    mixed.friendly_name = "spread"
    mixed.output(0).set_names({"spread"})
    model = ov.Model([ops.result(mixed)], inputs, "spread")
    return convert(model, input_precision=precision).blobs[6]


SSD = ("background", "red thing")
EXPECTED = [(1, (0.1, 0.2, 0.4, 0.6))]


def picture(path):
    pixels = np.full((540, 960, 3), 90, np.uint8)
    pixels[108:324, 264:426] = (40, 40, 200)
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory, compiled):
    """Networks as a user has them."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("detector", "recognizer"):
        (folder / f"{name}.blob").write_bytes(compiled(name))
    return folder / "detector.blob", folder / "recognizer.blob"


@pytest.fixture(scope="module")
def folders(tmp_path_factory, own):
    """All there are to run, by name."""
    place = tmp_path_factory.mktemp("apps")
    for template in scaffold.TEMPLATES:
        scaffold.write(place / template, template)
    detector = Detector(own[0], labels=SSD, confidence=0.4)
    sample = picture(place / "shown.png")
    scaffold.write(place / "trained", detector=detector, sample=sample, expected=EXPECTED)
    scaffold.write(place / "missed", detector=detector, sample=sample, expected=EXPECTED)
    test = place / "missed" / "test_main.py"
    test.write_text(test.read_text().replace("0.100, 0.200, 0.400", "0.600, 0.200, 0.900"))
    scaffold.write(
        place / "pair",
        "two-stage",
        detector=detector,
        recognizer=Recognizer(own[1], color="RGB"),
        names=("it's dark", 'say "bright"'),
    )
    three = place / "three.blob"
    three.write_bytes(spread_of_three())
    scaffold.write(place / "inputs", "multi-input", network=Successive(three, color="RGB"))
    scaffold.write(place / "swapped", "multi-input", network=Successive(three))
    main = place / "swapped" / "main.py"
    text = main.read_text()
    assert "last.pop(0)" in text
    main.write_text(text.replace("last.pop(0)", "last.pop()"))
    # The picture before with the boxes of now.
    scaffold.write(place / "broken", "host-sync")
    main = place / "broken" / "main.py"
    text = main.read_text()
    wrong = text.replace(
        "            yield a, b\n", "            yield a, b\n            first.get()\n"
    )
    wrong = wrong.replace("elif b.getSequenceNum() < a.getSequenceNum():", "elif False:")
    assert wrong.count("first.get()") == text.count("first.get()") + 1
    main.write_text(wrong)
    return {path.name: path for path in place.iterdir() if path.is_dir()}


@pytest.mark.parametrize("template", scaffold.TEMPLATES)
def test_an_application_is_tidy_and_short(folders, template):
    folder = folders[template]
    assert {"main.py", "test_main.py", "README.md"} < {path.name for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o055
    check_style(folder)
    # Two minutes of reading.
    assert len((folder / "main.py").read_text().splitlines()) < 100


def test_one_of_your_own_with_several_inputs_names_them_in_order(folders):
    check_style(folders["inputs"])
    main = (folders["inputs"] / "main.py").read_text()
    assert 'INPUTS = ("a", "b", "c")' in main
    assert "SIZE = (48, 32)" in main
    assert "ColorOrder.RGB" in main
    assert len(main.splitlines()) < 100


def test_a_network_of_other_inputs_is_refused_for_them(tmp_path, own):
    from openvino import opset8 as ops

    from oakwright.conversion import convert

    with pytest.raises(UsageError, match="does not take two or more colour pictures of one size"):
        Successive(own[0])
    a = ops.parameter([1, 3, 8, 8], np.float32, name="a")
    b = ops.parameter([1, 3, 8, 16], np.float32, name="b")
    both = ops.concat([a, b], 3, name="both")
    model = ov.Model([ops.result(both)], [a, b], "m")
    (tmp_path / "sizes.blob").write_bytes(convert(model, input_precision="U8").blobs[6])
    with pytest.raises(UsageError, match="of one size"):
        Successive(tmp_path / "sizes.blob")
    (tmp_path / "three.blob").write_bytes(spread_of_three("FP16"))
    with pytest.raises(UsageError, match="takes FP16, a camera sends bytes"):
        Successive(tmp_path / "three.blob")
    (tmp_path / "good.blob").write_bytes(spread_of_three())
    network = Successive(tmp_path / "good.blob")
    with pytest.raises(UsageError, match="one-stage has no network"):
        scaffold.write(tmp_path / "new", network=network)
    with pytest.raises(UsageError, match="multi-input has no detector"):
        scaffold.write(tmp_path / "new", "multi-input", detector=Detector(own[0]))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["trained", "pair"])
def test_one_of_your_own_networks_is_tidy_too(folders, own, name):
    check_style(folders[name])
    assert (folders[name] / "detector.blob").read_bytes() == own[0].read_bytes()


def test_applications_pass_their_own_tests_and_broken_ones_do_not(folders):
    wanted = {name: int(name in ("missed", "broken", "swapped")) for name in folders}
    assert run_tests(list(folders.values())) == wanted
    names = (folders["pair"] / "main.py").read_text()
    assert '("it\'s dark", \'say "bright"\')' in names


def test_a_yolo_s_settings_stand_beside_it(tmp_path, own):
    values = {"classes": 1, "coordinates": 4, "anchors": [], "anchor_masks": {}}
    values |= {"iou_threshold": 0.6, "confidence_threshold": 0.3}
    content = {"nn_config": {"NN_specific_metadata": values}, "mappings": {"labels": ["cat"]}}
    for template in ("one-stage", "host-sync"):
        folder = tmp_path / template
        scaffold.write(folder, template, detector=Detector(own[0], yolo=content))
        check_style(folder)
        kept = json.loads((folder / "detector.json").read_text())["nn_config"]
        assert kept["NN_specific_metadata"] == values
        main = (folder / "main.py").read_text()
        assert "YoloDetectionNetwork" in main
        assert "setConfidenceThreshold(0.3)" in main
        assert 'LABELS = ("cat",)' in main


@pytest.mark.parametrize("name", ["", "9lives", "a b", "..", "-x", "x" * 65, "é"])
def test_bad_names_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is no name for an application"):
        scaffold.write(f"{tmp_path}/{name}" if name else "")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("there", "file", "link"):
        with pytest.raises(UsageError, match="is there already"):
            scaffold.write(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link", "there"]


def test_what_does_not_fit_together_is_said_before_anything_is_written(tmp_path, own):
    place = tmp_path / "new"
    cases = [
        ({"template": "three-stage"}, "no template 'three-stage'"),
        ({"recognizer": Recognizer(own[1])}, "one-stage has no recognizer"),
        ({"template": "two-stage", "detector": Detector(own[0])}, "one sample do not fit"),
        ({"names": ("a",)}, "without a recogniser"),
        ({"sample": own[0]}, "a detector of your own"),
        ({"detector": Detector(own[0]), "sample": own[0]}, "is no picture"),
        ({"detector": Detector(own[0]), "sample": "no.jpg"}, "is no file"),
        ({"detector": Detector(own[0]), "expected": [(1, (0, 0, 1, 1))]}, "no sample"),
    ]
    for options, words in cases:
        with pytest.raises(OakwrightError, match=words) as told:
            scaffold.write(place, **options)
        assert isinstance(told.value, (UsageError, UnreadableModel))
        assert not place.exists()


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        scaffold.write(tmp_path / "file" / "app")

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        scaffold.write(tmp_path / "app")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
