"""Boards: the table's, and those of files."""

import math

import depthai as dai
import pytest
import yaml

from oakwright.device.board_file import board_facts, board_of, read_board
from oakwright.device.boards import BOARDS, calibration, find_board
from oakwright.errors import UsageError

OWN = """
name: MY-OAK
imu: BMI270
dots: true
baseline_cm: 9
cameras:
  - {socket: CAM_A, name: color, sensor: IMX378}
  - {socket: CAM_B, name: left, sensor: wide}
  - {socket: CAM_C, name: right, sensor: wide, x_cm: 5}
sensors:
  wide:
    name: OV9782
    width: 1280
    height: 800
    view_deg: 110
    color: true
    lens_position: 12
    modes: [{width: 1280, height: 800, fps: 120}]
"""


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_is_calibrated_as_depthai_reads_it(name):
    board = find_board(name.lower())
    handler = calibration(board)
    for camera in board.cameras:
        socket, sensor = dai.CameraBoardSocket(camera.socket), camera.sensor
        assert handler.getFov(socket) == pytest.approx(sensor.horizontal_view_deg, abs=0.01)
        matrix = handler.getCameraIntrinsics(socket, sensor.width, sensor.height)
        view = 2 * math.degrees(math.atan(sensor.width / 2 / matrix[0][0]))
        assert view == pytest.approx(sensor.horizontal_view_deg, abs=0.01)
        assert handler.getLensPosition(socket) == (130 if sensor.has_autofocus else 0)
    left, right = board.named("left"), board.named("right")
    if left and right:
        sockets = [dai.CameraBoardSocket(c.socket) for c in (right, left)]
        assert handler.getBaselineDistance(*sockets) == pytest.approx(right.x_cm - left.x_cm)
    assert handler.eepromToJson()["productName"] == board.product


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_survives_the_way_to_plain_values_and_back(name):
    text = yaml.safe_dump(board_facts(BOARDS[name]))
    assert board_of(yaml.safe_load(text), "here") == BOARDS[name]


def test_a_file_describes_a_board(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(OWN)
    board = find_board(str(path))
    assert board == read_board(path)
    color, left, right = board.cameras
    assert (board.product, board.imu, board.has_imu, board.has_dots) == (
        "MY-OAK",
        "BMI270",
        True,
        True,
    )
    assert color.sensor == find_board("OAK-1").cameras[0].sensor
    assert (left.x_cm, right.x_cm, left.socket) == (-4.5, 5.0, 1)
    assert left.sensor.is_color
    handler = calibration(board)
    sockets = dai.CameraBoardSocket.CAM_C, dai.CameraBoardSocket.CAM_B
    assert handler.getBaselineDistance(*sockets) == pytest.approx(9.5)
    assert handler.getLensPosition(sockets[0]) == 12


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: MY-OAK", "nam: MY-OAK", "nam: no such key"),
        ("name: MY-OAK", "name: [1]", "name: .* is no name"),
        ("name: MY-OAK\n", "\n", "name: is missing"),
        ("CAM_A", "CAM_Z", r"cameras\[0\].socket: 'CAM_Z' is none of CAM_A to CAM_H"),
        ("CAM_A", "CAM_B", r"cameras\[1\].socket: CAM_B is there already"),
        ("name: color", "name: left", r"cameras\[1\].name: left is there already"),
        ("IMX378", "IMX1", r"cameras\[0\].sensor: 'IMX1' is described nowhere"),
        ("x_cm: 5", "x_cm: far", r"cameras\[2\].x_cm: 'far' is no number"),
        ("x_cm: 5", "x_cm: .nan", r"cameras\[2\].x_cm: nan is no number"),
        ("width: 1280\n", "width: 1e9\n", "sensors.wide.width: .* is no whole number"),
        ("width: 1280\n", "width: 12.5\n", "sensors.wide.width: 12.5 is no whole number"),
        ("view_deg: 110", "view_deg: 200", "sensors.wide.view_deg: 200 is no number of 1 to 170"),
        ("fps: 120", "fps: 0", r"sensors.wide.modes\[0\].fps: 0 is no number"),
        ("{width: 1280, h", "{width: 4000, h", r"sensors.wide.modes\[0\].width: 4000"),
        ("color: true", "color: 1", "sensors.wide.color: 1 is neither true nor false"),
        ("baseline_cm: 9", "baseline_cm: true", "baseline_cm: True is no number"),
        ("imu: BMI270", "imu: [", "is no YAML"),
        ("sensors:\n", "sensors: 3\nother:\n", "no such key"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path, old, new, words):
    path = tmp_path / "my.yaml"
    assert old in OWN
    path.write_text(OWN.replace(old, new, 1))
    with pytest.raises(UsageError, match=words) as caught:
        read_board(path)
    assert "my.yaml" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "3", "- a", "cameras: []\nname: a", "a" * (1 << 21)])
def test_other_files_are_no_boards(tmp_path, text):
    path = tmp_path / "my.yml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"my\.yml"):
        find_board(str(path))


def test_a_file_that_stands_for_more_than_memory_holds(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 25)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join([*lines, "name: *a24"]))
    with pytest.raises(UsageError, match="a0: no such key"):
        read_board(path)
    path.write_text("sensors:\n  " + "\n  ".join(lines) + "\nname: *a24\ncameras: [*a24]\n")
    with pytest.raises(UsageError, match="is no mapping"):
        read_board(path)


def test_a_board_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"none\.yaml cannot be read"):
        find_board(str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="'OAK-9' is no board") as caught:
        find_board("OAK-9")
    assert "OAK-D-PRO" in caught.value.remedy


def test_the_command_lists_boards_and_prints_one_as_a_file(tmp_path):
    from click.testing import CliRunner

    from oakwright.cli.device import device_group

    listed = CliRunner().invoke(device_group, ["boards"], standalone_mode=False)
    assert all(f"{name}: " in listed.output for name in BOARDS)
    assert "  CAM_B left: OV7251, 73 degrees, 640x400 at 117, 640x480 at 99" in listed.output
    printed = CliRunner().invoke(device_group, ["boards", "--file", "oak-d-pro"])
    path = tmp_path / "own.yaml"
    path.write_text(printed.output)
    assert read_board(path) == BOARDS["OAK-D-PRO"]
