"""oakwright templates, instantiate and train as typed."""

import json
import re
import subprocess
import sys

import pytest

from oakwright.cli.main import run
from oakwright.cli.train import Lines
from oakwright.training import Progress, load_checkpoint, names, parse_duration


def test_templates_are_listed(capsys):
    assert run(["templates"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == names()
    small = next(i for i, line in enumerate(lines) if line.startswith("mobilenet_v2-1s"))
    assert re.fullmatch(
        r" +Expect on BCCD: AP 0\.\d+ after \d+ processor minutes\.", lines[small + 1]
    )
    assert run(["templates", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    for row in rows:
        found = row["expected"] or {"AP": 0.5}
        assert 0.3 < found["AP"] < 0.7
    published = {row["name"]: {m["key"]: m["value"] for m in row["metrics"]} for row in rows}
    assert published["mobilenet_v2-2s_ssd-384x384"] == {
        "bbox": 13.3, "complexity": 1.92, "size": 1.99,
    }  # fmt: skip


def test_the_folders_script_trains_with_the_numbers_of_its_template(shapes, tmp_path, capsys):
    work = tmp_path / "work"
    name = "mobilenet_v2-1s_ssd-192x192"
    assert run(["instantiate", name, str(work), "--no-pretrained"]) == 0
    assert "snapshot.pth is random weights" in capsys.readouterr().out
    template = work / "template.yaml"
    small = template.read_text().replace("- 192", "- 64").replace("epochs: 8", "epochs: 1")
    assert small.count("- 64") == 2
    template.write_text(small.replace("repeat: 5", "repeat: 1").replace(": auto", ": float32", 2))
    template.write_text(template.read_text().replace("freeze: float32", "freeze: 0"))
    file, root = map(str, shapes)
    done = subprocess.run(
        [sys.executable, "train.py", "--load-weights", "snapshot.pth", "--train-ann-files", file,
         "--train-data-roots", root, "--val-ann-files", file, "--val-data-roots", root,
         "--save-checkpoints-to", "outputs", "--classes", "square,disc", "--threads", "1",
         "--gpu-num", "0"],
        cwd=work, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "training  8 pictures: 5 square, 3 disc" in done.stdout
    assert "epoch 1/1  loss" in done.stdout
    trained = load_checkpoint(work / "outputs" / "latest.pth")
    assert trained.classes == ("square", "disc")
    assert trained.template.recipe.epochs == 1
    assert trained.template.model.width == 64


WRONG = {
    "no template": ([], 2, "neither a template nor weights"),
    "a time": (["--time-limit", "soon", "--template", "x"], 2, "'soon' is no length of time"),
    "epochs": (["--epochs", "0", "--template", "x"], 2, "--epochs 0: at least 1"),
    "rate": (["--base-learning-rate", "nan", "--template", "x"], 2, "more than 0"),
    "both": (["--load-weights", "a", "--resume-from", "b"], 2, "exclude each other"),
    "a template": (["--template", "mobilenet"], 1, "there is no template mobilenet"),
    "weights": (["--load-weights", "none.pth"], 1, "there is no checkpoint none.pth"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_one_message(case, shapes, capsys):
    more, code, text = WRONG[case]
    file = str(shapes[0])
    assert run(["train", "--train-ann-files", file, "--val-ann-files", file, *more]) == code
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said


def test_lengths_of_time():
    assert [parse_duration(t) for t in ("90", "90s", "1.5m", "2H")] == [90, 90, 90, 7200]


def test_what_is_said_on_a_terminal_has_a_line_of_its_own(capsys):
    """The line that is written over is gone before another is written, an error's as well."""
    step = Progress(2, 3, 4, 22, 3.3, 0.001, 25.0, 61.0)
    with Lines() as lines:
        lines.is_live = True
        lines.show(step)
        lines.say("broken off")
        lines.show(step)
    shown = capsys.readouterr().out
    # Where nobody watches, click leaves out what clears the line.
    live = "\repoch 2/3  step 4/22  loss 3.300  25 pictures/s  1:01 left"
    assert shown == f"{live}\rbroken off\n{live}\r"
    with Lines() as lines:  # no terminal
        lines.show(step)
        lines.say("broken off")
    assert capsys.readouterr().out == "broken off\n"
