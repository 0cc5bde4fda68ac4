"""The child process: what kills it, and that it never outlives its purpose."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oakwright.compiler import CompileOptions, compile_ir, process
from oakwright.errors import EngineCrashed, EngineNotFound
from tests.unit.compiler.hand_written_ir import chain

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.real_time]

RELU = chain("ReLU")


def children_of(pid: int) -> set[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(word) for word in text.split()}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def crash(**options: object) -> EngineCrashed:
    before = children_of(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(EngineCrashed) as caught:
        compile_ir(RELU.xml, RELU.weights, CompileOptions(**options))  # type: ignore[arg-type]
    assert (children_of(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))) == before
    return caught.value


def test_a_compile_that_takes_too_long_is_killed():
    started = time.monotonic()
    error = crash(skip_device_wait=False, timeout_s=0.5)
    assert error.reason == "timeout"
    assert error.remedy
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGSEGV, "signal SIGSEGV"), (signal.SIGABRT, "signal SIGABRT"), (9, "memory")],
)
def test_a_crash_is_an_error_message(number: int, reason: str, monkeypatch: pytest.MonkeyPatch):
    give = process.Child.give_job

    def give_and_shoot(child: process.Child, network: list[int]) -> None:
        os.kill(child.process.pid, number)
        give(child, network)

    monkeypatch.setattr(process.Child, "give_job", give_and_shoot)
    assert crash().reason == reason


def test_a_memory_limit_holds():
    assert crash(memory_limit_mb=60).reason == "memory"


def test_a_generous_memory_limit_changes_nothing():
    limited = CompileOptions(memory_limit_mb=1024)
    assert compile_ir(RELU.xml, b"", limited) == compile_ir(RELU.xml, b"")


def test_a_blob_cut_short_is_noticed(monkeypatch: pytest.MonkeyPatch):
    content = process._content
    monkeypatch.setattr(process, "_content", lambda fd: content(fd)[:-1])
    assert crash().reason == "full disk"


def test_ctrl_c_leaves_nobody_behind(monkeypatch: pytest.MonkeyPatch):
    def interrupt(child: process.Child) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(process.Child, "listen", interrupt)
    before = children_of(os.getpid())
    with pytest.raises(KeyboardInterrupt):
        compile_ir(RELU.xml, RELU.weights)
    assert children_of(os.getpid()) == before


def test_the_child_dies_with_its_parent():
    code = (
        "import sys; from oakwright.compiler import *; compile_ir(sys.stdin.buffer.read(), b'',"
        " CompileOptions(skip_device_wait=False))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    assert parent.stdin is not None
    parent.stdin.write(RELU.xml)
    parent.stdin.close()
    deadline = time.monotonic() + 10
    while not (children := children_of(parent.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    assert len(children) == 1
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, children))


def test_the_child_sees_none_of_our_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    expected = compile_ir(RELU.xml, RELU.weights)
    decoy = tmp_path / "libngraph.so"
    decoy.write_text("not a library")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path}:/usr/lib")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NGRAPH_ENABLE_VISUALIZE_TRACING", "1")
    assert compile_ir(RELU.xml, RELU.weights) == expected


def test_no_python_to_run_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(EngineNotFound, match="no Python to run"):
        compile_ir(RELU.xml, RELU.weights)


def test_a_python_that_will_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(EngineCrashed, match="could not be started"):
        compile_ir(RELU.xml, RELU.weights)


def test_without_memory_files_the_bytes_are_the_same(monkeypatch: pytest.MonkeyPatch):
    expected = compile_ir(RELU.xml, RELU.weights)
    monkeypatch.delattr(os, "memfd_create")
    assert compile_ir(RELU.xml, RELU.weights) == expected


def test_nobody_elses_lock_holds_us_up():
    lock = Path("/tmp/mvnc.mutex")  # what every waiting engine on this machine stands in line for
    try:
        file = lock.open("ab")
    except OSError as error:
        pytest.skip(f"the lock file is another user's: {error}")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert compile_ir(RELU.xml, RELU.weights, CompileOptions(timeout_s=20))
