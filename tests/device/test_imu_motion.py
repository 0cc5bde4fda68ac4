"""The IMU of a camera that is carried about, and one that reads a table."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.boards import find_board
from oakwright.device.imu_readings import KINDS, StillReadings, read_imu_table
from oakwright.device.scene import carried_by_hand, quaternion_of
from oakwright.device.sources import Shot, WalkSource, open_source
from oakwright.errors import PipelineError, SourceError, UsageError
from tests.device.scene_pipelines import stream

SENSORS = {
    "acceleroMeter": dai.IMUSensor.ACCELEROMETER_RAW,
    "gyroscope": dai.IMUSensor.GYROSCOPE_RAW,
    "magneticField": dai.IMUSensor.MAGNETOMETER_CALIBRATED,
    "rotationVector": dai.IMUSensor.ROTATION_VECTOR,
}


def read_imu(parts, seconds, rate=200, **options):
    """Times (s from the start) and values (N x 3 or 4) of each part, as the host gets them."""
    pipeline = dai.Pipeline()
    imu = pipeline.create(dai.node.IMU)
    for part in parts:
        imu.enableIMUSensor(SENSORS[part], rate)
    imu.setBatchReportThreshold(20)
    imu.setMaxBatchReports(20)
    stream(pipeline, imu.out, "imu")
    rows = {part: [] for part in parts}
    with VirtualOak(deterministic=True, **options), dai.Device(pipeline) as device:
        queue, started = device.getOutputQueue("imu"), None
        while len(rows[parts[0]]) < seconds * rate:
            for packet in queue.get().packets:
                for part in parts:
                    report = getattr(packet, part)
                    time_s = report.getTimestamp().total_seconds()
                    # The first report is one tick after the start.
                    started = time_s - 1 / rate if started is None else started
                    names = "ijk" if part == "rotationVector" else "xyz"
                    values = [getattr(report, name) for name in names]
                    if part == "rotationVector":
                        values.append(report.real)
                    rows[part].append([time_s - started, *values])
    return {part: (np.array(found)[:, 0], np.array(found)[:, 1:]) for part, found in rows.items()}


def turned(quaternion):
    """The matrix of i, j, k, real, by OpenCV's rotation vectors."""
    *axis, real = quaternion
    length = np.linalg.norm(axis)
    angle = 2 * np.arctan2(length, real)
    return cv2.Rodrigues(np.array(axis) / max(length, 1e-12) * angle)[0]


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_turning_and_acceleration_are_what_differences_say(seed):
    """The oracle is the path's places and turns alone, numerically derived."""
    path = carried_by_hand(seed)
    step = 1e-4
    for time_s in np.linspace(0, 20, 41):
        here = path.rotation(time_s)
        assert np.allclose(here @ here.T, np.eye(3), atol=1e-12)
        by_time = (path.rotation(time_s + step) - path.rotation(time_s - step)) / (2 * step)
        skew = here.T @ by_time
        rates = [skew[2, 1], skew[0, 2], skew[1, 0]]
        assert np.allclose(path.turning(time_s), rates, atol=1e-6)
        places = [path.position(time_s + n * step) for n in (-1, 0, 1)]
        second = (places[0] - 2 * places[1] + places[2]) / step**2
        assert np.allclose(path.acceleration(time_s), second, atol=1e-5)
        felt = here.T @ (second - [0, 9.80665, 0])
        assert np.allclose(path.felt(time_s), felt, atol=1e-5)
        assert np.allclose(turned(quaternion_of(here)), here, atol=1e-9)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -2, 0.5)])
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1.0, 3.1, np.pi])
def test_quaternions_of_any_rotation(axis, angle):
    wanted = cv2.Rodrigues(np.array(axis, float) / np.linalg.norm(axis) * angle)[0]
    found = quaternion_of(wanted)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-9)
    assert found[3] >= 0
    assert np.allclose(turned(found), wanted, atol=1e-6)


def test_what_the_gyroscope_says_adds_up_to_how_the_camera_is_turned():
    found = read_imu(["gyroscope", "rotationVector"], 3.0, source="walk:3")
    times, rates = found["gyroscope"]
    now = np.eye(3)
    before, last_s = carried_by_hand(3).turning(0.0), 0.0
    for time_s, rate in zip(times, rates, strict=True):
        now = now @ cv2.Rodrigues((before + rate) / 2 * (time_s - last_s))[0]
        before, last_s = rate, time_s
    wanted = turned(found["rotationVector"][1][-1])
    error = np.degrees(np.linalg.norm(cv2.Rodrigues(now.T @ wanted)[0]))
    assert error < 0.02
    assert np.degrees(np.linalg.norm(cv2.Rodrigues(wanted)[0])) > 2


def test_what_the_accelerometer_says_adds_up_to_where_the_camera_is():
    found = read_imu(["acceleroMeter", "rotationVector"], 2.0, source="walk")
    path = carried_by_hand(0)
    times, felt = found["acceleroMeter"]
    step = times[1] - times[0]
    speed = (path.position(1e-5) - path.position(-1e-5)) / 2e-5
    place, before = np.zeros(3), path.acceleration(0.0)
    for quaternion, value in zip(found["rotationVector"][1], felt, strict=True):
        pull = turned(quaternion) @ value + [0, 9.80665, 0]
        place = place + speed * step + before * step**2 / 2
        speed = speed + (before + pull) / 2 * step
        before = pull
    assert np.linalg.norm(place - path.position(times[-1])) < 0.002
    assert np.linalg.norm(place) > 0.02


def test_the_pictures_move_as_the_gyroscope_says():
    """OpenCV's corners, optical flow and five-point pose against the IMU, 0.4 s apart."""
    source = WalkSource(2)
    mounting = find_board("OAK-D").named("left")
    first_s, second_s = 1.0, 1.4
    shots = [Shot(mounting, n, t) for n, t in enumerate((first_s, second_s))]
    a, b = (source.frame(shot) for shot in shots)
    corners = cv2.goodFeaturesToTrack(a, 800, 0.005, 8)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(a, b, corners, None, winSize=(25, 25))
    back, again, _ = cv2.calcOpticalFlowPyrLK(b, a, moved, None, winSize=(25, 25))
    good = (found & again).ravel() > 0
    good &= np.linalg.norm(back - corners, axis=2).ravel() < 0.3
    matrix = source.model(shots[0]).matrix
    essential, inliers = cv2.findEssentialMat(
        corners[good], moved[good], matrix, method=cv2.RANSAC, prob=0.9999, threshold=0.7
    )
    _, seen, _, _ = cv2.recoverPose(essential, corners[good], moved[good], matrix, mask=inliers)
    # From the first camera's axes to the second's.
    times, rates = read_imu(["gyroscope"], 1.5, rate=400, source="walk:2")["gyroscope"]
    felt = np.eye(3)
    for time_s, rate in zip(times, rates, strict=True):
        if first_s < time_s <= second_s + 1e-9:
            felt = felt @ cv2.Rodrigues(rate * (times[1] - times[0]))[0]
    turn = np.degrees(np.linalg.norm(cv2.Rodrigues(felt)[0]))
    error = np.degrees(np.linalg.norm(cv2.Rodrigues(seen @ felt)[0]))
    assert turn > 1.0
    assert error < 0.35


def test_cameras_of_a_board_are_carried_together():
    source, board = WalkSource(0), find_board("OAK-D")
    models = {camera.name: source.model(Shot(camera, 0, 2.5)) for camera in board.cameras}
    apart = np.subtract(models["right"].position_m, models["left"].position_m)
    assert np.linalg.norm(apart) == pytest.approx(0.075)
    assert np.allclose(np.array(models["left"].rotation) @ apart, [0.075, 0, 0])
    # What a pixel shows lies where the truth of depth says, for both cameras.
    depth = source.depth(Shot(board.named("left"), 0, 2.5))
    assert 1000 < np.median(depth) < 8000


def test_a_still_scene_has_a_still_imu():
    found = read_imu(list(SENSORS), 0.2, source="scene")
    kinds = ("accelerometer", "gyroscope", "magnetic_field", "rotation")
    for part, kind in zip(SENSORS, kinds, strict=True):
        values = found[part][1]
        assert np.allclose(values, StillReadings().read(kind, 0.0), atol=1e-5)


WIDE = """time_s,accelerometer_x,accelerometer_y,accelerometer_z,gyroscope_x,gyroscope_y,gyroscope_z
0.00,1,2,3,0.1,0.2,0.3
0.01,4,5,6,,,
0.02,7,8,9,0.4,0.5,0.6
"""
LONG = """time_s,kind,x,y,z,real
0.0,gyroscope,1,2,3,
0.01,rotation,0,0,0,1
0.02,gyroscope,4,5,6,
"""


def test_a_table_of_either_form_is_read(tmp_path):
    path = tmp_path / "imu.csv"
    path.write_text(WIDE)
    table = read_imu_table(path, loops=False)
    assert sorted(table.kinds()) == ["accelerometer", "gyroscope"]
    assert table.read("accelerometer", 0.0) == (1, 2, 3)
    assert table.read("accelerometer", 0.0149) == (4, 5, 6)
    assert table.read("gyroscope", 0.0149) == (0.1, 0.2, 0.3)
    assert table.read("accelerometer", 99) == (7, 8, 9)
    assert read_imu_table(path).read("accelerometer", 0.03) == (1, 2, 3)
    assert read_imu_table(path).read("accelerometer", 0.041) == (4, 5, 6)
    path.write_text(LONG)
    table = read_imu_table(path)
    assert table.read("gyroscope", 0.0199999999) == (4, 5, 6)
    assert table.read("rotation", 0.0) == (0, 0, 0, 1)


def test_a_table_is_what_the_script_reads(tmp_path):
    path = tmp_path / "imu.csv"
    times = np.arange(0, 1, 0.005)
    rows = [f"{t},{np.sin(t)},{t},{-t}" for t in times]
    path.write_text("time_s,gyroscope_x,gyroscope_y,gyroscope_z\n" + "\n".join(rows) + "\n")
    found_s, values = read_imu(["gyroscope"], 0.5, source="pattern", imu=str(path))["gyroscope"]
    wanted = np.stack([np.sin(found_s), found_s, -found_s], axis=1)
    assert np.allclose(values, wanted, atol=2e-3)
    with pytest.raises(PipelineError, match="have no accelerometer, only gyroscope"):
        read_imu(["acceleroMeter"], 0.1, imu=str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must name the columns"),
        ("time_s,gyroscope_x\n0,1\n", "'gyroscope_y' is missing"),
        ("time_s,gyro_x\n0,1\n", "column 'gyro_x' is unknown"),
        (WIDE.replace("4,5,6", "4,five,6"), "line 3, column accelerometer_y: 'five' is no number"),
        (WIDE.replace("0.01,", "nan,"), "line 3, column time_s: 'nan' is no number"),
        (WIDE.replace("0.4,0.5", "0.4"), "line 4 has 6 values, not 7"),
        (WIDE.replace("0.02", "0.005"), "not in the order of time"),
        (WIDE.split("\n")[0], "there is no reading in it"),
        (LONG.replace("rotation", "rotatoin"), "line 3: 'rotatoin' is none of"),
        (LONG.replace("0,0,0,1", "0,0,0,"), "line 3, column real: '' is no number"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(tmp_path, text, words):
    path = tmp_path / "imu.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=words) as caught:
        read_imu_table(path)
    assert "imu.csv" in caught.value.message


def test_words_for_a_walk():
    assert isinstance(open_source("walk"), WalkSource)
    assert set(open_source("walk:4").imu.kinds()) == set(KINDS)
    with pytest.raises(UsageError, match="is no walk"):
        open_source("walk:far")
    with pytest.raises(SourceError, match=r"none\.csv cannot be read|cannot be read"):
        read_imu_table("none.csv")
