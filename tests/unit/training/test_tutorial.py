"""The tutorial's commands, taken from the page that shows them, run from an empty folder."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.training.test_processes import environment

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/tasks/train-a-detector.md"
# The commands are the page's; only how long they train is cut.
SHORTER = {
    "train.py": "--epochs 2 --threads 1 --gpu-num 0",
    "compress.py": "--steps 2 --batch-size 4",
}
PATIENCE_S = 3600


def commands() -> list[str]:
    """The lines of the section's code, continued ones joined."""
    section = PAGE.read_text().split("## The tutorial's way")[1].split("\n## ")[0]
    blocks = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    text = "".join(blocks).replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def shortened(command: str) -> str:
    words = command.split()
    more = SHORTER.get(words[1], "") if len(words) > 1 else ""
    return f"{command} {more}".strip()


def test_the_page_has_the_tutorials_steps_in_its_order():
    scripts = [line.split()[1] for line in commands() if line.startswith("python ")]
    assert scripts == [
        "train.py", "eval.py", "export.py", "eval.py", "compress.py", "eval.py", "export.py",
        "export.py",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.shared
def test_it_works_to_the_last_command(shared_data, tmp_path):
    for package in ("nncf", "depthai"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in (("python", ""), ("oakwright", "-m oakwright ")):
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words}"$@"\n')
        (tools / name).chmod(0o755)
    airport, place = shared_data / "airport", tmp_path / "empty"
    place.mkdir()
    variables = {
        **environment(),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "TRAIN_ANN_FILE": str(airport / "annotation_example_train.json"),
        "TRAIN_IMG_ROOT": str(airport / "train"),
        "VAL_ANN_FILE": str(airport / "annotation_example_val.json"),
        "VAL_IMG_ROOT": str(airport / "val"),
    }
    script = "\n".join(["set -ex", *map(shortened, commands())])
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env=variables, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    work = place / "my_model"
    for name in (
        "template.yaml", "snapshot.pth", "outputs/latest.pth", "outputs/best.pth",
        "outputs/compressed.pth", "output_images/index.html", "export/model.xml",
        "export/model.bin", "export/alt_ssd_export/model.xml", "export/model.blob",
        "export_int8/model.xml", "finder/main.py", "seen/report.json",
    ):  # fmt: skip
        assert (work / name).is_file(), name
    assert len(list((work / "output_images").glob("*.jpg"))) == 10
    metrics = yaml.safe_load((work / "metrics.yaml").read_text())
    found = {row["key"]: row["value"] for row in metrics["metrics"]}
    assert 0 <= found["bbox"] <= 100
    assert found["size"] == pytest.approx(1.82, abs=0.03)
    assert found["AP_class_vehicle"] is None
    assert "FakeQuantize" in (work / "export_int8/model.xml").read_text()
    assert "FakeQuantize" not in (work / "export/model.xml").read_text()
    assert "Traceback" not in done.stderr
