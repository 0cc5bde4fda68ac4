"""The examples of a virtual camera run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_time

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_pytest_project_passes_with_the_installed_plugin():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "device_pytest"],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
