"""`oakwright run` on pictures, folders and videos; `oakwright netron` on a blob."""

import json
import re
import subprocess
import sys
import urllib.request

import numpy as np
import openvino as ov
import pytest
from openvino import opset1, opset8

import oakwright
from oakwright.cli.main import run

cv2 = pytest.importorskip("cv2")
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A blob that finds one box, the left half of every frame, with the frame's mean as score."""
    image = opset1.parameter([1, 3, 64, 64], np.float32, name="image")
    mean = opset8.reduce_mean(image, np.array([1, 2, 3]), True)
    score = opset1.reshape(opset1.divide(mean, np.float32(255)), np.array([1, 1]), False)
    rest = opset1.subtract(np.ones((1, 1), np.float32), score)
    scores = opset1.concat([rest, score], 1)
    zeros = opset1.multiply(opset1.concat([score] * 4, 1), np.float32(0))
    priors = np.array([[[0, 0, 0.5, 1], [0.1, 0.1, 0.2, 0.2]]], np.float32)
    found = opset8.detection_output(
        zeros,
        scores,
        opset1.constant(priors),
        {
            "background_label_id": 0,
            "top_k": 10,
            "keep_top_k": [10],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "share_location": True,
            "nms_threshold": 0.45,
            "confidence_threshold": 0.01,
            "normalized": True,
            "variance_encoded_in_target": False,
        },
        name="found",
    )
    model = ov.Model([found], [image], "detector")
    result = oakwright.convert(model, input_precision="U8", cache=False)
    return result.save(tmp_path_factory.mktemp("detector") / "detector.blob")[0]


def picture(value: int) -> np.ndarray:
    return np.full((120, 160, 3), value, np.uint8)


@pytest.mark.parametrize("how", [[], ["--reference"]])
def test_boxes_are_drawn_on_the_picture(detector, tmp_path, capsys, how):
    cv2.imwrite(str(tmp_path / "bright.png"), picture(204))
    words = ["run", str(detector), "--input", str(tmp_path / "bright.png")]
    assert run([*words, "-o", str(tmp_path / "out"), *how, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    (box,) = row["boxes"]
    assert box["label"] == 1
    assert box["confidence"] == pytest.approx(0.8, abs=2e-3)
    assert box["box"] == pytest.approx([0, 0, 0.5, 1], abs=2e-3)
    drawn = cv2.imread(str(tmp_path / "out" / "bright.png"))
    changed = np.argwhere((drawn != 204).any(-1))
    assert changed[:, 1].max() <= 160 // 2 + 4
    assert len(changed) > 100


def test_folders_and_labels(detector, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, value in (("a", 250), ("b", 10)):
        cv2.imwrite(str(folder / f"{name}.jpg"), picture(value))
    labels = tmp_path / "labels.txt"
    labels.write_text("nothing\nlamp\n")
    words = ["run", str(detector), "--input", str(folder), "-o", str(tmp_path / "out")]
    assert run([*words, "--labels", str(labels)]) == 0
    out = capsys.readouterr().out
    assert "lamp" in out
    assert "b: nothing found" in out
    assert "2 frames" in out


def test_a_video_becomes_an_annotated_video(detector, tmp_path):
    film = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"mp4v"), 10, (160, 120))
    for _ in range(4):
        writer.write(picture(230))
    writer.release()
    words = ["run", str(detector), "--input", str(film), "-o", str(tmp_path / "out")]
    assert run([*words, "--limit", "3"]) == 0
    made = cv2.VideoCapture(str(tmp_path / "out" / "film.mp4"))
    assert made.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert made.get(cv2.CAP_PROP_FPS) == 10
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())) == 3
    assert len(list((tmp_path / "out").glob("film_*.npz"))) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.jpg", b"no picture", "cannot be read as a picture"),
        ("x.mp4", b"no video", "cannot be read as a video"),
        ("x.npy", b"\x93NUMPY", "is no numpy file"),
        ("x.doc", b"", "neither picture, video"),
    ],
)
def test_bad_input_is_told(detector, tmp_path, capfd, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    assert run(["run", str(detector), "--input", str(path), "-o", str(tmp_path / "out")]) in (1, 2)
    assert words in capfd.readouterr().err


def test_an_array_of_the_wrong_shape_is_told(detector, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    words = ["run", str(detector), "--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "out")]
    assert run(words) == 2
    assert "(2, 2)" in capsys.readouterr().err


def test_axes_in_another_order_are_refused(detector, tmp_path, capsys):
    np.save(tmp_path / "hwc.npy", np.zeros((64, 64, 3), np.uint8))
    words = ["run", str(detector), "-o", str(tmp_path / "out"), "--input"]
    assert run([*words, str(tmp_path / "hwc.npy")]) == 2
    assert "numpy.transpose(array, (2, 0, 1))" in capsys.readouterr().err
    np.save(tmp_path / "chw.npy", np.full((3, 64, 64), 51, np.uint8))
    assert run([*words, str(tmp_path / "chw.npy"), "--json", "--threshold", "0"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["boxes"][0]["confidence"] == pytest.approx(0.2, abs=2e-3)


def test_pictures_of_one_stem_are_kept_apart_and_a_bad_one_is_passed_over(
    detector, tmp_path, capsys
):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.jpg", "a.png", "c.png"):
        cv2.imwrite(str(folder / name), picture(250))
    (folder / "b.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    assert run(["run", str(detector), "--input", str(folder), "-o", str(out)]) == 1
    assert "b.png cannot be read" in capsys.readouterr().err
    names = {"a.jpg", "a.png", "c"}
    assert {p.name.removesuffix(".npz") for p in out.glob("*.npz")} == names
    rows = json.loads((out / "results.json").read_text())
    assert [row["name"] for row in rows if "boxes" in row] == ["a.jpg", "a.png", "c"]
    assert [row["name"] for row in rows if "error" in row] == ["b"]


def test_an_input_is_given_once(detector, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), picture(250))
    words = ["--input", str(tmp_path / "a.png")] * 2
    assert run(["run", str(detector), *words, "-o", str(tmp_path / "out")]) == 2
    assert "one too many" in capsys.readouterr().err


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    """A blob with an output called 'file' that overflows FP16."""
    x = opset1.parameter([1, 4], np.float32, name="x")
    y = opset1.multiply(opset1.exp(x), np.float32(2))
    y.output(0).get_tensor().set_names({"file"})
    result = oakwright.convert(ov.Model([y], [x], "awkward"), cache=False)
    return result.save(tmp_path_factory.mktemp("awkward") / "awkward.blob")[0]


def test_infinities_are_json_and_any_name_is_a_file(awkward, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", np.array([[1, 20, 0, 2]], np.float16))
    words = ["--input", str(tmp_path / "x.npz"), "-o", str(tmp_path / "out"), "--reference"]
    assert run(["run", str(awkward), *words, "--json"]) == 0

    def refuse(word):
        raise AssertionError(word)

    said = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert said["results"][0]["classes"]["file"][0] == {"class": 1, "name": "1", "value": "inf"}
    with np.load(tmp_path / "out" / "result.npz") as arrays:
        assert np.isinf(arrays["file"]).sum() == 1


def test_a_truncated_archive_is_told(awkward, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 4), np.float16))
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) // 2])
    assert run(["run", str(awkward), "--input", str(tmp_path / "x.npz")]) == 1
    assert "is no numpy file" in capsys.readouterr().err


def test_decompiling_replaces_only_its_own(awkward, tmp_path, capsys):
    out = tmp_path / "model.xml"
    assert run(["decompile", str(awkward), "-o", str(out)]) == 0
    assert run(["decompile", str(awkward), "-o", str(out)]) == 0
    out.write_text("<net name='mine'/>")
    assert run(["decompile", str(awkward), "-o", str(out)]) == 2
    assert out.read_text() == "<net name='mine'/>"
    assert "--force" in capsys.readouterr().err
    assert run(["decompile", str(awkward), "-o", str(out), "--force"]) == 0


def test_netron_shows_models_only(tmp_path, capsys):
    pytest.importorskip("netron")
    (tmp_path / "x.png").write_bytes(b"")
    assert run(["netron", str(tmp_path / "x.png"), "--no-browser"]) == 2
    assert "is no model" in capsys.readouterr().err


def test_netron_serves_the_graph_of_a_blob(detector):
    pytest.importorskip("netron")
    words = [sys.executable, "-u", "-m", "oakwright", "netron", str(detector), "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stdout:
                address = re.search(r"http://localhost:\d+", line)
                if address and "shows" in line:
                    break
            with urllib.request.urlopen(address[0], timeout=30) as page:
                assert "netron" in page.read().decode().lower()
        finally:
            server.terminate()
