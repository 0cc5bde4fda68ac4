"""``oakwright device record`` and ``run --replay``: a script's run, and a camera by itself."""

import re

import cv2
import depthai as dai
import numpy as np
import pytest
from click.testing import CliRunner

from oakwright.cli.device import device_group
from oakwright.device import VirtualOak, record_camera
from oakwright.device.tape import read_recording
from oakwright.errors import DeviceError, OakwrightError
from tests.device.scene_pipelines import stream

# Scripts run in processes of their own.
pytestmark = pytest.mark.real_time

SCRIPT = """
import sys
import depthai as dai
pipeline = dai.Pipeline()
camera, link = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.XLinkOut)
camera.setPreviewSize(64, 64)
link.setStreamName("rgb")
camera.preview.link(link.input)
with dai.Device(pipeline) as device:
    queue = device.getOutputQueue("rgb")
    for _ in range(int(sys.argv[1])):
        queue.get()
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)

    def call(*words):
        done = CliRunner().invoke(device_group, [str(w) for w in words], standalone_mode=False)
        if isinstance(done.exception, OakwrightError):
            return 1, f"{done.exception.message} {done.exception.remedy}"
        assert done.exception is None, done.output
        return done.return_value, done.output

    return call


def test_a_scripts_run_is_recorded_and_replayed_by_command(command, tmp_path):
    code, text = command("record", "--deterministic", "--out", "take", "script.py", "4")
    assert (code, text) == (0, "recorded: take\n")
    code, text = command("run", "--replay", "take", "script.py", "4")
    assert (code, text) == (0, "replay: what the script took is the recorded run's, bit for bit\n")
    code, text = command("run", "--replay", "take", "script.py", "2")
    assert code == 0
    assert re.match(r"replay: [2-4] messages as recorded, 0 other, 0 more, \d did not come", text)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["script.py", "take"]


def test_what_cannot_be_is_said_in_one_line(command, tmp_path):
    (tmp_path / "blind.py").write_text("import depthai\ndepthai.Device().close()\n")
    code, text = command("record", "--out", "take", "blind.py")
    assert (code, text) == (
        1,
        "error: nothing was recorded: no camera of the script gave a frame\n",
    )
    code, text = command("run", "--replay", "take", "script.py", "1")
    assert code == 1
    assert "there is no recording in take" in text
    code, text = command("run", "--replay", "take", "--board", "OAK-1", "script.py", "1")
    assert (code, "--replay and --board exclude each other" in text) == (1, True)
    code, text = command("record", "--out", "script.py", "script.py", "1")
    assert (code, "there is something in" in text) == (1, True)
    code, text = command("record", "--auto", "--out", "take", "script.py", "1")
    assert (code, "leave the script out" in text) == (1, True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blind.py", "script.py"]


def test_a_run_that_is_killed_leaves_no_part_of_a_recording(command, tmp_path):
    end = "        queue.get()\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    (tmp_path / "killed.py").write_text(SCRIPT.replace("        queue.get()\n", end))
    code, text = command("record", "--deterministic", "--out", "take", "killed.py", "1")
    assert (code, "SIGKILL" in text) == (137, True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["killed.py", "script.py"]


def test_a_camera_is_recorded_over_its_link_and_given_again(tmp_path):
    """The virtual camera stands for a real one: only what the host gets is used."""
    shown = np.random.default_rng(1).integers(0, 255, (20, 32, 3), dtype=np.uint8)
    shown = cv2.resize(shown, (1280, 800), interpolation=cv2.INTER_CUBIC)
    with VirtualOak(source=shown, deterministic=True):
        found = record_camera(tmp_path / "take", seconds=0.35, fps=10)
    assert found.left_out == ()
    recording = read_recording(tmp_path / "take")
    take = recording.takes[0]
    assert found.frames == sum(len(recording.frames(track)) for track in take.tracks)
    kinds = {track.socket: track.kind for track in take.tracks}
    assert kinds == {0: "i420", 1: "grey", 2: "grey"}
    assert take.board.product == "OAK-D"

    pipeline = dai.Pipeline()
    color, mono = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.MonoCamera)
    color.setIspScale(1, 2)
    mono.setBoardSocket(dai.CameraBoardSocket.CAM_B)
    mono.setResolution(dai.MonoCameraProperties.SensorResolution.THE_800_P)
    for node in (color, mono):
        node.setFps(10)
    imu = pipeline.create(dai.node.IMU)
    imu.enableIMUSensor(dai.IMUSensor.ACCELEROMETER_RAW, 100)
    for name, output in (("color", color.isp), ("mono", mono.out), ("imu", imu.out)):
        stream(pipeline, output, name)

    def see(**options):
        with VirtualOak(deterministic=True, **options), dai.Device(pipeline) as device:
            queues = [device.getOutputQueue(name) for name in ("color", "mono", "imu")]
            return [queue.get() for queue in queues]

    first, again = see(source=shown), see(replay=str(tmp_path / "take"))
    assert np.array_equal(again[1].getCvFrame(), first[1].getCvFrame())
    assert cv2.PSNR(again[0].getCvFrame(), first[0].getCvFrame()) > 35
    packet = again[2].packets[0].acceleroMeter
    assert (packet.x, packet.z) == (0, 0)
    assert packet.y == pytest.approx(-9.80665, abs=1e-5)


def test_a_camera_without_usual_sensors_is_named(tmp_path):
    board = tmp_path / "warm.yaml"
    board.write_text("name: WARM\ncameras: [{socket: CAM_A, name: thermal, sensor: tiny1c}]\n")
    with (
        pytest.raises(DeviceError, match="WARM has no colour or grey camera"),
        VirtualOak(board=str(board)),
    ):
        record_camera(tmp_path / "take", seconds=1)
    assert [p.name for p in tmp_path.iterdir()] == ["warm.yaml"]


def test_a_board_nobody_knows_is_described_by_the_device_itself(tmp_path):
    from oakwright.device.board_file import read_board
    from oakwright.device.tape.live import board_of_device

    path = tmp_path / "own.yaml"
    path.write_text(
        "name: OWN\nimu: BMI270\nbaseline_cm: 9\ncameras:\n"
        "  - {socket: CAM_A, name: color, sensor: IMX214}\n"
        "  - {socket: CAM_B, name: left, sensor: OV7251}\n"
        "  - {socket: CAM_C, name: right, sensor: OV7251}\n"
    )
    with VirtualOak(board=str(path)), dai.Device() as device:
        found = board_of_device(device)
    wanted = read_board(path)
    assert [(c.socket, c.name, c.sensor.name) for c in found.cameras] == [
        (c.socket, c.name, c.sensor.name) for c in wanted.cameras
    ]
    for ours, theirs in zip(found.cameras, wanted.cameras, strict=True):
        assert ours.x_cm == pytest.approx(theirs.x_cm, abs=1e-4)
        view = theirs.sensor.horizontal_view_deg
        assert ours.sensor.horizontal_view_deg == pytest.approx(view, abs=1e-3)
        assert ours.sensor.modes == theirs.sensor.modes
    assert (found.has_imu, found.imu) == (True, "BMI270")
