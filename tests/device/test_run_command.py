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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "--seconds", "nan", "script.py"], "seconds is nan"),
        (["run", "--patience", "nan", "script.py"], "patience_s is nan"),
        (["run", "--limit", "nan", "script.py"], "limit_s is nan"),
        (["run", "--limit", "0", "script.py"], "limit_s is 0"),
        (["bench", "script.py", "--seconds", "0"], "seconds is 0"),
        (["bench", "script.py", "--limit", "-1"], "limit_s is -1"),
        (["bench", "empty"], "there is no script (*.py) in empty"),
        (["bench", "empty", "--seconds", "nan"], "seconds is nan"),
        (["bench", ".", "--only", "other"], "whose name has other"),
    ],
)
def test_numbers_that_are_none_and_folders_without_scripts_are_refused(
    words, told, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    assert run(["device", *words]) == 2
    out, error = capfd.readouterr()
    assert told in error
    assert "Traceback" not in error
    assert "got" not in out
