"""Exports find what the checkpoint finds: as IR, as ONNX, as a blob run on the CPU."""

import json
import tarfile

import numpy as np
import pytest
import torch

from oakwright.cli.main import run
from oakwright.errors import CheckpointError, UsageError
from oakwright.training import (
    ExportOptions,
    TrainOptions,
    evaluate,
    export,
    load_checkpoint,
    open_application,
    open_detector,
    train,
)
from tests.training_data import make_set
from tests.unit.training.small_template import small_template

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(checkpoint's file, dataset) of a detector that has learnt eight pictures by heart."""
    from oakwright import dataset

    folder = tmp_path_factory.mktemp("trained")
    file, root = make_set(folder, "train", pictures=8)
    template = small_template(folder, repeat=10)
    torch.set_num_threads(1)
    made = train(
        TrainOptions(
            train_ann_files=str(file), train_data_roots=str(root),
            val_ann_files=str(file), val_data_roots=str(root),
            template=str(template), save_checkpoints_to=str(folder / "out"),
            pretrained=False, epochs=6, batch_size=4, gpu_num=0,
        )
    )  # fmt: skip
    return made.latest, dataset.read(str(file), str(root))


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    export(
        trained[0], folder, ExportOptions(onnx=True, shaves=(4,), archive=True), app=folder / "app"
    )
    return folder


def boxes_of(found):
    return {
        number: sorted(
            (int(label), *np.round(box).tolist())
            for label, box, score in zip(d.labels, d.boxes, d.scores, strict=True)
            if score > 0.3
        )
        for number, d in found.items()
    }


FORMS = ["model.xml", "model.bin", "alt_ssd_export/model.xml", "model.onnx"]


@pytest.mark.parametrize("form", FORMS)
def test_an_export_has_the_checkpoints_ap(trained, exported, form):
    before, after = (evaluate(p, trained[1]) for p in (trained[0], exported / form))
    assert before.metrics.stats["AP50"] > 0.4
    assert after.metrics.stats["AP"] == pytest.approx(before.metrics.stats["AP"], abs=5e-4)
    assert boxes_of(after.found).keys() == boxes_of(before.found).keys()
    for number, boxes in boxes_of(before.found).items():
        np.testing.assert_allclose(boxes_of(after.found)[number], boxes, atol=1)


def test_the_blob_finds_the_same_up_to_fp16(trained, exported):
    before, after = (evaluate(p, trained[1]) for p in (trained[0], exported / "model.blob"))
    assert after.detector.kind == "blob"
    assert after.metrics.stats["AP"] == pytest.approx(before.metrics.stats["AP"], abs=0.02)
    sure = [sum(d.scores > 0.3) for d in before.found.values()]
    assert abs(sum(sure) - sum(sum(d.scores > 0.3) for d in after.found.values())) <= 1


@pytest.mark.real_time
def test_the_script_on_the_virtual_oak_finds_what_the_ir_finds(trained, exported):
    """The exported blob in MobileNetDetectionNetwork, by the exported script, against the IR."""
    pytest.importorskip("depthai")
    camera = open_application(exported / "app", exported / "model.blob")
    on_oak, on_blob, in_ir = (
        evaluate(each, trained[1]).found
        for each in (camera, exported / "model.blob", exported / "alt_ssd_export/model.xml")
    )
    sure = 0
    for sample in trained[1].samples:
        seen, wanted = on_oak[sample.image_id], in_ir[sample.image_id]
        # The decompiled blob is the camera's arithmetic: the node adds nothing to it.
        for name in ("boxes", "scores", "labels"):
            same = getattr(on_blob[sample.image_id], name)
            np.testing.assert_array_equal(getattr(seen, name), same, err_msg=name)
        for box, score, label in zip(wanted.boxes, wanted.scores, wanted.labels, strict=True):
            if score < 0.3:
                continue
            sure += 1
            near = np.abs(seen.boxes - box).max(1) + 1e3 * (seen.labels != label)
            # FP16 has 11 bits: half a pixel of 128 for boxes that come out of exp().
            assert near.min() < 0.5, (sample.path, box)
            assert seen.scores[near.argmin()] == pytest.approx(score, abs=0.01)
    assert sure >= len(trained[1])


def test_the_archive_names_the_classes_after_the_background(exported):
    with tarfile.open(exported / "model.rvc2.tar.xz") as file:
        config = json.load(file.extractfile("config.json"))
    (head,) = config["model"]["heads"]
    assert head["metadata"]["classes"] == ["background", "disc", "square", "triangle"]
    assert head["outputs"] == ["detection_out"]


@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_bytes_go_in_where_they_are_asked_for(trained, tmp_path, color):
    export(trained[0], tmp_path, ExportOptions(color=color, u8_input=True, fp16=True))
    ir = open_detector(tmp_path / "model.xml")
    assert str(ir.network.inputs[0].element_type) == "<Type: 'uint8_t'>"
    ap = [
        evaluate(p, trained[1]).metrics.stats["AP"]
        for p in (trained[0], ir, tmp_path / "alt_ssd_export/model.xml")
    ]
    assert ap[1:] == pytest.approx([ap[0]] * 2, abs=0.01)


def test_fp16_weights_are_made_ready_for_it_and_fp32_ones_left(trained, tmp_path):
    for fp16 in (False, True):
        export(trained[0], tmp_path / str(fp16), ExportOptions(fp16=fp16))
        for name in ("model.xml", "alt_ssd_export/model.xml"):
            assert ("/balanced" in (tmp_path / str(fp16) / name).read_text()) == fp16


def test_several_shaves_each_have_their_description(trained, tmp_path):
    made = export(trained[0], tmp_path, ExportOptions(openvino=False, shaves=(4, 6)))
    assert sorted(p.name for p in made) == [
        "model_4shave.blob", "model_4shave.detector.json",
        "model_6shave.blob", "model_6shave.detector.json",
    ]  # fmt: skip
    assert open_detector(tmp_path / "model_6shave.blob").classes == ("disc", "square", "triangle")


def test_options_that_make_no_sense_are_refused_before_the_work(trained, tmp_path):
    with pytest.raises(UsageError, match="neither BGR nor RGB"):
        ExportOptions(color="GRAY")
    with pytest.raises(UsageError, match="an archive holds a blob"):
        ExportOptions(archive=True)
    with pytest.raises(UsageError, match="nothing is to be exported"):
        ExportOptions(openvino=False)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        export(tmp_path / "none.pth", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_checkpoint_is_what_it_was(trained, tmp_path):
    before = load_checkpoint(trained[0]).weights
    export(trained[0], tmp_path, ExportOptions(color="BGR"))
    after = load_checkpoint(trained[0]).weights
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_command_takes_the_tutorials_flags(trained, tmp_path, capsys):
    words = ["export", "--load-weights", str(trained[0]), "--save-model-to", str(tmp_path / "e")]
    assert run([*words, "--openvino-mo-args", "--mean_values [1,2,3]"]) == 2
    assert "--u8-input puts mean" in capsys.readouterr().err
    assert run([*words, "--openvino", "--openvino-mo-args", "--data_type FP16"]) == 0
    assert sorted(p.name for p in (tmp_path / "e").rglob("*.*")) == [
        "model.bin", "model.bin", "model.xml", "model.xml",
    ]  # fmt: skip
    size = (tmp_path / "e/model.bin").stat().st_size
    assert size < 2.2 * sum(w.numel() for w in load_checkpoint(trained[0]).weights.values())


def test_the_application_is_one_that_runs(trained, tmp_path):
    export(
        trained[0],
        tmp_path / "e",
        ExportOptions(openvino=False, shaves=(6,)),
        app=tmp_path / "finder",
    )
    text = (tmp_path / "finder/main.py").read_text()
    assert '"background", "disc", "square", "triangle"' in text
    with pytest.raises(UsageError, match="is there already"):
        export(trained[0], tmp_path / "e", ExportOptions(shaves=(6,)), app=tmp_path / "finder")
