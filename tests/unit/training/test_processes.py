"""Several processes, and processes that are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from oakwright.training import load_checkpoint
from oakwright.training.ssd import Ssd

ROOT = Path(__file__).parents[3]
PATIENCE_S = 500


def arguments(shapes, template, folder, *more):
    file, root = map(str, shapes)
    return [
        "train", "--template", str(template), "--train-ann-files", file, "--train-data-roots", root,
        "--val-ann-files", file, "--val-data-roots", root, "--save-checkpoints-to", str(folder),
        "--no-pretrained", "--batch-size", "4", "--threads", "1", "--gpu-num", "0", *more,
    ]  # fmt: skip


def environment():
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def run(launcher, *args):
    command = [sys.executable, "-m", *launcher, "oakwright", *args]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_two_processes_make_the_steps_of_one(shapes, small, tmp_path):
    """With norms frozen: else each process would normalise by its own half of the batch."""
    data = yaml.safe_load(small.read_text())
    data["hyper_parameters"]["extra"] |= {"batch_norm": "frozen", "warm_up": 0}
    small.write_text(yaml.safe_dump(data))
    numbers = ["--epochs", "1", "--base-learning-rate", "0.0001"]
    run([], *arguments(shapes, small, tmp_path / "one", *numbers))
    said = run([], *arguments(shapes, small, tmp_path / "two", *numbers, "--processes", "2"))
    assert said.count("best AP") == 1
    assert "Warning" not in said
    one = load_checkpoint(tmp_path / "one" / "latest.pth").state["weights"]
    both = load_checkpoint(tmp_path / "two" / "latest.pth")
    assert both.state["world"] == 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        start = Ssd(both.template.model, 3).state_dict()
    for name, tensor in one.items():
        torch.testing.assert_close(both.state["weights"][name], tensor, rtol=0, atol=1e-5)
    moved = max(float((tensor - start[name]).abs().max()) for name, tensor in one.items())
    # They moved by far more than they differ.
    assert moved > 1e-4


CHECK = """
import sys, torch
from torch import distributed as dist
from oakwright.training import TrainOptions, loop
options = TrainOptions(**eval(sys.argv[1]))
seen = []
real = loop._Trainer._save
def save(self):
    weights = torch.cat([t.double().flatten() for t in self.network.state_dict().values()])
    both = [torch.empty_like(weights) for _ in range(2)]
    dist.all_gather(both, weights)
    seen.append(torch.equal(*both))
    real(self)
loop._Trainer._save = save
loop.train(options)
print("equal", seen, flush=True)
"""


@pytest.mark.slow
def test_weights_are_equal_on_all_processes_with_norms_that_learn(shapes, small, tmp_path):
    script = tmp_path / "check.py"
    script.write_text(CHECK)
    file, root = map(str, shapes)
    options = {
        "train_ann_files": file, "train_data_roots": root, "val_ann_files": file,
        "val_data_roots": root, "template": str(small), "epochs": 2, "batch_size": 4,
        "save_checkpoints_to": str(tmp_path / "out"), "pretrained": False, "threads": 1,
    }  # fmt: skip
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               "--nproc-per-node", "2", str(script), repr(options)]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equal [True, True]") == 2


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(shapes, small, tmp_path):
    run([], *arguments(shapes, small, tmp_path / "whole", "--epochs", "4"))
    command = [sys.executable, "-u", "-m", "oakwright",
               *arguments(shapes, small, tmp_path / "killed", "--epochs", "4")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as victim:
        for line in victim.stdout:
            if (tmp_path / "killed" / "latest.pth").exists() and line.startswith("epoch 2"):
                victim.send_signal(signal.SIGKILL)
                break
    assert victim.returncode == -signal.SIGKILL
    latest = tmp_path / "killed" / "latest.pth"
    assert load_checkpoint(latest).state["run"]["epoch"] < 4
    resume = arguments(shapes, small, tmp_path / "killed", "--epochs", "4")
    run([], *resume, "--resume-from", str(latest))
    one = load_checkpoint(tmp_path / "whole" / "latest.pth")
    other = load_checkpoint(latest)
    for name, tensor in one.weights.items():
        assert torch.equal(tensor, other.weights[name]), name
    for name, tensor in one.state["weights"].items():
        assert torch.equal(tensor, other.state["weights"][name]), name
