"""What the README promises of the demo's environment and of the core's dependencies."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def would_install(extra: str, python: str = sys.executable) -> set[str]:
    """Names of the packages that pip would install for an extra, on an empty machine."""
    command = [python, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed",
               "--disable-pip-version-check", "--report", "-", "-c", "constraints.txt",
               f".[{extra}]"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode and re.search(r"No matching distribution|Connection|Retrying", done.stderr):
        pytest.skip(f"no package index is reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return {item["metadata"]["name"].lower() for item in json.loads(done.stdout)["install"]}


def test_the_demo_installs_neither_torch_nor_nvidia():
    names = would_install("demo")
    assert "openvino" in names
    assert "depthai" in names
    heavy = {n for n in names if n.startswith(("torch", "nvidia", "triton", "cuda", "tensorflow"))}
    assert not heavy


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13"])
def test_the_pins_hold_for_other_pythons(version):
    # pip reads a pin's marker with the Python that runs it, so each needs its own.
    python = shutil.which(f"python{version}")
    if (
        python is None
        or subprocess.run([python, "-m", "pip", "-V"], capture_output=True).returncode
    ):
        pytest.skip(f"there is no python{version} with pip on PATH")
    assert "openvino" in would_install("demo", python)


def test_the_makefile_passes_the_constraints_and_pyproject_keeps_ranges():
    makefile = (ROOT / "Makefile").read_text()
    assert "-c constraints.txt" in makefile
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert '"torch>=2.4"' in pyproject
    assert "torchvision" not in pyproject


def test_the_readme_has_exactly_the_two_commands():
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```\n(make [^`]*?)```", readme)
    assert blocks[0].split("\n")[:2] == [
        line for line in blocks[0].split("\n") if line.startswith("make ")
    ]
    assert "make demo" in blocks[0]
    assert "make test" in blocks[0]
