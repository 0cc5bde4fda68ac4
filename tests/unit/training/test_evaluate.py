"""Evaluation: every kind of file finds the same, and what is written is what OTE writes."""

import json
import re

import cv2
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("faster_coco_eval")

from oakwright import dataset
from oakwright.cli.main import run
from oakwright.errors import CheckpointError, DatasetError, ModelError, OutputError, UsageError
from oakwright.training.checkpoint import load
from oakwright.training.complexity import of_graph, of_template
from oakwright.training.detectors import open_detector
from oakwright.training.evaluation import evaluate
from oakwright.training.metrics_file import save_metrics
from oakwright.training.template import read_template
from tests.training_data import make_set
from tests.unit.training import exports


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with best.pth, val.json and the pictures in val/, whichever test comes first."""
    folder = tmp_path_factory.mktemp("evaluate")
    exports.random_checkpoint(folder / "best.pth")
    make_set(folder, "val", pictures=5, seed=3, width=300, height=200)
    return folder


@pytest.fixture(scope="module")
def checkpoint(place):
    return load(place / "best.pth")


@pytest.fixture(scope="module")
def network(place, checkpoint):
    """Read anew for each use: OpenVINO changes models in place."""
    import openvino as ov

    ov.save_model(exports.ir_of(checkpoint), place / "raw.xml", compress_to_fp16=False)
    return lambda: ov.Core().read_model(place / "raw.xml")


@pytest.fixture(scope="module")
def data(place):
    return dataset.read(place / "val.json", place / "val")


@pytest.fixture(scope="module")
def expected(place, checkpoint, data):
    found = evaluate(place / "best.pth", data)
    assert sum(len(each.boxes) for each in found.found.values()) > 200
    return found


def same(result, expected, tolerance=2e-4):
    """Every sure detection of one is one of the other; those near the limit may come and go."""
    for key, wanted in expected.found.items():
        found = result.found[key]
        assert abs(len(found.boxes) - len(wanted.boxes)) <= 2
        for label in range(3):
            a = sorted(map(tuple, np.c_[wanted.scores, wanted.boxes][wanted.labels == label]))[::-1]
            b = sorted(map(tuple, np.c_[found.scores, found.boxes][found.labels == label]))[::-1]
            sure = [row for row in a if row[0] > a[0][0] * 0.3]
            assert sure
            table = np.array(b)
            for row in sure:
                nearest = np.abs(table - row)
                nearest[:, 1:] /= 300
                assert nearest.max(1).min() < tolerance
    for key, value in expected.metrics.stats.items():
        assert result.metrics.stats[key] == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("inside", [True, False])
def test_an_ir_finds_what_the_checkpoint_finds(place, checkpoint, network, data, expected, inside):
    folder = place / f"ir{inside}"
    folder.mkdir()
    path = exports.save_ir(
        network(), folder / "model.xml", exports.describe(checkpoint), inside=inside
    )
    result = evaluate(path.with_suffix(".bin") if inside else path, data)
    same(result, expected)
    assert result.detector.kind == "IR"


def test_detection_output_and_frames_find_the_same(place, checkpoint, network, data, expected):
    described = exports.describe(
        checkpoint, outputs="rows", names=("rows",), input="frames", color="BGR"
    )
    model = exports.with_frames(exports.with_rows(network(), checkpoint), checkpoint)
    path = exports.save_ir(model, place / "rows.xml", described)
    same(evaluate(path, data), expected)


def test_probabilities_in_bgr_find_the_same(place, checkpoint, network, data, expected):
    import openvino as ov
    from openvino import opset8 as ops

    model = network()
    offsets, scores = (model.output(n).get_node().input_value(0) for n in ("offsets", "scores"))
    turned = ov.Model(
        [ops.reshape(offsets, ops.constant([1, -1, 4]), False),
         ops.softmax(scores, 2)], model.get_parameters(), "p")  # fmt: skip
    for output, name in zip(turned.outputs, ("offsets", "scores"), strict=True):
        output.get_tensor().set_names({name})
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(turned)
    steps.input().tensor().set_layout(ov.Layout("NCHW"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().reverse_channels()
    described = exports.describe(checkpoint, outputs="probabilities", color="BGR")
    path = exports.save_ir(steps.build(), place / "bgr.xml", described)
    same(evaluate(path, data), expected)


@pytest.mark.filterwarnings("ignore")
def test_onnx_finds_the_same(place, checkpoint, data, expected):
    onnx = pytest.importorskip("onnx")
    path = place / "model.onnx"
    torch.onnx.export(
        checkpoint.network(), torch.zeros(1, 3, 192, 192), path, dynamo=False,
        input_names=["image"], output_names=["offsets", "scores"],
    )  # fmt: skip
    model = onnx.load(path)
    entry = model.metadata_props.add()
    entry.key = "oakwright_detector"
    entry.value = exports.describe(checkpoint).to_json()
    onnx.save(model, path)
    same(evaluate(path, data), expected)


def test_complexity_is_torchs_own_count_and_the_published_one():
    from torch.utils.flop_counter import FlopCounterMode

    from oakwright.training.ssd import Ssd

    published = {256: 0.86, 384: 1.92, 512: 3.42}
    for side, value in published.items():
        template = read_template(f"mobilenet_v2-2s_ssd-{side}x{side}")
        counted = of_template(template.model, 80)
        assert counted.flops / 1e9 == pytest.approx(value, rel=0.06)
        assert round(counted.parameters / 1e6, 2) == 1.99
        # pytorchcv's MobileNetV2 has one convolution more, 32 to 32 channels at half the input.
        cells = (side // 2) ** 2 * 32
        extra = 2 * (cells * 32 + 2 * cells + cells)
        assert (counted.flops + extra) / 1e9 == pytest.approx(value, rel=0.01)
    with torch.device("meta"):
        network = Ssd(template.model, 80).eval()
        example = torch.empty(1, 3, 512, 512)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(example)
    kinds = counted.by_kind()
    biases = sum(
        2 * m.bias.numel() * (512 // (16 if m.in_channels == 96 else 32)) ** 2
        for m in network.modules()
        if isinstance(m, torch.nn.Conv2d) and m.bias is not None
    )
    ours = sum(flops for kind, (flops, _) in kinds.items() if kind.endswith("convolution"))
    assert ours == counter.get_total_flops() + biases
    assert counted.parameters == sum(p.numel() for p in network.parameters())


def test_an_exported_graph_counts_its_convolutions(checkpoint, network):
    trained = of_template(checkpoint.template.model, 3)
    exported = of_graph(network())
    multiplied = sum(f for k, (f, _) in trained.by_kind().items() if k.endswith("convolution"))
    # Without the biases of the heads' convolutions, which are additions of their own.
    assert exported.flops == pytest.approx(multiplied, rel=1e-3)
    assert exported.parameters == pytest.approx(trained.parameters, rel=0.06)


def test_metrics_yaml_is_as_ote_writes_it_and_is_updated(place, expected, tmp_path):
    path = tmp_path / "metrics.yaml"
    path.write_text(
        yaml.safe_dump(
            {"note": "mine", "metrics": [{"key": "bbox", "value": 1}, {"key": "own", "value": 2}]}
        )
    )
    save_metrics(path, place / "best.pth", expected.rows())
    whole = yaml.safe_load(path.read_text())
    assert whole["note"] == "mine"
    (file,) = whole["files"]
    assert file["name"] == "best.pth"
    assert file["size"] == (place / "best.pth").stat().st_size
    assert len(file["sha256"]) == 64
    assert file["source"] == str(place / "best.pth")
    rows = {row["key"]: row for row in whole["metrics"]}
    assert rows["own"] == {"key": "own", "value": 2}
    assert rows["bbox"] == {
        "key": "bbox", "unit": "%", "display_name": "AP @ [IoU=0.50:0.95]",
        "value": round(expected.metrics.ap * 100, 3),
    }  # fmt: skip
    assert rows["complexity"] == {
        "key": "complexity", "unit": "GFLOPs", "display_name": "Complexity",
        "value": round(expected.complexity.flops / 1e9, 3), "counter": "conv+norm+act",
    }  # fmt: skip
    assert rows["size"]["unit"] == "Mp"
    assert rows["AP_large"]["value"] is None
    assert len(rows) == 1 + 2 + 12 + 3
    before = path.read_bytes()
    save_metrics(path, place / "best.pth", expected.rows())
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["- 1\n", "metrics: 7\n", "metrics: [7]\n", "a: [\n", "\0"])
def test_a_metrics_yaml_that_is_something_else_is_left_alone(place, expected, tmp_path, text):
    path = tmp_path / "metrics.yaml"
    path.write_text(text)
    with pytest.raises(OutputError, match=r"metrics\.yaml is there, but"):
        save_metrics(path, place / "best.pth", expected.rows())
    assert path.read_text() == text


def test_the_command_does_the_tutorials_step(place, data, expected, tmp_path, capsys):
    out, metrics = tmp_path / "output_images", tmp_path / "metrics.yaml"
    code = run(["eval", "--load-weights", str(place / "best.pth"), "--test-ann-files",
                str(place / "val.json"), "--test-data-roots", str(place / "val"),
                "--save-metrics-to", str(metrics), "--save-output-to", str(out),
                "--classes", "disc,square,triangle", "--threshold", "0.3"])  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0
    assert "AP @ [IoU=.50:.95 | area=all" in said
    assert yaml.safe_load(metrics.read_text())["files"][0]["name"] == "best.pth"
    pictures = sorted(out.glob("val_*.jpg"))
    assert len(pictures) == 5
    for path in pictures:
        assert cv2.imread(str(path)).shape == (200, 300, 3)
    page = (out / "index.html").read_text()
    assert page.count("<img loading") == 5
    scores = [float(text) for text in re.findall(r"<tr><td>(\d\.\d\d)<td>", page)]
    assert len(scores) == 5
    assert scores == sorted(scores)
    for name in ("precision_recall.png", "confusion.png"):
        assert cv2.imread(str(out / name)).min() < 200


def test_json_is_data(place, capsys):
    code = run(["eval", "--load-weights", str(place / "best.pth"), "--json", "--test-ann-files",
                str(place / "val.json"), "--test-data-roots", str(place / "val")])  # fmt: skip
    assert code == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["metrics"][2]["key"] == "bbox"
    assert facts["seconds_per_picture"] > 0


def test_what_cannot_be_evaluated_is_said_so(place, checkpoint, network, data, tmp_path, capsys):
    with pytest.raises(UsageError, match="no kind of detector"):
        open_detector("model.tflite")
    with pytest.raises(CheckpointError, match="there is no file"):
        open_detector(tmp_path / "a.xml")
    (tmp_path / "a.bin").write_bytes(b"1")
    with pytest.raises(CheckpointError, match=r"no a\.xml beside"):
        open_detector(tmp_path / "a.bin")
    (tmp_path / "a.xml").write_text("<net>")
    with pytest.raises(ModelError, match="cannot be used as IR"):
        open_detector(tmp_path / "a.xml")
    import openvino as ov

    model = network()
    ov.save_model(model, tmp_path / "b.xml")
    with pytest.raises(CheckpointError, match=r"no b\.detector\.json beside"):
        open_detector(tmp_path / "b.xml")
    text = exports.describe(checkpoint).to_json()
    for wrong, said in (
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "something else"),
        (text.replace('"version": 1', '"version": 9'), "version is 9"),
        (text.replace('"RGB"', '"CMYK"', 1), "color is 'CMYK'"),
        (text.replace('"disc"', '"square"'), "no list of different names"),
        (text.replace('"template": {', '"template": 7, "x": {'), "its template"),
    ):
        (tmp_path / "b.detector.json").write_text(wrong)
        with pytest.raises(CheckpointError, match=said):
            open_detector(tmp_path / "b.xml")
    (tmp_path / "b.detector.json").write_text(text.replace('"offsets"', '"nothing"'))
    with pytest.raises(ModelError, match="cannot be used as IR"):
        open_detector(tmp_path / "b.xml")
    fewer = dataset.read(place / "val.json", place / "val", "disc,square")
    with pytest.raises(CheckpointError, match=r"trained for disc,square,triangle"):
        evaluate(place / "best.pth", fewer)
    code = run(["eval", "--load-weights", str(place / "best.pth"), "--classes", "square,disc",
                "--test-ann-files", str(place / "val.json")])  # fmt: skip
    assert code == 1
    assert "was trained for disc,square,triangle, not for square,disc" in capsys.readouterr().err


def test_a_set_without_boxes_is_refused_before_anything_is_written(place, tmp_path, capsys):
    whole = json.loads((place / "val.json").read_text()) | {"annotations": []}
    (tmp_path / "empty.json").write_text(json.dumps(whole))
    code = run(["eval", "--load-weights", str(place / "best.pth"), "--test-ann-files",
                str(tmp_path / "empty.json"), "--test-data-roots", str(place / "val"),
                "--save-metrics-to", str(tmp_path / "m.yaml")])  # fmt: skip
    assert code == 1
    assert "there is nothing to compare with" in capsys.readouterr().err
    assert not (tmp_path / "m.yaml").exists()
    with pytest.raises(DatasetError):
        evaluate(place / "best.pth", dataset.read(tmp_path / "empty.json", place / "val"))


def test_weights_that_are_no_numbers_are_said_so(checkpoint, tmp_path):
    from dataclasses import replace

    from oakwright.training.checkpoint import save

    name, tensor = next((n, t) for n, t in checkpoint.weights.items() if t.ndim == 4)
    broken = tensor.clone()
    broken[0, 0, 0, 0] = float("nan")
    save(replace(checkpoint, weights={**checkpoint.weights, name: broken}), tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=f"the weights {re.escape(name)} are not all numbers"):
        open_detector(tmp_path / "a.pth")


def test_an_export_that_gives_no_numbers_is_said_so(checkpoint, network, data, tmp_path):
    import openvino as ov
    from openvino import opset8 as ops

    model = network()
    offsets, scores = (model.output(n).get_node().input_value(0) for n in ("offsets", "scores"))
    broken = ops.divide(offsets, ops.multiply(offsets, ops.constant(np.float32(0))))
    turned = ov.Model([broken, scores.get_node()], model.get_parameters(), "broken")
    for output, name in zip(turned.outputs, ("offsets", "scores"), strict=True):
        output.get_tensor().set_names({name})
    path = exports.save_ir(turned, tmp_path / "a.xml", exports.describe(checkpoint))
    with pytest.raises(ModelError, match=r"gives infinities or no numbers for .*val_0000"):
        evaluate(path, data)
