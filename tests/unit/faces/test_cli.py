"""The command line, in process: texts, exit codes, files; and that a hit is light."""

import json
import subprocess
import sys

import numpy as np
import pytest

from oakwright.cli.main import COMMANDS, run

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.real_time]


def test_convert_prints_what_it_did(half, tmp_path, capsys):
    assert run(["convert", str(half), "--range", "0..1", "-o", str(tmp_path / "h.blob")]) == 0
    out = capsys.readouterr().out
    assert "image: U8 1x3x8x8, NCHW, (x - 0) / 255" in out
    assert "agrees with onnx.reference" in out
    assert (tmp_path / "h.blob").is_file()
    assert (tmp_path / "h.blob.json").is_file()


def test_json_is_json(half, tmp_path, capsys):
    assert run(["convert", str(half), "-o", str(tmp_path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["name"] == "half"
    assert facts["files"][0].endswith("half.blob")
    for words in (["inspect", facts["files"][0], "--json"], ["cache", "info", "--json"]):
        assert run(words) == 0
        assert json.loads(capsys.readouterr().out)


def test_options_by_input_name(half, tmp_path, capsys):
    words = ["convert", str(half), "--mean", "image=1,2,3", "--ip", "image=U8", "--to", "ir"]
    assert run([*words, "-o", str(tmp_path)]) == 0
    assert "(x - [1, 2, 3]) / 1" in capsys.readouterr().out
    assert (tmp_path / "half.xml").is_file()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["convert", "nowhere.onnx"], 1, "there is no file nowhere.onnx"),
        (["convert", "HALF", "--shaves", "17"], 2, "1 to 16"),
        (["convert", "HALF", "--range", "0..2"], 2, "range '0..2' is not known"),
        (["convert", "HALF", "--mean", "nobody=1"], 2, "no input 'nobody'"),
        (["convert", "HALF", "--freeze", "3"], 2, "names no input"),
        (["convert", "HALF", "--op", "U8"], 2, "FP16 or FP32"),
        (["convert", "HALF", "-o", "x.xml"], 2, "say --to ir"),
        (["convert", "HALF", "-o", "x.tar.xz"], 2, "say --to archive"),
        (["convert", "HALF", "--to", "archive", "-o", "x.blob"], 2, "say --to blob"),
        (["inspect", "nowhere.blob"], 2, "cannot read nowhere.blob"),
        (["convert"], 2, "give one model"),
        (["frobnicate"], 2, "No such command"),
        (["decompile", "x.blob", "-o", "y.onnx"], 2, "must end in .xml"),
    ],
)
def test_errors_are_one_message(half, tmp_path, monkeypatch, capsys, words, code, text):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    assert run([str(half) if word == "HALF" else word for word in words]) == code
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err
    assert set(tmp_path.iterdir()) == before


def test_inspect_reads_all_three_kinds(half, tmp_path, capsys):
    assert run(["convert", str(half), "-o", str(tmp_path / "h.blob"), "--keep-ir"]) == 0
    capsys.readouterr()
    picture = tmp_path / "h.svg"
    words = ["inspect", str(tmp_path / "h.blob"), "--stages", "--picture", str(picture)]
    assert run(words) == 0
    assert "Power" in capsys.readouterr().out
    assert picture.read_text().startswith("<svg")
    for name in ("h.xml", "half.onnx"):
        assert run(["inspect", str(tmp_path / name)]) == 0
        assert "operations" in capsys.readouterr().out


def test_diff_speaks_of_fields(half, tmp_path, capsys):
    for shaves in (4, 8):
        run(["convert", str(half), "--shaves", str(shaves), "-o", str(tmp_path / f"{shaves}.blob")])
    capsys.readouterr()
    a, b = str(tmp_path / "4.blob"), str(tmp_path / "8.blob")
    assert run(["diff", a, a]) == 0
    assert "no differences" in capsys.readouterr().out
    assert run(["diff", a, b]) == 3
    assert "number_of_shaves" in capsys.readouterr().out


def test_run_and_decompile_give_what_was_asked(half, tmp_path, capsys):
    run(["convert", str(half), "-o", str(tmp_path / "h.blob")])
    np.save(tmp_path / "x.npy", np.full((1, 3, 8, 8), 10, np.float32))
    for extra in ([], ["--reference"], ["--trace", str(tmp_path / "steps")]):
        out = tmp_path / "out"
        words = [
            "run",
            str(tmp_path / "h.blob"),
            "--input",
            str(tmp_path / "x.npy"),
            "-o",
            str(out),
        ]
        assert run([*words, *extra]) == 0
        with np.load(out / "result.npz") as archive:
            assert np.all(archive["half"] == 5)
    assert (tmp_path / "steps" / "trace.jsonl").read_text().count("\n") >= 1
    assert run(["decompile", str(tmp_path / "h.blob"), "-o", str(tmp_path / "back.xml")]) == 0
    again = tmp_path / "again.blob"
    assert run(["convert", str(tmp_path / "back.xml"), "-o", str(again)]) == 0
    capsys.readouterr()
    words = ["run", str(again), "--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "o2")]
    assert run(words) == 0
    with np.load(tmp_path / "o2" / "result.npz") as archive:
        assert np.all(archive["half"] == 5)


def test_check_lists_and_counts(half, capsys):
    assert run(["check", str(half)]) == 0
    assert "every layer has a place on the chip" in capsys.readouterr().out


def test_help_of_every_command(capsys):
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert "Usage: oakwright" in capsys.readouterr().out


def test_a_hit_imports_nothing_heavy(half, tmp_path):
    words = ["convert", str(half), "-o", str(tmp_path / "h.blob")]
    assert run(words) == 0
    code = (
        "import sys; from oakwright.cli.main import run; code = run(sys.argv[1:]);"
        " print({'openvino', 'numpy', 'torch', 'onnx', 'rich'} & set(sys.modules), code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set() 0"
    assert "from the cache" in done.stderr


def test_nothing_calls_home(half, tmp_path):
    """Every socket is refused and OpenVINO's telemetry package never loaded."""
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('a socket was opened')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "from oakwright.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "import openvino.tools.ovc\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "print(code)"
    )
    words = ["convert", str(half), "--no-cache", "-o", str(tmp_path / "h.blob")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["0"], done.stderr
