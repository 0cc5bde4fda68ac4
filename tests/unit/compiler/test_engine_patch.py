"""What is changed in the engine's memory, and what happens where that is impossible."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from oakwright.compiler import CompileOptions, compile_ir, patch, process
from oakwright.errors import CompileError, EngineCrashed
from tests.unit.compiler.hand_written_ir import chain

ROOM = Path(process.__file__).parent
RELU = chain("ReLU")


def test_the_empty_library_answers_zero(tmp_path: Path):
    path = tmp_path / "libnothing.so"
    path.write_bytes(patch.empty_library("libnothing.so.7", ("first", "second", "a_third")))
    library = ctypes.CDLL(str(path))
    for name in ("first", "second", "a_third"):
        assert getattr(library, name)(1, 2, 3) == 0
    with pytest.raises(AttributeError):
        library.fourth  # noqa: B018 - looking it up is the test


def test_it_stands_in_for_the_soname(tmp_path: Path):
    # Loaded once by path, it is what everybody gets who asks for the SONAME.
    path = tmp_path / "any-file-name"
    path.write_bytes(patch.empty_library("liboakwright-test.so.1", ("only",)))
    with pytest.raises(OSError, match="liboakwright-test"):
        ctypes.CDLL("liboakwright-test.so.1")
    ctypes.CDLL(str(path))
    assert ctypes.CDLL("liboakwright-test.so.1").only() == 0


def test_the_stand_in_has_all_that_the_plugin_takes_from_libusb(engine: Path):
    plugin = (engine / "libmyriadPlugin.so").read_bytes()
    strings = {
        word.decode()
        for word in plugin.split(b"\0")
        if word.startswith(b"libusb_") and word[7:].replace(b"_", b"").isalpha()
    }
    assert strings == set(patch.LIBUSB_NAMES)


def test_one_library_is_redirected_and_no_other(engine: Path):
    code = (
        "import ctypes, sys, time; from oakwright.compiler import patch\n"
        "patch.blind(__import__('os').memfd_create('usb'))\n"
        "ctypes.CDLL(sys.argv[1] + '/libinference_engine_c_api.so')\n"
        "plugin = ctypes.CDLL(sys.argv[1] + '/libmyriadPlugin.so')\n"
        "slot, = patch.slots(plugin, 'clock_gettime')\n"
        "patch.skip_device_wait(plugin)\n"
        "Clock = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)\n"
        "clock, spec = Clock(patch._pointer(slot)), (ctypes.c_int64 * 2)()\n"
        "read = [(clock(1, spec), *spec) for _ in range(3)]\n"
        "a = time.monotonic(); b = time.monotonic()\n"
        "print(read == [(0, 0, 0), (0, 10, 0), (0, 20, 0)], b - a < 5)"
    )
    command = [sys.executable, "-c", code, str(engine)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "True True\n"


def test_a_function_that_is_not_called_cannot_be_redirected():
    with pytest.raises(patch.PatchImpossible, match="does not call no_such_function"):
        patch.redirect(ctypes.CDLL("libstdc++.so.6"), "no_such_function", 0)


@pytest.fixture
def refuse(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Let one function of the child's ``patch`` fail, as on a hardened kernel."""

    def let_fail(function: str) -> None:
        for name in ("worker.py", "parts.py", "patch.py"):
            shutil.copy(ROOM / name, tmp_path)
        with (tmp_path / "patch.py").open("a") as file:
            file.write(
                f"\ndef {function}(*_):\n    raise PatchImpossible('no executable memory')\n"
            )
        monkeypatch.setattr(process, "__file__", str(tmp_path / "process.py"))

    return let_fail


def test_a_wait_that_cannot_be_skipped_is_waited_for_and_said(
    refuse, caplog: pytest.LogCaptureFixture
):
    refuse("skip_device_wait")
    with pytest.raises(EngineCrashed) as caught:
        compile_ir(RELU.xml, RELU.weights, CompileOptions(timeout_s=1))
    assert caught.value.reason == "timeout"
    assert caplog.messages == [
        "the device wait cannot be skipped, 5 s per blob: no executable memory"
    ]


def test_texts_that_cannot_be_read_are_missed_and_said(refuse, caplog: pytest.LogCaptureFixture):
    refuse("record_throws")
    ir = chain("Sin")
    with pytest.raises(CompileError, match="gave up while compiling and did not say why"):
        compile_ir(ir.xml, ir.weights)
    assert caplog.messages == ["the engine's own error texts cannot be read: no executable memory"]
