"""Scripts that mean no good: each ends with a word on why, and no process of it is left."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pytest

from oakwright.device import Settings, run_script

pytestmark = pytest.mark.real_time

START = """
import atexit, ctypes, depthai as dai, multiprocessing, os, signal, subprocess, sys
import threading, time
MARK = os.environ["OAKWRIGHT_TEST"]
pipeline = dai.Pipeline()
camera = pipeline.create(dai.node.ColorCamera)
camera.setPreviewSize(64, 64)
link = pipeline.create(dai.node.XLinkOut)
link.setStreamName("rgb")
camera.preview.link(link.input)
"""
OPEN = "\ndevice = dai.Device(pipeline)\nqueue = device.getOutputQueue('rgb')\nqueue.get()\n"
MODES = pytest.mark.parametrize("deterministic", [False, True], ids=["real", "deterministic"])


@pytest.fixture
def mark(monkeypatch):
    value = uuid.uuid4().hex
    monkeypatch.setenv("OAKWRIGHT_TEST", value)
    yield value
    assert not left_over(value), "a process was left"


def left_over(mark):
    """Processes with the mark in their environment or arguments, ours apart."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in text and entry.name != str(os.getpid()):
            found.append(text)
    return found


def write(folder, body, start=START + OPEN):
    path = folder / "script.py"
    path.write_text(start + textwrap.dedent(body))
    return path


@pytest.fixture
def run(tmp_path, mark):
    def run_it(body, *, start=START + OPEN, limit_s=8, **options):
        settings = Settings(**{"seconds": 0.5, "patience_s": 5.0} | options)
        return run_script(write(tmp_path, body, start), (), settings, limit_s=limit_s, capture=True)

    return run_it


@pytest.mark.parametrize(
    ("body", "outcome", "code", "message"),
    [
        ("os._exit(3)", "exit", 3, "the process ended itself with 3"),
        ("os.abort()", "killed", 134, "ended by SIGABRT"),
        ("ctypes.string_at(0)", "killed", 139, "ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", "killed", 143, "by SIGTERM"),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(99)", "killed", 137, "by SIGKILL"),
        ("sys.exit('no')", "exit", 1, "exited with no"),
        ("os.close(1); os.close(2); raise ValueError('unseen')", "crash", 1, "ValueError: unseen"),
        ("raise MemoryError", "crash", 1, "MemoryError"),
    ],
)
def test_every_way_to_die_is_named(run, body, outcome, code, message):
    result = run(body)
    assert (result.outcome, result.code) == (outcome, code), result
    assert message in result.message


@MODES
def test_daemons_do_not_outlive_the_script_even_with_nothing_in_their_environment(
    run, deterministic
):
    result = run(
        """
        subprocess.Popen(["sh", "-c", "sleep 600; true", MARK], start_new_session=True, env={})
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execve("/bin/sh", ["sh", "-c", "sleep 600; true", MARK], {})
            os._exit(0)
        os.wait()
        print("parent done")
        """,
        deterministic=deterministic,
    )
    assert result.is_clean, result
    assert result.report["output"].endswith("parent done\n")


@MODES
def test_a_forked_child_that_uses_its_parents_queue_is_told(run, deterministic):
    result = run(
        """
        pid = os.fork()
        if pid == 0:
            try:
                queue.get()
            except RuntimeError as error:
                print("child:", error, flush=True)
            with dai.Device(pipeline) as own:
                print("its own:", own.getOutputQueue("rgb").get().getWidth(), flush=True)
            os._exit(0)
        print("parent", queue.get().getWidth(), os.waitpid(pid, 0)[1])
        """,
        deterministic=deterministic,
        seconds=None,
    )
    output = result.report["output"]
    assert "child: Communication exception" in output, output
    assert "X_LINK_ERROR" in output
    assert "its own: 64" in output
    assert "parent 64 0" in output


def test_a_pool_of_processes_has_a_camera_each(run):
    result = run(
        """
        def work(n):
            with dai.Device(pipeline) as device:
                return device.getOutputQueue("rgb").get().getWidth() + n
        if __name__ == "__main__":
            for way in ("fork", "spawn"):
                with multiprocessing.get_context(way).Pool(2) as pool:
                    print(way, pool.map(work, [1, 2]))
        """,
        start=START,
        seconds=None,
        limit_s=40,
    )
    assert result.is_clean, result
    assert "fork [65, 66]" in result.report["output"]
    assert "spawn [65, 66]" in result.report["output"]


@MODES
def test_a_child_process_that_reads_for_ever_ends_with_the_run_and_without_a_traceback(
    run, deterministic
):
    child = START + OPEN + "while True: queue.get()"
    result = run(
        f"print('code', subprocess.run([sys.executable, '-c', {child!r}]).returncode)",
        start=START,
        deterministic=deterministic,
        limit_s=30,
    )
    assert result.report["output"].endswith("code 0\n"), result.report["output"]
    assert "Traceback" not in result.report["output"]


@pytest.mark.parametrize(
    ("body", "deterministic"),
    [
        ("signal.pause()", False),
        ("lock = threading.Lock(); lock.acquire(); lock.acquire()", True),
        ("subprocess.run(['sleep', '600'])", True),
        ("time.sleep(1e9)", False),
    ],
)
def test_what_hangs_is_interrupted_and_its_line_named(run, body, deterministic):
    result = run(body, deterministic=deterministic, seconds=3.0, limit_s=4)
    assert (result.outcome, result.code) == ("clean", 0), result
    line = (START + OPEN).count("\n") + 1
    assert f"interrupted at the end of its run, in line {line} of script.py" in result.message


@MODES
def test_a_script_that_catches_everything_is_ended(run, deterministic):
    # Twice, because Python may deliver an interrupt at a loop's jump back, outside its ``try``.
    body = """
        while True:
            try:
                while True:
                    try: queue.get()
                    except: pass
            except: pass
    """
    result = run(body, deterministic=deterministic, limit_s=2)
    assert (result.outcome, result.code) == ("hang", 124)
    assert "the script did not end after 2 s, in line" in result.message
    assert "of script.py" in result.message


def test_a_pool_that_holds_a_deterministic_run_up_is_named_without_any_limit(run):
    result = run(
        """
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(1) as pool:
                pool.map(abs, [1, 2])
        """,
        deterministic=True,
        patience_s=2.0,
        limit_s=None,
    )
    if result.outcome != "clean":
        assert result.outcome == "hang"
        assert "has not given way for 2 s" in result.message


def test_a_node_that_holds_a_deterministic_run_up_is_named_without_any_limit(run):
    spins = START + (
        'spin = pipeline.create(dai.node.Script)\nspin.setScript("while True: pass")\n'
    )
    result = run("", start=spins + OPEN, deterministic=True, patience_s=1.0, limit_s=None)
    assert result.outcome == "hang"
    assert "Script(2) has not given way for 1 s" in result.message


def test_what_the_script_leaves_running_is_ended_and_told(run):
    result = run("atexit.register(time.sleep, 1e6)", limit_s=2)
    assert (result.outcome, result.code) == ("clean", 0)
    assert result.message == "the script came to its end; what it left running was ended"


def start(folder, body, mark, *options):
    process = subprocess.Popen(
        [sys.executable, "-m", "oakwright", "device", "run", *options, write(folder, body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n", process.communicate()
    return process


@pytest.mark.parametrize(
    ("number", "code", "words", "deterministic"),
    [
        (signal.SIGINT, 130, "interrupted: the script was interrupted, in line", False),
        (signal.SIGINT, 130, "interrupted: the script was interrupted, in line", True),
        (signal.SIGTERM, 143, "killed: the run was ended by SIGTERM", True),
        (signal.SIGHUP, 129, "killed: the run was ended by SIGHUP", False),
    ],
)
def test_a_signal_to_the_runner_ends_script_and_children(
    tmp_path, mark, number, code, words, deterministic
):
    body = """
        subprocess.Popen(["sh", "-c", "sleep 600; true", MARK], env={})
        print("ready", flush=True)
        while True: queue.get()
    """
    mode = ["--deterministic"] if deterministic else []
    process = start(tmp_path, body, mark, *mode)
    os.kill(process.pid, number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code, error
    assert words in error
    assert "Traceback" not in error


def test_the_third_interrupt_ends_what_ignores_the_first(tmp_path, mark):
    body = """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("ready", flush=True)
        while True: queue.get()
    """
    process = start(tmp_path, body, mark)
    for _ in range(3):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.5)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "killed: the run was ended by SIGINT" in error


def test_nothing_is_left_when_the_runner_itself_is_killed(tmp_path, mark):
    body = """
        subprocess.Popen(["sh", "-c", "sleep 600; true", MARK], env={}, start_new_session=True)
        print("ready", flush=True)
        while True: queue.get()
    """
    process = start(tmp_path, body, mark)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while left_over(mark) and time.monotonic() < deadline:
        time.sleep(0.1)


@MODES
def test_the_scripts_threads_say_nothing_at_the_end_of_the_run(run, deterministic):
    result = run(
        """
        def monitor():
            while not threading.Event().wait(10):
                pass
        def fail():
            raise ValueError("mine")
        for name in ("monitor", "fail"):
            threading.Thread(target=globals()[name], name=name, daemon=True).start()
        while True:
            time.sleep(0.01)
        """,
        deterministic=deterministic,
    )
    assert result.is_clean, result
    # What a thread of its own raises is told as ever.
    assert "ValueError: mine" in result.report["output"]
    assert result.report["output"].count("Exception in thread") == 1
