"""The wheel carries what is no Python module: the page, the hook of child processes, the guard."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Loaded by path, not by import.
WANTED = (
    "device/hook/sitecustomize.py",
    "device/guard.py",
    "device/view/page.html",
    "device/view/page.css",
    "device/view/page.js",
    "apps/templates/one-stage/main.py.txt",
    "apps/templates/shared/README.md.txt",
    "apps/networks/detector.xml",
    "apps/networks/detector.bin",
    "apps/networks/recognizer.xml",
    "apps/networks/recognizer.bin",
    "apps/networks/networks.json",
)


def test_the_wheel_is_the_whole_package_folder():
    # hatchling takes every file under ``packages`` that git does not ignore, unless told not to.
    section = (ROOT / "pyproject.toml").read_text().partition("[tool.hatch.build")[2]
    section = section.partition("\n[tool.ruff")[0]
    assert re.search(r'^packages = \["oakwright"\]$', section, re.MULTILINE)
    assert not re.search(r"^(exclude|only-include|include|artifacts)", section, re.MULTILINE)


@pytest.mark.parametrize("name", WANTED)
def test_a_file_that_is_loaded_by_path_is_there_and_not_ignored(name):
    path = ROOT / "oakwright" / name
    assert path.is_file()
    command = ["git", "check-ignore", "--no-index", "-q", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.returncode == 1, f"{name} is ignored by git, so the wheel lacks it"


def test_the_page_loads_nothing_from_elsewhere():
    for name in WANTED[2:5]:
        text = (ROOT / "oakwright" / name).read_text()
        assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}
