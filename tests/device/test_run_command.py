"""``oakwright device run``: what goes to the script, and what is said of it."""

import pytest

pytest.importorskip("depthai")

from oakwright.cli.main import run

SCRIPT = "import sys\nprint('got', *sys.argv[1:])\n"


def test_options_behind_the_script_are_the_scripts_and_that_is_said(tmp_path, capfd):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert run(["device", "run", str(script), "--frames", "4", "--own=1"]) == 0
    out, error = capfd.readouterr()
    assert "got --frames 4 --own=1" in out
    assert "note: --frames after the script goes to the script" in error
    assert run(["device", "run", str(script), "--own=1"]) == 0
    assert "note:" not in capfd.readouterr().err
