"""Docs that part from the code fail here."""

import importlib.util
import re
from pathlib import Path

import oakwright
from oakwright.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


def test_the_command_line_reference_is_what_the_commands_say():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wanted = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert module.reference() == wanted, "run: python docs/make_reference.py"


def test_every_command_and_public_name_is_documented():
    text = "\n".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    text += (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"oakwright {name}" in text, name
    for name in oakwright.__all__:
        if not name.endswith("Error") and name != "__version__":
            assert re.search(rf"\b{name}\b", text), name


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"


def test_every_error_is_drawn_in_the_tree_and_has_a_sentence():
    from oakwright import errors

    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.OakwrightError):
            assert name in errors.__doc__
            assert kind.__doc__


def test_no_path_of_this_machine_and_no_registry_is_named():
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if any(p.startswith(".") or p in ("demo-output", "bench-output") for p in parts):
            continue
        if path.suffix in (".py", ".md", ".toml", ".txt", ".toml") or path.name == "Makefile":
            text = path.read_text(errors="replace")
            hosts = "files.python" + "hosted", "pypi" + ".org", "registry.npm" + "js"
            assert not [host for host in hosts if host in text], path
