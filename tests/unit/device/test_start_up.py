"""What a script's start costs: the process that only starts it loads nothing heavy."""

import subprocess
import sys

HEAVY = ("numpy", "cv2", "depthai", "openvino", "yaml")


def test_the_command_that_starts_a_script_loads_nothing_heavy():
    code = f"import sys, oakwright.cli.device; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
