"""Where the engine is looked for, and how it is put there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from oakwright.compiler import ENGINE_WHEEL, engine_info, engine_path, install_engine, library
from oakwright.compiler.parts import LIBRARIES
from oakwright.errors import EngineNotFound, OutputError


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's wheel, from the index that pip is set up for."""
    folder = tmp_path_factory.mktemp("wheel")
    try:
        return library._fetch(folder, lambda text: None)
    except EngineNotFound as error:
        pytest.skip(f"the engine's wheel cannot be had here: {error.message}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of our own."""
    monkeypatch.delenv("OAKWRIGHT_ENGINE", raising=False)
    monkeypatch.delenv("OAKWRIGHT_OFFLINE", raising=False)
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def leftovers(home: Path) -> list[str]:
    folder = home / "engine"
    return [p.name for p in folder.iterdir() if p.name.startswith(".")] if folder.exists() else []


def test_only_what_compiles_is_unpacked(wheel: Path, home: Path):
    assert engine_path() is None
    folder = install_engine(wheel)
    assert folder == engine_path() == home / "engine" / ENGINE_WHEEL.sha256[:12]
    names = {path.name for path in folder.iterdir()}
    assert set(LIBRARIES) < names
    assert not [n for n in names if n.endswith(".mvcmd") or "cv2" in n or "CPU" in n or "MKL" in n]
    assert (folder / "plugins.xml").read_text().count("<plugin ") == 1
    assert any(name.startswith("LICENSE") for name in names)
    assert leftovers(home) == []
    assert not any(str(folder).startswith(entry) for entry in sys.path if entry)


def test_installing_again_changes_nothing(wheel: Path, home: Path):
    folder = install_engine(wheel)
    before = (folder / "libngraph.so").stat().st_mtime_ns
    assert install_engine(wheel) == folder
    assert (folder / "libngraph.so").stat().st_mtime_ns == before


def test_a_damaged_engine_is_replaced(wheel: Path, home: Path):
    folder = install_engine(wheel)
    (folder / "libngraph.so").write_bytes(b"half")
    assert engine_path() is None
    assert install_engine(wheel) == folder == engine_path()
    assert leftovers(home) == []


def test_several_may_install_at_once(wheel: Path, home: Path):
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(install_engine(wheel))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [engine_path()] * 4
    assert leftovers(home) == []


def test_another_file_is_refused(tmp_path: Path, home: Path):
    short = tmp_path / "short.whl"
    short.write_bytes(b"PK")
    with pytest.raises(EngineNotFound, match="not the engine's wheel") as caught:
        install_engine(short)
    assert "2 bytes" in caught.value.message
    with pytest.raises(EngineNotFound, match="cannot read"):
        install_engine(tmp_path / "absent.whl")
    assert engine_path() is None
    assert leftovers(home) == []


def test_a_wheel_with_one_changed_byte_is_refused(wheel: Path, tmp_path: Path, home: Path):
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / wheel.name
    changed.write_bytes(data)
    with pytest.raises(EngineNotFound, match=hashlib.sha256(data).hexdigest()):
        install_engine(changed)
    assert engine_path() is None


def test_a_full_or_read_only_place_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("OAKWRIGHT_HOME", str(blocked))
    with pytest.raises(OutputError, match="cannot put the compile engine") as caught:
        install_engine(tmp_path / "never-read.whl")
    assert "OAKWRIGHT_HOME" in caught.value.remedy


def test_offline_means_offline(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OAKWRIGHT_OFFLINE", "1")
    with pytest.raises(EngineNotFound, match="OAKWRIGHT_OFFLINE") as caught:
        library.require_engine()
    assert "oakwright engine install --wheel" in caught.value.remedy
    assert str(home) in caught.value.looked_in


def test_fetching_is_announced_with_its_size(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(subprocess, "run", _failing_pip("no matching distribution"))
    with pytest.raises(EngineNotFound, match="no matching distribution") as caught:
        library.require_engine()
    assert "41 MB" in capsys.readouterr().err
    assert "--wheel FILE" in caught.value.remedy
    assert leftovers(home) == []


def test_a_python_without_pip_says_so(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subprocess, "run", _failing_pip("/x/python: No module named pip"))
    with pytest.raises(EngineNotFound, match="this Python has no pip"):
        install_engine(progress=lambda text: None)


def _failing_pip(text: str):
    def run(command, **_options):
        return subprocess.CompletedProcess(command, 1, text.encode())

    return run


def test_a_named_folder_must_hold_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OAKWRIGHT_ENGINE", str(tmp_path))
    with pytest.raises(EngineNotFound, match=r"lacks .*libmyriadPlugin\.so"):
        engine_path()
    info = engine_info()
    assert (info["installed"], info["folder"]) == (False, str(tmp_path))
    assert "lacks" in info["problem"]


def test_a_named_folder_is_used(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    link = tmp_path / "engine"
    link.symlink_to(engine)
    monkeypatch.setenv("OAKWRIGHT_ENGINE", str(link))
    assert engine_path() == link
    assert engine_info()["installed"] is True


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"platform": "darwin"}, "Linux only, this is darwin"),
        ({"platform": "win32"}, "Linux only, this is win32"),
        ({"maxsize": 2**31 - 1}, "32-bit"),
    ],
)
def test_other_platforms_get_a_message(
    change: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in change.items():
        monkeypatch.setattr(sys, name, value)
    with pytest.raises(EngineNotFound, match=says) as caught:
        install_engine()
    assert "x86-64 Linux" in caught.value.remedy
    assert engine_info()["platform_ok"] is False


@pytest.mark.parametrize(
    ("libc", "says"), [("glibc 2.17", "needs glibc 2.27, this is 2.17"), ("", "musl")]
)
def test_other_c_libraries_get_a_message(libc: str, says: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "confstr", lambda name: libc)
    assert says in library.platform_problem()


def test_arm_gets_a_message(monkeypatch: pytest.MonkeyPatch):
    names = os.uname()
    other = os.uname_result((names.sysname, "host", names.release, names.version, "aarch64"))
    monkeypatch.setattr(os, "uname", lambda: other)
    assert "x86-64 only, this is aarch64" in library.platform_problem()


def test_the_room_imports_anywhere_and_lightly():
    code = (
        "import sys; sys.platform = 'win32'\n"
        "sys.modules['resource'] = None\n"  # as on Windows: importing it fails
        "import oakwright.compiler\n"
        "print(sorted({'numpy', 'openvino', 'torch', 'ctypes'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_without_an_environment_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch):
    from oakwright.files import home

    for name in ("OAKWRIGHT_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert home() == Path.home() / ".cache" / "oakwright"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert home() == Path("/elsewhere/oakwright")
    monkeypatch.setenv("OAKWRIGHT_HOME", "")  # as none; else things lie in the working folder
    assert home() == Path("/elsewhere/oakwright")
