"""Several virtual cameras at once: found, opened by id, refused where they are open."""

import threading

import depthai as dai
import pytest

from oakwright.device import CameraSpec, Settings, VirtualOak
from oakwright.errors import UsageError
from tests.device.scene_pipelines import stream

STATES = dai.XLinkDeviceState
IDS = ("184430105119CE0F00", "19443010D13EAB2E00")


def rgb_pipeline(size=64):
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(size, size)
    stream(pipeline, camera.preview, "rgb")
    return pipeline


def cameras(*texts):
    return CameraSpec.several(texts, None, CameraSpec())


def two(**options):
    chosen = cameras(f"board=OAK-1,id={IDS[0]}", f"board=OAK-D-LITE,source=scene:2,id={IDS[1]}")
    return VirtualOak(cameras=chosen, deterministic=True, **options)


def test_discovery_tells_open_cameras_from_free_ones():
    with two():
        infos = dai.Device.getAllAvailableDevices()
        assert [info.mxid for info in infos] == list(IDS)
        assert len({info.name for info in infos}) == 2
        assert {info.state for info in infos} == {STATES.X_LINK_UNBOOTED}
        with dai.Device(infos[1]) as device:
            assert (device.getMxId(), device.getDeviceName()) == (IDS[1], "OAK-D-LITE")
            assert device.getDeviceInfo().state == STATES.X_LINK_BOOTED
            assert [i.mxid for i in dai.Device.getAllAvailableDevices()] == [IDS[0]]
            every = dai.XLinkConnection.getAllConnectedDevices()
            assert [(i.mxid, i.state) for i in every] == [
                (IDS[0], STATES.X_LINK_UNBOOTED),
                (IDS[1], STATES.X_LINK_BOOTED),
            ]
            booted = dai.XLinkConnection.getAllConnectedDevices(STATES.X_LINK_BOOTED)
            assert [i.mxid for i in booted] == [IDS[1]]
            assert dai.Device.getDeviceByMxId(IDS[0])[1].mxid == IDS[0]
            assert dai.Device.getDeviceByMxId(IDS[1])[0] is False
            assert dai.Device.getFirstAvailableDevice()[1].mxid == IDS[0]
        assert len(dai.Device.getAllAvailableDevices()) == 2


def test_the_same_camera_is_not_opened_twice():
    with two():
        with dai.Device(dai.DeviceInfo(IDS[0])) as first:
            for again in (IDS[0], first.getDeviceInfo().name):
                with pytest.raises(RuntimeError, match="X_LINK_DEVICE_ALREADY_IN_USE"):
                    dai.Device(dai.DeviceInfo(again))
            with dai.Device() as second:
                assert second.getMxId() == IDS[1]
                text = r"No available devices \(2 connected, but in use\)"
                with pytest.raises(RuntimeError, match=text):
                    dai.Device()
        with dai.Device(dai.DeviceInfo(IDS[0])) as device:
            assert device.getConnectedCameras() == [dai.CameraBoardSocket.CAM_A]


def test_an_id_that_nobody_has():
    with two(), pytest.raises(RuntimeError, match="Cannot find any device with given deviceInfo"):
        dai.Device(dai.DeviceInfo("14442C10D13EABCE99"))
    # Where ids were not chosen, a script with an id of its own gets a camera.
    any_id = dai.DeviceInfo("14442C10D13EABCE99")
    with VirtualOak(deterministic=True), dai.Device(any_id) as device:
        assert device.getMxId() == "14442C10D13EABCE99"
        with pytest.raises(RuntimeError, match="ALREADY_IN_USE"):
            dai.Device(dai.DeviceInfo("14442C10D13EABCE98"))


def test_a_device_that_nobody_holds_any_more_is_closed():
    """As ``dai.Device().getMxId()`` before the real start: the real one is gone at once."""
    with VirtualOak(deterministic=True):
        assert dai.Device().getConnectedCameras()
        with dai.Device(rgb_pipeline()) as device:
            device.getOutputQueue("rgb").get()
        kept = dai.Device()
        with pytest.raises(RuntimeError, match="1 connected, but in use"):
            dai.Device()
        del kept
        assert len(dai.Device.getAllAvailableDevices()) == 1
        dai.Device().close()


def test_a_pipeline_that_is_refused_leaves_the_camera_free():
    with VirtualOak(board="OAK-1", deterministic=True):
        pipeline = dai.Pipeline()
        mono = pipeline.create(dai.node.MonoCamera)
        mono.setBoardSocket(dai.CameraBoardSocket.CAM_B)
        stream(pipeline, mono.out, "mono")
        for _ in range(2):
            with pytest.raises(RuntimeError, match="no camera at socket"):
                dai.Device(pipeline)


def test_each_camera_has_its_own_source_and_board():
    with two() as oak:
        seen = {}
        for info in dai.Device.getAllAvailableDevices():
            with dai.Device(rgb_pipeline(), info) as device:
                seen[info.mxid] = device.getOutputQueue("rgb").get().getCvFrame()
        assert (seen[IDS[0]] != seen[IDS[1]]).any()
    alone = VirtualOak("pattern", board="OAK-1", deterministic=True)
    with alone, dai.Device(rgb_pipeline()) as device:
        assert (device.getOutputQueue("rgb").get().getCvFrame() == seen[IDS[0]]).all()
    assert [d["board"] for d in oak.report()["devices"]] == ["OAK-1", "OAK-D-LITE"]


def all_at_once(count=4):
    """A thread a camera, as the multiple-devices examples do it."""
    numbers, lock = {}, threading.Lock()

    def worker(info):
        with dai.Device(rgb_pipeline(), info) as device:
            queue = device.getOutputQueue("rgb", 4, False)
            for _ in range(count):
                message = queue.get()
                with lock:
                    numbers.setdefault(info.mxid, []).append(message.getSequenceNum())

    threads = [
        threading.Thread(target=worker, args=(info,))
        for info in dai.Device.getAllAvailableDevices()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return numbers


def test_three_alike_run_side_by_side_and_deterministically():
    digests = set()
    for _ in range(2):
        alike = CameraSpec.several((), 3, CameraSpec("OAK-1"))
        with VirtualOak(cameras=alike, deterministic=True) as oak:
            numbers = all_at_once()
        assert len(numbers) == 3
        assert all(found == sorted(found) for found in numbers.values())
        assert oak.report()["streams"]["rgb"]["taken"] == 12
        digests.add(oak.digest)
    assert len(digests) == 1


def test_several_cameras_are_recorded_and_replayed(tmp_path):
    with two(record=str(tmp_path / "take")) as first:
        all_at_once()
    with VirtualOak(replay=str(tmp_path / "take"), deterministic=True) as again:
        assert [i.mxid for i in dai.Device.getAllAvailableDevices()] == list(IDS)
        all_at_once()
    assert again.digest == first.digest


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("OAK-1", CameraSpec("OAK-1", "scene")),
        ("source=stereo:a.mp4,b.mp4,board=OAK-D", CameraSpec("OAK-D", "stereo:a.mp4,b.mp4")),
        ("id=1844", CameraSpec("OAK-D-PRO", "scene", "1844")),
    ],
)
def test_words_for_a_camera(text, spec):
    assert CameraSpec.parse(text, CameraSpec("OAK-D-PRO", "scene")) == spec


@pytest.mark.parametrize("text", ["bord=OAK-1", "board=", "", "board=OAK-1,colour=red"])
def test_words_that_describe_no_camera(text):
    with pytest.raises(UsageError, match="is no camera"):
        CameraSpec.parse(text, CameraSpec())


def test_cameras_that_exclude_each_other():
    with pytest.raises(UsageError, match="described and counted"):
        CameraSpec.several(("OAK-1",), 2, CameraSpec())
    with pytest.raises(UsageError, match="more than 32"):
        CameraSpec.several((), 33, CameraSpec())
    with pytest.raises(UsageError, match="same id"):
        Settings(cameras=cameras("id=1", "id=1"))
    with pytest.raises(UsageError, match="has the cameras"):
        Settings(cameras=cameras("id=1"), replay="x")
    settings = Settings(cameras=cameras("id=1", "OAK-1"))
    assert Settings.from_text(settings.to_text()) == settings
