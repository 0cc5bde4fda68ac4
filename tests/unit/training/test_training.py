"""The loop: it learns, it goes on where it was killed, it keeps its checkpoints."""

import dataclasses

import numpy as np
import pytest
import torch

from oakwright.errors import (
    CheckpointError,
    DatasetError,
    OutputError,
    TrainingError,
    UsageError,
)
from oakwright.training import TrainOptions, instantiate, load_checkpoint, loop, train
from tests.training_data import make_set


def options(shapes, small, folder, **more):
    file, root = shapes
    values = {
        "train_ann_files": file, "train_data_roots": root,
        "val_ann_files": file, "val_data_roots": root,
        "template": small, "save_checkpoints_to": folder,
        "pretrained": False, "epochs": 2, "batch_size": 4, "gpu_num": 0,
    }  # fmt: skip
    return TrainOptions(**{**values, **more})


def same_weights(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_eight_pictures_by_heart(shapes, small, tmp_path):
    """From random weights, in a hundred small steps."""
    small.write_text(small.read_text().replace("repeat: 2", "repeat: 10"))
    trained = train(options(shapes, small, tmp_path / "out", epochs=6))
    assert trained.history[-1]["AP50"] > 0.5
    assert trained.ap == max(row["AP"] for row in trained.history)
    losses = [row["loss"] for row in trained.history]
    assert losses[-1] < losses[0] * 0.6
    checkpoint = load_checkpoint(trained.latest)
    assert checkpoint.classes == ("disc", "square", "triangle")
    assert checkpoint.statistics["boxes"] == {"disc": 3, "square": 5, "triangle": 6}
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    network = checkpoint.network()
    offsets, logits = network(torch.zeros(1, 3, 64, 64))
    assert offsets.shape[1] == logits.shape[1] == len(checkpoint.anchors) == 96


def test_the_same_seed_gives_the_same_weights_and_another_does_not(shapes, small, tmp_path):
    runs = [
        load_checkpoint(
            train(options(shapes, small, tmp_path / name, epochs=1, seed=seed)).latest
        ).weights
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert same_weights(runs[0], runs[1])
    assert not same_weights(runs[0], runs[2])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_broken_off_in_an_epoch_goes_on_to_the_same_weights(
    shapes, small, tmp_path, precision
):
    text = small.read_text().replace("precision: float32", f"precision: {precision}")
    small.write_text(text.replace("mosaic: 0", "mosaic: 0.5"))
    whole = train(options(shapes, small, tmp_path / "whole", epochs=3))

    class Killed(BaseException):
        pass

    def kill(at):
        if at.epoch == 2 and at.step == 3:
            raise Killed

    broken = options(shapes, small, tmp_path / "broken", epochs=3)
    with pytest.raises(Killed):
        train(broken, report=kill)
    latest = tmp_path / "broken" / "latest.pth"
    assert load_checkpoint(latest).state["run"]["epoch"] == 1
    resumed = train(dataclasses.replace(broken, resume_from=latest, epochs=None))
    one, other = load_checkpoint(whole.latest), load_checkpoint(resumed.latest)
    assert same_weights(one.weights, other.weights)
    assert same_weights(one.state["weights"], other.state["weights"])
    assert [r["loss"] for r in whole.history] == [r["loss"] for r in resumed.history]
    assert whole.ap == resumed.ap


def test_a_time_limit_ends_the_run_and_the_learning_rate_with_it(shapes, small, tmp_path):
    """A clock that jumps a second whenever it is asked: nothing here waits."""
    ticks = iter(range(1_000_000))
    limited = options(shapes, small, tmp_path / "out", epochs=None, time_limit_s=60.0)
    said = []
    trained = train(limited, clock=lambda: float(next(ticks)), report=said.append)
    assert len(trained.history) < 15
    assert trained.history[-1]["learning_rate"] < 0.1 * 0.003
    left = [at.eta_s for at in said if at.ap is not None]
    assert 60 > left[0] > left[-2] > left[-1] == 0


def test_a_time_limit_leaves_room_for_the_validation_at_its_end(
    shapes, small, tmp_path, monkeypatch
):
    """Eight pictures that take ten seconds, after steps of one second with four."""
    small.write_text(small.read_text().replace("repeat: 2", "repeat: 100"))
    now, detect = [0.0], loop.detect

    def slow(*given):
        now[0] += 10
        return detect(*given)

    def second(at):
        now[0] += at.ap is None

    monkeypatch.setattr(loop, "_FORWARD_COST", 5.0)
    monkeypatch.setattr(loop, "detect", slow)
    limited = options(shapes, small, tmp_path / "out", epochs=None, time_limit_s=30.0)
    trained = train(limited, clock=lambda: now[0], report=second)
    assert len(trained.history) == 1
    assert 28 <= now[0] <= 31


def test_training_goes_on_from_a_detector_only_for_its_own_classes(shapes, small, tmp_path):
    first = train(options(shapes, small, tmp_path / "first", epochs=1))
    again = options(
        shapes, small, tmp_path / "again", epochs=1, load_weights=first.latest, template=None
    )
    assert train(again).latest.is_file()
    for classes in ("disc", "square,disc,triangle"):
        with pytest.raises(UsageError, match="was trained for disc,square,triangle"):
            train(dataclasses.replace(again, classes=classes))


def test_a_class_that_no_picture_has_is_named(shapes, small, tmp_path):
    with pytest.raises(UsageError, match=r"(?s)no class 'disk'.*did you mean 'disc'"):
        train(options(shapes, small, tmp_path / "out", classes="disk"))
    assert not (tmp_path / "out").exists()


def test_an_empty_validation_set_is_an_error_before_any_work(shapes, small, tmp_path):
    import json

    file = tmp_path / "empty.json"
    whole = json.loads(shapes[0].read_text())
    file.write_text(json.dumps({**whole, "annotations": []}))
    with pytest.raises(DatasetError, match="the validation set has no box of disc, square"):
        train(options(shapes, small, tmp_path / "out", val_ann_files=file))
    assert not (tmp_path / "out").exists()


def test_a_picture_that_vanishes_is_named_and_the_checkpoint_stays(small, tmp_path, monkeypatch):
    from oakwright.training import pictures

    monkeypatch.setattr(pictures, "_free_memory", lambda: 0.0)
    monkeypatch.setattr(pictures, "_free_disk", lambda: 0)
    file, root = make_set(tmp_path, "train", pictures=4)

    def remove(at):
        if at.epoch == 2:
            for path in root.iterdir():
                path.unlink(missing_ok=True)

    run = options((file, root), small, tmp_path / "out")
    with pytest.raises(DatasetError, match=r"train_000\d.png.*no such file"):
        train(run, report=remove)
    assert load_checkpoint(tmp_path / "out" / "latest.pth").state["run"]["epoch"] == 1


def test_a_loss_that_is_no_number_ends_the_run_and_names_the_pictures(
    shapes, small, tmp_path, monkeypatch
):
    run = options(shapes, small, tmp_path / "out")

    def poison(at):
        if at.epoch == 2:
            # What a learning rate that is too high does to the weights, without waiting for it.
            monkeypatch.setattr(loop, "normalised", lambda pictures, model: pictures / 0.0)

    with pytest.raises(TrainingError, match=r"no number any more in epoch 2, step \d, with train_"):
        train(run, report=poison)
    assert load_checkpoint(run.folder / "latest.pth").state["run"]["epoch"] == 1


def test_a_full_disk_keeps_the_checkpoint_of_before(shapes, small, tmp_path, monkeypatch):
    run = options(shapes, small, tmp_path / "out", epochs=1)
    kept = train(run).latest.read_bytes()
    import os

    from oakwright import files

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, _):
            raise OSError(28, "No space left on device")

    real = os.fdopen
    monkeypatch.setattr(files.os, "fdopen", lambda handle, mode: Full(real(handle, mode)))
    with pytest.raises(OutputError, match="No space left"):
        train(run)
    monkeypatch.undo()
    assert (tmp_path / "out" / "latest.pth").read_bytes() == kept
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "best.pth", "curves.png", "latest.pth",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written_is_told_before_the_work(shapes, small, tmp_path):
    (tmp_path / "file").write_text("mine")
    steps = []
    with pytest.raises(OutputError, match="a part of its folder is a file"):
        train(options(shapes, small, tmp_path / "file" / "out", epochs=1), report=steps.append)
    assert not steps
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_too_small_for_a_checkpoint_is_told_before_the_work(
    shapes, small, tmp_path, monkeypatch
):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=300_000))
    steps = []
    with pytest.raises(OutputError, match=r"has 0\.3 MB left, \d+ MB are wanted"):
        train(options(shapes, small, tmp_path / "out", epochs=1), report=steps.append)
    assert not steps
    assert not list((tmp_path / "out").iterdir())


def test_broken_off_by_hand_it_says_how_to_go_on(shapes, small, tmp_path):
    def interrupt(at):
        if at.epoch == 2:
            raise KeyboardInterrupt

    said = []
    with pytest.raises(KeyboardInterrupt):
        train(options(shapes, small, tmp_path / "o", epochs=3), report=interrupt, say=said.append)
    latest = tmp_path / "o" / "latest.pth"
    assert said[-1] == f"broken off after epoch 1: --resume-from {latest} goes on"
    assert load_checkpoint(latest).state["run"]["epoch"] == 1


def test_resuming_needs_the_same_data_and_a_run(shapes, small, tmp_path):
    run = options(shapes, small, tmp_path / "out", epochs=1)
    trained = train(run)
    other = make_set(tmp_path, "other", pictures=8, seed=3)
    changed = dataclasses.replace(
        run, resume_from=trained.latest, train_ann_files=other[0], train_data_roots=other[1]
    )
    with pytest.raises(CheckpointError, match="trained on other data"):
        train(changed)
    with pytest.raises(CheckpointError, match="does not hold what resuming needs"):
        train(dataclasses.replace(run, resume_from=trained.best))


def test_pictures_without_boxes_are_trained_on(small, tmp_path):
    import json

    file, root = make_set(tmp_path, "train", pictures=4)
    whole = json.loads(file.read_text())
    whole["annotations"] = [a for a in whole["annotations"] if a["image_id"] == 1]
    file.write_text(json.dumps(whole))
    trained = train(options((file, root), small, tmp_path / "out", epochs=1))
    assert np.isfinite(trained.history[0]["loss"])


def test_without_a_better_score_training_ends_early(shapes, small, tmp_path, monkeypatch):
    small.write_text(small.read_text().replace("patience: 0", "patience: 2"))
    real = loop.coco_metrics
    monkeypatch.setattr(
        loop, "coco_metrics", lambda *a: dataclasses.replace(real(*a), stats={"AP": 0.3, "AP50": 0})
    )
    said = []
    trained = train(options(shapes, small, tmp_path / "out", epochs=20), say=said.append)
    # Validated every second epoch: the first time is the best, two times are waited.
    assert trained.history[-1]["epoch"] == 6
    assert any("ends early" in line for line in said)


def test_pictures_are_the_same_wherever_they_are_kept(shapes, small, monkeypatch):
    from oakwright.dataset import read
    from oakwright.training import pictures, read_template

    data, model = read(*shapes), read_template(small).model
    kept = pictures.Pictures(data, model)
    monkeypatch.setattr(pictures, "_free_memory", lambda: 0.0)
    on_disk = pictures.Pictures(data, model)
    monkeypatch.setattr(pictures.os, "posix_fallocate", _no_space)
    anew = pictures.Pictures(data, model)
    assert [p.kind for p in (kept, on_disk, anew)] == ["in memory", "on disk", "decoded each time"]
    for i in range(len(data)):
        for _ in range(2):
            np.testing.assert_array_equal(kept[i], on_disk[i])
            np.testing.assert_array_equal(kept[i], anew[i])
    on_disk.close()


def _no_space(*_):
    raise OSError(28, "No space left on device")


def test_more_gpus_than_there_are_is_an_error(shapes, small, tmp_path):
    count = torch.cuda.device_count() + 1
    with pytest.raises(UsageError, match=f"--gpu-num {count}: this machine has"):
        train(options(shapes, small, tmp_path / "out", gpu_num=count))


def test_a_batch_smaller_than_the_processes_is_refused(shapes, small, monkeypatch):
    """Else a process without a picture would wait for ever."""
    from oakwright.dataset import read
    from oakwright.training import read_template
    from oakwright.training.batches import Batches

    template = read_template(small)
    with pytest.raises(UsageError, match="--batch-size 2 for 3 processes"):
        Batches(read(*shapes), template.model, template.recipe, batch_size=2, seed=0, world=3)


def test_tensorboards_log_has_the_numbers(shapes, small, tmp_path):
    """Read by TFRecord's framing and TensorBoard's own message."""
    import struct

    from tensorboardX.proto.event_pb2 import Event

    run = options(shapes, small, tmp_path / "out", epochs=2, tensorboard_dir=tmp_path / "board")
    trained = train(run)
    (log,) = (tmp_path / "board").iterdir()
    data, found = log.read_bytes(), {}
    while data:
        (length,) = struct.unpack_from("<Q", data)
        event = Event.FromString(data[12 : 12 + length])
        for value in event.summary.value:
            found[value.tag, event.step] = value.simple_value
        data = data[16 + length :]
    for row in trained.history:
        assert found["train/loss", row["step"]] == pytest.approx(row["loss"], rel=1e-6)
        # Small sets are validated every second epoch.
        if "AP" in row:
            assert found["validation/AP", row["step"]] == pytest.approx(row["AP"], rel=1e-6)
    assert "AP" in row


def test_the_work_folder_of_the_tutorial(tmp_path):
    instantiate("mobilenet_v2-2s_ssd-256x256", tmp_path / "work", pretrained=False)
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == [
        "compress.py", "eval.py", "export.py", "snapshot.pth", "template.yaml", "train.py",
    ]  # fmt: skip
    snapshot = load_checkpoint(tmp_path / "work" / "snapshot.pth")
    assert snapshot.classes is None
    with pytest.raises(CheckpointError, match="the trunk only"):
        snapshot.network()


def test_what_reading_left_out_is_said(shapes, small, tmp_path):
    import json

    file, root = shapes
    whole = json.loads(file.read_text())
    template = whole["annotations"][0]
    outside = [{**template, "id": 1000 + i, "bbox": [120, 10 + i, 20, 20]} for i in range(8)]
    whole["annotations"] += outside
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(whole))
    said = []
    train(options((bad, root), small, tmp_path / "out", epochs=1), say=said.append)
    notes = [line for line in said if line.startswith("note")]
    assert len(notes) == 12  # five of each set, and how many more
    assert "bad.json" in notes[0]
    assert notes[5] == "note  ... and 3 more; `oakwright dataset check` lists them"
