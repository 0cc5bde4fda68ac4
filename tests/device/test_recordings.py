"""Recording what the sensors give, and giving it again bit for bit."""

import json
import shutil

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.imu_readings import read_imu_table
from oakwright.device.sources import PictureSource
from oakwright.device.tape import Tape, read_recording
from oakwright.errors import SourceError, UsageError
from tests.device.scene_pipelines import stream


def pipeline_of_everything(fps=10):
    """Colour preview, both side cameras, and the IMU."""
    pipeline = dai.Pipeline()
    color, imu = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.IMU)
    color.setPreviewSize(96, 96)
    color.setFps(fps)
    stream(pipeline, color.preview, "color")
    for socket, name in ((1, "left"), (2, "right")):
        mono = pipeline.create(dai.node.MonoCamera)
        mono.setBoardSocket(dai.CameraBoardSocket(socket))
        mono.setFps(fps)
        stream(pipeline, mono.out, name)
    imu.enableIMUSensor([dai.IMUSensor.ACCELEROMETER_RAW, dai.IMUSensor.GYROSCOPE_RAW], 50)
    imu.setBatchReportThreshold(10)
    imu.setMaxBatchReports(10)
    stream(pipeline, imu.out, "imu")
    return pipeline


def run(frames=6, fps=10, names=("color", "left", "right", "imu"), **options):
    """Read every stream until the run ends; the camera, and the pixels of the colour stream."""
    seen = []
    options = {"deterministic": True, **options}
    with (
        VirtualOak(frames=frames, **options) as oak,
        dai.Device(pipeline_of_everything(fps)) as device,
    ):
        queues = {name: device.getOutputQueue(name) for name in names}
        while True:
            for name in names:
                message = queues[name].get()
                if name == "color":
                    seen.append((message.getSequenceNum(), message.getCvFrame().copy()))
    return oak, seen


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recording of the pattern, the run's digest."""
    folder = tmp_path_factory.mktemp("recordings") / "take"
    oak, seen = run(source="pattern", record=str(folder))
    return folder, oak.digest, seen


@pytest.fixture
def copy(recorded, tmp_path):
    return shutil.copytree(recorded[0], tmp_path / "copy")


def test_a_replay_is_the_recorded_run_bit_for_bit(recorded):
    folder, digest, seen = recorded
    for _ in range(2):
        oak, again = run(replay=str(folder))
        assert oak.digest == digest
        report = oak.report()["replay"]
        assert report["recorded_digest"] == digest
        assert (report["different"], report["first"]) == (0, None)
        assert report["same"] >= 3 * 5
        assert len(again) == len(seen)
        assert all(
            a == b and np.array_equal(p, q) for (a, p), (b, q) in zip(seen, again, strict=True)
        )
    assert run(source="pattern")[0].digest == digest


def test_the_recording_is_lossless_and_plays_elsewhere(recorded):
    folder = recorded[0]
    recording = read_recording(folder)
    assert [track.kind for track in recording.takes[0].tracks] == ["bgr", "grey", "grey"]
    from oakwright.device.boards import find_board
    from oakwright.device.sources import PatternSource, Shot

    source, board = PatternSource(), find_board("OAK-D")
    av = pytest.importorskip("av")
    for track in recording.takes[0].tracks:
        frames = recording.frames(track)
        assert [frame.number for frame in frames] == list(range(len(frames)))
        assert len(frames) >= 5
        form = "bgr24" if track.kind == "bgr" else "gray"
        # Another FFmpeg than the one that wrote it.
        with av.open(str(folder / track.segments[0].file)) as file:
            assert file.streams.video[0].codec_context.name == "ffv1"
            played = [picture.to_ndarray(format=form) for picture in file.decode(video=0)]
        assert len(played) == track.segments[0].pictures
        for frame, picture in zip(frames, played, strict=True):
            shot = Shot(board.camera(track.socket), frame.number, frame.time_s)
            assert np.array_equal(picture, source.frame(shot))


def test_the_calibration_is_one_that_depthai_reads(recorded):
    recording = read_recording(recorded[0])
    handler = dai.CalibrationHandler(str(recorded[0] / recording.takes[0].calibration))
    assert handler.getBaselineDistance() == pytest.approx(7.5)
    with VirtualOak(replay=str(recorded[0]), deterministic=True), dai.Device() as device:
        again = device.readCalibration()
        socket = dai.CameraBoardSocket.CAM_B
        assert again.getCameraIntrinsics(socket) == handler.getCameraIntrinsics(socket)
        assert device.getConnectedIMU() == "BNO086"


def test_a_camera_at_another_rate_sees_the_same_moments(recorded):
    _, seen = run(fps=5, frames=3, replay=str(recorded[0]))
    for number, pixels in seen[:3]:
        assert np.array_equal(pixels, recorded[2][number * 2][1])


def test_after_its_end_it_starts_again_or_ends_the_run(recorded):
    total = len(read_recording(recorded[0]).frames(read_recording(recorded[0]).takes[0].tracks[0]))
    _, seen = run(frames=total + 3, names=("color",), replay=str(recorded[0]))
    assert [number for number, _ in seen] == list(range(len(seen)))
    assert len(seen) >= total + 1
    for number in range(len(seen) - total):
        assert np.array_equal(seen[total + number][1], seen[number][1])
    oak, seen = run(frames=10**6, names=("color",), replay=str(recorded[0]), loops=False)
    assert len(seen) == total
    assert oak.report()["streams"]["color"]["arrived"] == total


@pytest.mark.real_time
def test_a_recording_in_real_time_is_given_again_at_its_own_moments(tmp_path):
    names = ("color", "left", "right")
    _, seen = run(frames=4, fps=20, names=names, record=str(tmp_path / "t"), deterministic=False)
    oak, again = run(frames=4, fps=20, names=names, replay=str(tmp_path / "t"))
    report = oak.report()["replay"]
    assert report["different"] == 0
    numbers = dict(again)
    for number, pixels in seen:
        if number in numbers:
            assert np.array_equal(numbers[number], pixels)
    recording = read_recording(tmp_path / "t")
    times = {f.number: f.time_s for f in recording.frames(recording.takes[0].tracks[0])}
    first = min(times)
    with (
        VirtualOak(replay=str(tmp_path / "t"), deterministic=True),
        dai.Device(pipeline_of_everything(20)) as device,
    ):
        queue, started = device.getOutputQueue("color"), None
        for _ in range(3):
            message = queue.get()
            moment = message.getTimestamp().total_seconds()
            number = message.getSequenceNum()
            if number not in times:  # a busy machine recorded less than this
                break
            started = moment - times[first] if started is None else started
            assert moment - started == pytest.approx(times[number], abs=2e-6)


def test_what_the_imu_read_is_given_again(tmp_path):
    table = tmp_path / "imu.csv"
    head = [f"{kind}_{axis}" for kind in ("accelerometer", "gyroscope") for axis in "xyz"]
    rows = np.random.default_rng(3).normal(size=(40, 6))
    lines = [",".join(str(v) for v in (n / 100, *row)) for n, row in enumerate(rows)]
    table.write_text("\n".join([",".join(["time_s", *head]), *lines]) + "\n")
    first, _ = run(imu=str(table), record=str(tmp_path / "t"))
    again, _ = run(replay=str(tmp_path / "t"))
    assert again.digest == first.digest
    assert run()[0].digest != first.digest
    recording = read_recording(tmp_path / "t")
    kept = read_imu_table(tmp_path / "t" / recording.takes[0].imu)
    # The first report is one tick, 20 ms, after the start.
    assert kept.read("gyroscope", 0.02) == pytest.approx(tuple(rows[2, 3:]))


def test_a_run_with_faults_is_given_again_with_them(tmp_path):
    from oakwright.device import recorded_facts

    faults = ("drop@40%", "slow@30ms")
    first, seen = run(record=str(tmp_path / "t"), faults=faults)
    assert [number for number, _ in seen] != list(range(len(seen)))
    settings = VirtualOak(replay=str(tmp_path / "t")).settings
    settings = settings.as_recorded(recorded_facts(tmp_path / "t"))
    assert (settings.faults, settings.deterministic, settings.frames) == (faults, True, 6)
    again, _ = run(replay=str(tmp_path / "t"), faults=settings.faults)
    assert again.digest == first.digest


def test_pictures_that_do_not_change_are_kept_once(tmp_path):
    still = np.random.default_rng(0).integers(0, 255, (50, 66, 3), dtype=np.uint8)
    run(source=still, record=str(tmp_path / "t"))
    recording = read_recording(tmp_path / "t")
    assert [t.segments[0].pictures for t in recording.takes[0].tracks] == [1, 1, 1]
    assert len(recording.frames(recording.takes[0].tracks[0])) >= 5


class Changing(PictureSource):
    """Another size with every frame, grey ones among them, odd sides too."""

    def __init__(self):
        self.given = {}

    def frame(self, shot):
        rng = np.random.default_rng(shot.number + 100 * shot.camera.socket)
        shape = (40 + shot.number % 3 * 7, 61, 3)[: 2 + shot.number % 2]
        return rng.integers(0, 255, shape, dtype=np.uint8)


def test_sizes_may_change_within_a_recording(tmp_path):
    oak, _ = run(source=Changing(), record=str(tmp_path / "t"))
    recording = read_recording(tmp_path / "t")
    assert len(recording.takes[0].tracks[0].segments) > 3
    again, _ = run(replay=str(tmp_path / "t"))
    assert again.digest == oak.digest


def test_depth_is_recorded_with_its_sixteen_bits(tmp_path):
    def see(**options):
        pipeline = dai.Pipeline()
        camera, tof = pipeline.create(dai.node.Camera), pipeline.create(dai.node.ToF)
        camera.setBoardSocket(dai.CameraBoardSocket.CAM_A)
        camera.raw.link(tof.input)
        stream(pipeline, tof.depth, "depth")
        with (
            VirtualOak(board="OAK-D-SR-POE", deterministic=True, frames=2, **options) as oak,
            dai.Device(pipeline) as device,
        ):
            queue = device.getOutputQueue("depth")
            while True:
                depth = queue.get().getFrame()
        return oak.digest, depth

    first = see(source="scene", record=str(tmp_path / "t"))
    again = see(replay=str(tmp_path / "t"))
    assert first[0] == again[0]
    assert first[1].max() > 1000
    kinds = [t.kind for t in read_recording(tmp_path / "t").takes[0].tracks]
    assert sorted(kinds) == ["depth", "grey"] or sorted(kinds) == ["bgr", "depth"]


def test_every_start_of_a_pipeline_is_a_take_of_its_own(tmp_path):
    def twice(**options):
        with VirtualOak(deterministic=True, **options) as oak:
            for _ in range(2):
                with dai.Device(pipeline_of_everything()) as device:
                    queue = device.getOutputQueue("color")
                    for _ in range(2):
                        queue.get()
        return oak

    first = twice(source="pattern", record=str(tmp_path / "t"))
    assert len(read_recording(tmp_path / "t").takes) == 2
    assert twice(replay=str(tmp_path / "t")).digest == first.digest


def test_the_limit_ends_the_recording_and_it_can_be_replayed(tmp_path):
    run(source="pattern", record=str(tmp_path / "t"), record_limit=4_000_000, frames=10**6)
    recording = read_recording(tmp_path / "t")
    assert recording.settings["ended"] == "its limit of bytes"
    size = sum(path.stat().st_size for path in (tmp_path / "t").iterdir())
    assert 4_000_000 <= size < 60_000_000
    assert run(replay=str(tmp_path / "t"), frames=2)[1][0][0] == 0


def test_where_nothing_was_seen_nothing_is_left(tmp_path):
    with VirtualOak(record=str(tmp_path / "t")), dai.Device():
        pass
    assert not list(tmp_path.iterdir())


def test_an_error_in_the_run_leaves_a_finished_recording(tmp_path):
    def break_down():
        with (
            VirtualOak(record=str(tmp_path / "t"), deterministic=True),
            dai.Device(pipeline_of_everything()) as device,
        ):
            device.getOutputQueue("color").get()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_down()
    assert read_recording(tmp_path / "t").takes
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_folder_that_is_taken_is_refused(tmp_path, recorded):
    with pytest.raises(UsageError, match="there is something in"), VirtualOak(record=recorded[0]):
        pass
    (tmp_path / "new.partial").mkdir()
    with pytest.raises(UsageError, match="was broken off"):
        Tape(tmp_path / "new")
    with pytest.raises(UsageError, match="cannot be recorded"):
        VirtualOak(record="a", replay="b")


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def cut(path, _):
    path.write_bytes(path.read_bytes()[:-10])


def drop(path, _):
    path.unlink()


@pytest.mark.parametrize("harm", [flip, cut, drop])
@pytest.mark.parametrize(
    "name", ["0-CAM_A-0.mkv", "0-CAM_B.csv", "0-imu.csv", "messages.csv", "0-calibration.json"]
)
def test_what_is_damaged_is_named_once(copy, name, harm):
    harm(copy / name, 100)
    with pytest.raises(SourceError, match=name) as caught, VirtualOak(replay=str(copy)):
        pass
    assert "damaged or was changed" in caught.value.remedy


def change(folder, edit, *, sign):
    from oakwright.device.tape import recording

    path = folder / "recording.json"
    said = json.loads(path.read_text())
    edit(said)
    if sign:
        for name, facts in said["files"].items():
            if (folder / name).is_file():
                facts["bytes"] = (folder / name).stat().st_size
                facts["blake2b"] = recording.hash_of(folder / name)
        said["checksum"] = recording._checksum(said)
    path.write_text(json.dumps(said))


def set_in(*keys_and_value):
    *keys, last, value = keys_and_value

    def edit(said):
        for key in keys:
            said = said[key]
        said[last] = value

    return edit


def test_a_changed_manifest_is_noticed(copy):
    change(copy, set_in("takes", 0, "device", "x"), sign=False)
    with pytest.raises(SourceError, match=r"recording\.json: it was changed"):
        read_recording(copy)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (set_in("version", 9), "version 9, which this oakwright does not know"),
        (set_in("takes", []), "lacks something"),
        (set_in("takes", 0, "tracks", 0, "kind", "x"), "lacks something"),
        (set_in("takes", 0, "tracks", 0, "table", "../x.csv"), "lacks something"),
        (set_in("files", "../x", {"bytes": 1, "blake2b": ""}), "lacks something"),
        (set_in("takes", 0, "tracks", 0, "segments", 0, "width", -1), "lacks something"),
        (set_in("takes", 0, "board", "cameras", 0, "socket", "CAM_Z"), "is none of CAM_A"),
        (set_in("takes", 0, "tracks", 0, "segments", 0, "pictures", 1), "names picture 1 of 1"),
        (set_in("takes", 0, "tracks", 0, "segments", 0, "width", 10), "picture 0 cannot be read"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused_even_if_signed(copy, edit, words):
    change(copy, edit, sign=True)
    with pytest.raises(SourceError, match=words):
        run(replay=str(copy), names=("color",), frames=1)


def test_a_signed_recording_of_other_pixels_is_refused_at_the_frame(copy):
    path = copy / "0-CAM_A-0.mkv"
    reader = cv2.VideoCapture(str(path))
    size = [round(reader.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    count = round(reader.get(cv2.CAP_PROP_FRAME_COUNT))
    reader.release()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30, size)
    for _ in range(count):
        writer.write(np.zeros((size[1], size[0], 3), np.uint8))
    writer.release()
    change(copy, lambda said: None, sign=True)
    with pytest.raises(SourceError, match="frame 0 is not what was recorded"):
        run(replay=str(copy), names=("color",), frames=1)


def test_a_camera_that_was_not_recorded_is_named(tmp_path):
    pipeline = dai.Pipeline()
    stream(pipeline, pipeline.create(dai.node.ColorCamera).preview, "color")
    with (
        VirtualOak(record=str(tmp_path / "t"), deterministic=True, frames=1),
        dai.Device(pipeline) as device,
    ):
        while True:
            device.getOutputQueue("color").get()
    with pytest.raises(SourceError, match="has nothing of CAM_B; it has CAM_A"):
        run(replay=str(tmp_path / "t"), names=("left",))
