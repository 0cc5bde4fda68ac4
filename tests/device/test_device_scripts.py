"""Scripts as they come: whatever they do ends with a message, and no process is left."""

import json
import os
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import cv2
import pytest

from oakwright.device import Settings, run_script
from oakwright.errors import UsageError

pytestmark = pytest.mark.real_time

START = """
import depthai as dai
pipeline = dai.Pipeline()
camera = pipeline.create(dai.node.ColorCamera)
camera.setPreviewSize(64, 64)
link = pipeline.create(dai.node.XLinkOut)
link.setStreamName("rgb")
camera.preview.link(link.input)
"""
READ = """
with dai.Device(pipeline) as device:
    queue = device.getOutputQueue("rgb", 4, False)
    while True:
        frame = queue.get()
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    # Other runs may be going on beside this one: ours are known by a mark of their own.
    mark = f"OAKWRIGHT_TEST={uuid.uuid4().hex}"
    monkeypatch.setenv(*mark.split("="))

    def run_it(body, *arguments, start=START, limit_s=30, out="", **options):
        path = tmp_path / "script.py"
        path.write_text(start + textwrap.dedent(body))
        settings = Settings(**{"deterministic": True, "seconds": 1.0} | options)
        result = run_script(path, list(arguments), settings, limit_s=limit_s, capture=True, out=out)
        assert not left_over(mark), "a process was left"
        return result

    return run_it


def left_over(mark):
    """Processes that carry the mark, in their environment or, if that was cleared, arguments."""
    value, found = mark.partition("=")[2].encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if value in text and entry.name != str(os.getpid()):
            found.append(text)
    return found


def test_what_is_left_over_is_seen():
    mark = uuid.uuid4().hex
    assert not left_over(f"OAKWRIGHT_TEST={mark}")
    by_environment = subprocess.Popen(["sleep", "60"], env={"OAKWRIGHT_TEST": mark})
    by_arguments = subprocess.Popen(["sh", "-c", "sleep 60; true", mark], env={})
    try:
        time.sleep(0.2)
        assert len(left_over(f"OAKWRIGHT_TEST={mark}")) == 2
    finally:
        by_environment.kill()
        by_arguments.kill()
        by_environment.wait()
        by_arguments.wait()


def test_a_script_that_runs_for_ever_is_interrupted_at_the_end_of_its_budget(run):
    result = run(READ)
    assert (result.outcome, result.code) == ("clean", 0)
    assert result.report["streams"]["rgb"]["taken"] == 30
    assert result.report["digest"]


def test_a_script_that_asks_for_keys_is_told_to_quit_and_its_windows_are_kept(run, tmp_path):
    result = run(
        """
        import cv2
        with dai.Device(pipeline) as device:
            queue = device.getOutputQueue("rgb", 4, False)
            while True:
                cv2.imshow("rgb", queue.get().getCvFrame())
                if cv2.waitKey(1) == ord('q'):
                    break
        print("quit by itself")
    """,
        out=tmp_path / "seen",
    )
    report = json.loads((tmp_path / "seen" / "report.json").read_text())
    assert report["outcome"] == "clean"
    assert cv2.imread(str(tmp_path / "seen" / "rgb.png")).shape == (64, 64, 3)
    assert cv2.VideoCapture(str(tmp_path / "seen" / "rgb.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) > 20
    assert "quit by itself" in result.report["output"]
    assert result.message == "the script came to its end"
    assert result.report["windows"]["rgb"]["shape"] == [64, 64, 3]


def test_arguments_and_main_are_as_python_gives_them(run):
    result = run(
        """
        import sys, os
        print(__name__, sys.argv[1:], os.path.basename(sys.argv[0]), os.path.basename(__file__))
        assert os.path.samefile(sys.path[0], os.path.dirname(os.path.abspath(__file__)))
        """,
        "--fps",
        "5",
    )
    assert result.is_clean, result.message
    assert "__main__ ['--fps', '5'] script.py script.py" in result.report["output"]


def test_a_crash_shows_the_scripts_own_lines(run):
    result = run(START + "\nwith dai.Device(pipeline) as device:\n    1 / 0\n")
    assert (result.outcome, result.code) == ("crash", 1)
    assert result.message == "ZeroDivisionError: division by zero"
    assert "script.py" in result.report["output"]
    assert "child.py" not in result.report["output"]


@pytest.mark.parametrize(
    ("body", "outcome", "code"),
    [("exit(0)", "clean", 0), ("exit(7)", "exit", 7), ("import sys; sys.exit('no')", "exit", 1)],
)
def test_an_exit_keeps_its_code(run, body, outcome, code):
    result = run("\n" + body + "\n")
    assert (result.outcome, result.code) == (outcome, code)


def test_waiting_for_what_never_comes_is_a_deadlock_with_names(run):
    result = run(
        """
        never = pipeline.create(dai.node.XLinkOut)
        never.setStreamName("never")
        entry = pipeline.create(dai.node.XLinkIn)
        entry.setStreamName("in")
        entry.out.link(never.input)
        with dai.Device(pipeline) as device:
            device.getOutputQueue("never").get()
    """,
        seconds=None,
    )
    assert (result.outcome, result.code) == ("error", 1)
    assert "host waits for a message in host queue 'never'" in result.message
    assert "XLinkIn(3) waits for a message in input stream 'in'" in result.message


def test_waiting_for_what_never_comes_in_real_time_ends_by_patience(run):
    result = run(
        """
        device = dai.Device(pipeline)
        device.getQueueEvents("rgb")
        device.getOutputQueue("rgb", 1, False)
        entry = dai.Pipeline()
        device.close()
        device = dai.Device()
        device.getQueueEvents()
        """,
        deterministic=False,
        seconds=None,
        patience_s=0.5,
    )
    assert result.outcome == "error"
    assert "never came" in result.message


def test_a_script_that_never_reads_its_queue_ends_with_its_budget(run):
    result = run("""
        import time
        with dai.Device(pipeline) as device:
            device.getOutputQueue("rgb")
            time.sleep(3600)
    """)
    assert result.outcome == "clean"
    assert (
        result.report["streams"]["rgb"] | {"arrived": 16, "taken": 0}
        == (result.report["streams"]["rgb"])
    )


def test_a_script_that_hangs_outside_the_camera_is_interrupted(run):
    result = run("while True:\n    pass\n", limit_s=1.0)
    assert result.outcome == "clean"
    assert "interrupted" in result.message


def test_a_script_that_will_not_be_interrupted_is_ended_and_its_place_named(run):
    result = run(
        """
        while True:
            try:
                while True:
                    pass
            except KeyboardInterrupt:
                pass
        """,
        limit_s=1.0,
    )
    assert (result.outcome, result.code) == ("hang", 124)
    assert "did not end after 1 s" in result.message
    assert "script.py" in result.message
    assert "host had the baton" in result.message


def test_a_death_by_signal_is_named(run):
    result = run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert (result.outcome, result.message) == ("killed", "the process was ended by SIGKILL")


def test_children_of_the_script_get_the_camera_too_and_do_not_outlive_it(run):
    child = START + "\nwith dai.Device(pipeline) as d:\n    print(d.getMxId(), 'in the child')\n"
    result = run(
        f"""
        import subprocess, sys
        subprocess.run([sys.executable, "-c", {child!r}], check=True)
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("the parent went first")
        """
    )
    assert result.is_clean, result.report["output"]
    assert "in the child" in result.report["output"]


def test_a_fork_gets_a_camera_of_its_own(run):
    result = run("""
        import multiprocessing
        def work():
            with dai.Device(pipeline) as device:
                print("forked", device.getOutputQueue("rgb").get().getWidth(), flush=True)
        with dai.Device(pipeline) as device:
            device.getOutputQueue("rgb").get()
            process = multiprocessing.get_context("fork").Process(target=work)
            process.start()
            process.join(20)
            print("code", process.exitcode)
    """)
    assert "forked 64" in result.report["output"], result.report["output"]
    assert "code 0" in result.report["output"]


def test_aliases_are_served(run):
    result = run(
        "import blobconverter\nprint(blobconverter.__name__)\n",
        aliases=(("blobconverter", "json"),),
    )
    assert "json" in result.report["output"]


SPINS = (
    START
    + """
spin = pipeline.create(dai.node.Script)
spin.setScript("while True:\\n    pass")
camera.preview.link(spin.inputs["in"])
"""
)


def test_a_node_that_only_computes_is_ended_with_its_device(run):
    result = run(
        """
        with dai.Device(pipeline) as device:
            device.getOutputQueue("rgb").get()
        print("closed")
        """,
        start=SPINS,
        deterministic=False,
    )
    assert (result.outcome, result.code) == ("clean", 0), result.report["output"]
    assert result.report["output"].endswith("closed\n")


def test_a_node_that_will_not_end_is_named_and_left_behind(run):
    result = run(
        """
        import threading, time
        from oakwright.device import scheduler, stand_in
        from oakwright.device.nodes.xlink import XLinkOut
        scheduler.JOIN_S, scheduler.BREAK_IN_S = 0.4, 0.1
        work = XLinkOut.step
        def step(self):
            work(self)
            time.sleep(5)
        XLinkOut.step = step
        with dai.Device(pipeline) as device:
            device.getOutputQueue("rgb").get()
        print("closed")
        """,
        deterministic=False,
        seconds=None,
    )
    assert (result.outcome, result.code) == ("clean", 0), result.report["output"]
    assert "[XLinkOut(1)] [error] did not end within" in result.report["output"]
    assert result.report["output"].endswith("closed\n")
    assert result.wall_s < 5


def test_threads_of_the_script_inside_opencv_do_not_abort_its_end(run):
    result = run(
        """
        import cv2, numpy, threading
        def work():
            picture = numpy.zeros((2000, 2000, 3), numpy.uint8)
            while True:
                cv2.GaussianBlur(picture, (31, 31), 9)
        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
        with dai.Device(pipeline) as device:
            device.getOutputQueue("rgb").get()
        """,
        deterministic=False,
        seconds=None,
    )
    assert (result.outcome, result.code) == ("clean", 0), result.report["output"]
    assert "terminate called" not in result.report["output"]


def test_no_script_is_a_usage_error():
    with pytest.raises(UsageError, match="there is no script"):
        run_script("nowhere.py")


def test_the_command_runs_a_script_and_gives_its_code(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(START + READ)
    command = [sys.executable, "-m", "oakwright", "device", "run", "--deterministic"]
    started = time.monotonic()
    done = subprocess.run(
        [*command, "--frames", "3", "--json", "--out", str(tmp_path / "seen"), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["streams"]["rgb"]["taken"] == 3
    assert report["outcome"] == "clean"
    assert "interrupted at the end of its run" in report["message"]
    assert report == json.loads((tmp_path / "seen" / "report.json").read_text())
    assert time.monotonic() - started < 20
