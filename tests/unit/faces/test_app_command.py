"""``oakwright app``: what it prints, and that it ends with a message and a code."""

import pytest

from oakwright.apps import scaffold
from oakwright.cli.main import run


def test_templates_are_listed(capsys):
    assert run(["app", "list"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name} " in out for name in scaffold.TEMPLATES)


def test_a_new_application_with_samples_and_with_its_own_detector(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["app", "new", "first"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:4] == [f"first/{n}" for n in ("detector.blob", "main.py", "test_main.py",
                                             "README.md")]  # fmt: skip
    own = "first/detector.blob"
    arguments = ["--detector", own, "--labels", "background, cat", "--color", "RGB"]
    assert run(["app", "new", "second", *arguments, "--confidence", "0.4"]) == 0
    main = (tmp_path / "second" / "main.py").read_text()
    assert 'LABELS = ("background", "cat")' in main
    assert "ColorOrder.RGB" in main
    assert "setConfidenceThreshold(0.4)" in main


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["there"], 2, "is there already, and nothing is overwritten"),
        (["not a name"], 2, "is no name for an application"),
        (["new", "--detector", "none.blob"], 1, "there is no blob none.blob"),
        (["new", "--detector", "there/junk.blob"], 1, "junk.blob is no blob"),
        (["new", "--template", "none"], 2, "'none' is not one of"),
        (["new", "--names", "a,b"], 2, "without a recogniser"),
        (["new", "--network", "none.blob"], 1, "there is no blob none.blob"),
    ],
)
def test_mistakes_are_one_message(tmp_path, capsys, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "junk.blob").write_bytes(b"junk" * 200)
    assert run(["app", "new", *arguments]) == code
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
