"""The command that makes the packaged networks, with tiny numbers."""

import json
import subprocess
import sys
from pathlib import Path

import openvino as ov
import pytest

from oakwright.apps import rooms

pytest.importorskip("torch")
SCRIPT = Path(__file__).parents[2] / "bench" / "sample_networks.py"


@pytest.mark.slow
@pytest.mark.real_time
def test_the_sample_networks_can_be_made_anew(tmp_path):
    command = [sys.executable, str(SCRIPT), "data", "--train", "--rooms", "5", "--held-out", "3",
               "--epochs", "1", "--to", "networks", "--page", "page.md"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    whole = json.loads((tmp_path / "data" / "train.json").read_text())
    assert len(whole["images"]) == 20
    assert any("color" in a and "mark" in a for a in whole["annotations"])
    facts = json.loads((tmp_path / "networks" / rooms.FACTS).read_text())
    assert facts["pictures"] == 20
    assert set(facts) == set(rooms.facts())
    core = ov.Core()
    for name in rooms.NETWORKS:
        made = core.read_model(tmp_path / "networks" / f"{name}.xml")
        packaged = core.read_model(rooms.ir(name))
        assert made.input().shape == packaged.input().shape
        assert [o.shape for o in made.outputs] == [o.shape for o in packaged.outputs]
    assert "| sign |" in (tmp_path / "page.md").read_text()
