"""Faults on demand, as a script meets them: what its calls raise, and what comes after."""

import json
from itertools import pairwise

import depthai as dai
import numpy as np
import pytest
from click.testing import CliRunner

from oakwright.cli.device import run_command
from oakwright.device import VirtualOak, read_fault_file
from oakwright.device.settings import CameraSpec
from oakwright.errors import PipelineError, UsageError

# Of an error that a real host raises when the camera is gone (depthai 2.33's own words).
LOST = (
    "Communication exception - possible device error/misconfiguration. Original message "
    "'Couldn't read data from stream: 'rgb' (X_LINK_ERROR)'"
)


def pipeline_of(*, size=64, stereo=False, logger=False):
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(size, size)
    outputs = {"rgb": camera.preview}
    if stereo:
        for name, socket in (("left", "CAM_B"), ("right", "CAM_C")):
            mono = pipeline.create(dai.node.MonoCamera)
            mono.setBoardSocket(getattr(dai.CameraBoardSocket, socket))
            mono.setFps(30)
            outputs[name] = mono.out
    if logger:
        vitals = pipeline.create(dai.node.SystemLogger)
        vitals.setRate(1)
        outputs["vitals"] = vitals.out
    for name, output in outputs.items():
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(name)
        output.link(link.input)
    return pipeline


def read_until_lost(device, name="rgb"):
    """Sequence numbers and times until the queue raises; and the error."""
    queue, taken = device.getOutputQueue(name, 4, False), []
    start = dai.Clock.now().total_seconds()
    while True:
        try:
            message = queue.get()
        except RuntimeError as error:
            return taken, dai.Clock.now().total_seconds() - start, error
        taken.append(message.getSequenceNum())


def until_raised(call):
    while True:
        try:
            call()
        except RuntimeError as error:
            return error


def numbers(faults, name="rgb", count=60, **pipeline):
    with (
        VirtualOak(deterministic=True, faults=faults) as oak,
        dai.Device(pipeline_of(**pipeline)) as device,
    ):
        queue = device.getOutputQueue(name)
        found = [queue.get().getSequenceNum() for _ in range(count)]
    return found, oak


# -- frames and messages


def test_one_frame_in_ten_is_lost_and_its_number_with_it():
    found, oak = numbers(["drop@10%"], count=270)
    gaps = [b - a for a, b in pairwise(found)]
    lost = found[-1] + 1 - len(found)
    # 300 tries of 0.1: 30 on average, 5.2 standard deviation.
    assert 14 <= lost <= 46
    assert set(gaps) <= set(range(1, 6))
    # The camera may have been ahead of the host by what the queues hold.
    assert lost <= oak.report()["faults"]["drop@10%"] <= lost + 8


def test_which_frames_are_lost_is_the_seeds_to_say():
    first, again = (numbers(["drop@30%"])[0] for _ in range(2))
    other = numbers(["drop@30%,seed=7"])[0]
    assert first == again != other


def test_all_frames_of_a_while_are_lost():
    found, _ = numbers(["drop@1s:500ms"])
    assert set(range(found[-1])) - set(found) == set(range(30, 45))


@pytest.mark.parametrize("word", ["left", "CAM_B"])
def test_only_one_cameras_frames_are_lost(word):
    fault = f"drop@50%,camera={word}"
    assert numbers([fault], "rgb", 30, stereo=True)[0] == list(range(30))
    assert numbers([fault], "right", 30, stereo=True)[0] == list(range(30))
    left = numbers([fault], "left", 30, stereo=True)[0]
    assert 40 < left[-1] < 90


def test_messages_are_lost_on_the_link_alone():
    pipeline = pipeline_of()
    camera = next(n for n in pipeline.getAllNodes() if isinstance(n, dai.node.ColorCamera))
    second = pipeline.create(dai.node.XLinkOut)
    second.setStreamName("again")
    camera.preview.link(second.input)
    with (
        VirtualOak(deterministic=True, faults=["drop@50%,stream=rgb,from=1s"]),
        dai.Device(pipeline) as device,
    ):
        rgb, again = (device.getOutputQueue(name, 100, False) for name in ("rgb", "again"))
        whole = [again.get().getSequenceNum() for _ in range(90)]
        parts = [m.getSequenceNum() for m in rgb.tryGetAll()]
    assert whole == list(range(90))
    assert parts[:30] == list(range(30))
    assert 15 <= len(parts) - 30 <= 45


# -- the link


def test_a_pulled_cable_raises_in_depthais_words_and_comes_back():
    with VirtualOak(deterministic=True, faults=["disconnect@1990ms:3s"]) as oak:
        assert dai.Device.getAllAvailableDevices()
        device = dai.Device(pipeline_of())
        mxid = device.getMxId()
        taken, after_s, error = read_until_lost(device)
        assert taken == list(range(60))
        assert after_s == pytest.approx(1.99, abs=0.01)
        assert type(error) is RuntimeError
        assert str(error) == LOST
        # Every other call says it too.
        assert device.isClosed()
        assert not device.isPipelineRunning()
        for call in (
            device.getChipTemperature,
            lambda: device.getOutputQueue("rgb"),
            device.getQueueEvents,
            device.readCalibration,
        ):
            with pytest.raises(RuntimeError, match="closed or disconnected"):
                call()
        assert dai.Device.getAllAvailableDevices() == []
        assert dai.Device.getAnyAvailableDevice()[0] is False
        assert dai.Device.getDeviceByMxId(mxid)[0] is False
        device.close()
        # A device that is named is not looked for as long as any: half a second, five seconds.
        with pytest.raises(RuntimeError, match="Cannot find any device"):
            dai.Device(pipeline_of(), dai.DeviceInfo(mxid))
        with dai.Device(pipeline_of()) as again:
            assert dai.Clock.now().total_seconds() - 1000 == pytest.approx(5, abs=0.1)
            assert again.getMxId() == mxid
            assert again.getOutputQueue("rgb").get().getSequenceNum() == 0
            assert not again.hasCrashDump()
    report = oak.report()
    assert report["faults"] == {"disconnect@1990ms:3s": 1}
    assert [d["nodes"]["ColorCamera(0)"]["steps"] >= 1 for d in report["devices"]] == [True, True]


def test_a_cable_that_stays_out_is_searched_for_five_seconds():
    with VirtualOak(deterministic=True, faults=["disconnect@1s"]):
        with dai.Device(pipeline_of()) as device:
            read_until_lost(device)
        before = dai.Clock.now()
        with pytest.raises(RuntimeError, match="Cannot find any device with given deviceInfo"):
            dai.Device(pipeline_of())
        assert (dai.Clock.now() - before).total_seconds() == pytest.approx(5, abs=0.01)


def test_a_host_that_waits_for_events_or_sends_hears_of_it():
    pipeline = pipeline_of()
    entry, script = pipeline.create(dai.node.XLinkIn), pipeline.create(dai.node.Script)
    entry.setStreamName("in")
    script.setScript("while True: node.io['in'].get()")
    entry.out.link(script.inputs["in"])
    with VirtualOak(deterministic=True, faults=["disconnect@1s:500ms,every=2s"]):
        with dai.Device(pipeline) as device:
            error = until_raised(
                lambda: (device.getQueueEvents(), device.getOutputQueue("rgb").tryGetAll())
            )
            assert "closed or disconnected" in str(error)
        with dai.Device(pipeline) as device:
            queue = device.getInputQueue("in")
            error = until_raised(lambda: queue.send(dai.Buffer()))
            assert "Couldn't write data to stream: 'in' (X_LINK_ERROR)" in str(error)
            # Two seconds after the first.
            assert dai.Clock.now().total_seconds() - 1000 == pytest.approx(3, abs=0.01)


def test_in_real_time_the_link_goes_too_and_comes_back():
    with VirtualOak(faults=["disconnect@300ms:200ms"]) as oak:
        with dai.Device(pipeline_of()) as device:
            _, _, error = read_until_lost(device)
            assert "X_LINK_ERROR" in str(error)
        with dai.Device(pipeline_of()) as device:
            # It counts anew; a busy machine may miss the first frames.
            assert device.getOutputQueue("rgb").get().getSequenceNum() < 8
    assert oak.report()["faults"] == {"disconnect@300ms:200ms": 1}


def test_the_run_ends_when_it_should_however_often_the_link_goes():
    # What takes a device down and a host that closes it must not be in each other's way.
    losses = 0
    with VirtualOak(
        deterministic=True, seconds=10, faults=["disconnect@1s:1s,every=2100ms"]
    ) as oak:
        while True:
            try:
                with dai.Device(pipeline_of()) as device:
                    read_until_lost(device)
                    losses += 1
            except RuntimeError:
                pass
    assert losses == 5
    assert oak.report()["seconds"] == pytest.approx(10, abs=0.01)


def test_two_cameras_lose_their_links_and_the_run_ends_all_the_same():
    losses, two = 0, (CameraSpec(), CameraSpec())
    with VirtualOak(deterministic=True, seconds=6, cameras=two, faults=["disconnect@1s:1s"]) as oak:
        infos = dai.Device.getAllAvailableDevices()
        assert len(infos) == 2
        while True:
            try:
                with (
                    dai.Device(pipeline_of(), infos[0]) as one,
                    dai.Device(pipeline_of(), infos[1]),
                ):
                    read_until_lost(one)
                    losses += 1
            except RuntimeError:
                pass
    assert losses == 1
    assert oak.report()["seconds"] == pytest.approx(6, abs=0.01)


# -- a slow host


def slow_counts(blocking):
    with (
        VirtualOak(deterministic=True, faults=["slow@100ms"]) as oak,
        dai.Device(pipeline_of()) as device,
    ):
        queue = device.getOutputQueue("rgb", 4, blocking)
        found = [queue.get().getSequenceNum() for _ in range(30)]
        seconds = dai.Clock.now().total_seconds() - 1000
    queues = oak.report()["devices"][0]["queues"]
    return found, seconds, queues["input 'in' of XLinkOut(1)"]


def test_a_slow_host_holds_the_device_up_or_loses_the_oldest():
    held, held_s, _ = slow_counts(blocking=True)
    lossy, lossy_s, _ = slow_counts(blocking=False)
    assert held_s == pytest.approx(3, abs=0.1) == lossy_s
    # A message costs three frames' time: in the long run two of three are never taken.
    assert 2.5 < np.diff(lossy)[6:].mean() < 3.5
    # Blocking queues are first emptied of what they hold; then frames are missed by the camera.
    assert held[:10] == list(range(10))
    assert held[-1] < lossy[-1]


# -- heat


def test_a_chip_gets_hot_warns_in_the_firmwares_words_slows_down_and_goes_off(capsys):
    said = []
    with VirtualOak(deterministic=True, faults=["hot@20s:30s"]):
        with dai.Device(pipeline_of(logger=True)) as device:
            device.addLogCallback(said.append)
            vitals = device.getOutputQueue("vitals")
            rgb = device.getOutputQueue("rgb", 1000, False)
            celsius, found = [], []

            def watch():
                celsius.append(vitals.get().chipTemperature.average)
                if len(celsius) == 24:
                    found.extend(m.getSequenceNum() for m in rgb.tryGetAll())

            assert "X_LINK_ERROR" in str(until_raised(watch))
            assert dai.Clock.now().total_seconds() - 1000 == pytest.approx(25, abs=0.01)
        # Off for half a minute, and cool again.
        for _ in range(6):
            try:
                device = dai.Device(pipeline_of())
                break
            except RuntimeError:
                pass
        assert dai.Clock.now().total_seconds() - 1000 == pytest.approx(55, abs=0.1)
        assert device.getChipTemperature().average < 50
    assert all(b > a for a, b in pairwise(celsius[:19]))
    assert celsius[19] == pytest.approx(105, abs=0.5)
    assert celsius[0] < 45 < 105 < max(celsius) < 108
    assert [str(line.level) for line in said] == ["LogLevel.CRITICAL"] * 5
    assert said[0].payload == "Temperature above 105C. Device will shutdown if not reduced."
    assert said[0].nodeIdName == "system"
    assert said[0].time.sec == 1020
    assert "[system] [critical] Temperature above 105C" in capsys.readouterr().err
    # Above 100 °C, from 18.6 s on, every second frame.
    gaps = {a: b - a for a, b in pairwise(found)}
    assert {gap for a, gap in gaps.items() if a < 540} == {1}
    assert {gap for a, gap in gaps.items() if a > 570} == {2}


def test_a_chip_that_stays_below_the_limit_stays_on():
    with VirtualOak(deterministic=True, seconds=8, faults=["hot@5s,until=98C"]) as oak:
        device = dai.Device(pipeline_of())
        queue = device.getOutputQueue("rgb")
        for _ in range(180):
            queue.get()
        chip = device.getChipTemperature()
        assert chip.average == pytest.approx(98, abs=0.1)
        assert chip.css > chip.average > chip.dss
    assert oak.report()["devices"][0]["log"] == []


# -- crash and hang


@pytest.mark.parametrize(
    ("fault", "lost_s", "thread", "source"),
    [
        ("crash@1990ms", 1.99, "ColorCamera(0)", "ASSERT"),
        ("crash@1990ms:1s,node=XLinkOut", 1.99, "XLinkOut(1)", "ASSERT"),
        ("hang@1990ms", 6.49, "watchdog", "WATCHDOG"),
    ],
)
def test_a_crash_is_a_lost_link_and_then_a_dump(
    fault, lost_s, thread, source, capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv("DEPTHAI_CRASHDUMP", str(tmp_path))
    with VirtualOak(deterministic=True, faults=[fault]):
        with dai.Device(pipeline_of()) as device:
            assert not device.hasCrashDump()
            mxid = device.getMxId()
            taken, after_s, error = read_until_lost(device)
        assert "X_LINK_ERROR" in str(error)
        assert taken == list(range(60)), "what hangs or has crashed sends nothing more"
        assert after_s == pytest.approx(lost_s, abs=0.01)
        assert dai.Device.getAllAvailableDevices() == []
        with dai.Device() as device:
            assert device.hasCrashDump()
            dump = device.getCrashDump()
            assert not device.hasCrashDump()
            assert device.getCrashDump().crashReports == []
    assert dump.deviceId == mxid
    report = dump.crashReports[0]
    assert report.errorSource == source
    names = {t.threadId: t.threadName for t in report.threadCallstack}
    assert names[report.crashedThreadId] == thread
    written = json.loads((tmp_path / f"{mxid}-depthai_crash_dump.json").read_text())
    assert written == dump.serializeToJson()
    output = capsys.readouterr().err
    assert f"Device with id {mxid} has crashed. Crash dump logs are stored in: " in output
    assert ("ping was missed, closing the device connection" in output) == (source == "WATCHDOG")


def test_one_node_hangs_and_the_others_go_on():
    with (
        VirtualOak(deterministic=True, faults=["hang@1s:1s,node=MonoCamera(2)"]) as oak,
        dai.Device(pipeline_of(stereo=True)) as device,
    ):
        left, right = (device.getOutputQueue(name, 200, False) for name in ("left", "right"))
        right_numbers = [right.get().getSequenceNum() for _ in range(90)]
        left_numbers = [m.getSequenceNum() for m in left.tryGetAll()]
        assert not device.isClosed()
    broken, whole = sorted((left_numbers, right_numbers), key=len)
    assert set(whole) - set(broken)
    assert all(29 <= n <= 60 for n in set(range(90)) - set(broken))
    assert oak.report()["faults"]["hang@1s:1s,node=MonoCamera(2)"] == 1


# -- what is said of a wrong one


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("rain@5s", "there is no fault 'rain'"),
        ("disconnect", "nothing stands after its name"),
        ("disconnect@5", "'5' is not a time"),
        ("disconnect@5s:soon", "'soon' is not its length"),
        ("disconnect@1s,every=60s", "only if it ends"),
        ("crash@1s:5s,every=5s", "leaves no second"),
        ("disconnect@1s:0s", "below 0.001 s"),
        ("disconnect@99999999h", "longer than"),
        ("drop@0%", "not above 0%"),
        ("drop@101%", "up to 100%"),
        ("drop@5s", "for how long"),
        ("drop@10%:5s", "no meaning here"),
        ("drop@10%,camera=left,stream=rgb", "not both"),
        ("drop@10%,seed=x", "no whole number"),
        ("drop@10%,color=red", "'color=red' is none of from=, for="),
        ("drop@5s:1s,for=2s", "a second time"),
        ("slow@10%", "is not what a message costs"),
        ("slow@0ms", "no cost"),
        ("hot@5s,until=300C", "no temperature"),
        ("x" * 201, "at most 200 characters"),
    ],
)
def test_a_fault_that_makes_no_sense_is_named_with_what_to_write(fault, words):
    with pytest.raises(UsageError, match="(?s)" + words.replace("(", r"\(")) as caught:
        VirtualOak(faults=[fault])
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang@5s,node=Warp", r"no such node; there are ColorCamera\(0\), XLinkOut\(1\)"),
        ("drop@5%,stream=depth", "no such stream; there are rgb"),
    ],
)
def test_a_fault_of_what_the_pipeline_has_not_is_said_when_it_starts(fault, words):
    with VirtualOak(faults=[fault]), pytest.raises(PipelineError, match=words):
        dai.Device(pipeline_of())


def test_runs_with_faults_repeat_bit_for_bit():
    def run(seed):
        faults = [f"drop@20%,seed={seed}", "crash@1s:1s", "slow@10ms"]
        with VirtualOak(deterministic=True, faults=faults, frames=60) as oak:
            while True:
                with dai.Device(pipeline_of()) as device:
                    read_until_lost(device)
        return oak.digest, oak.report()["faults"]

    first = run(1)
    assert first == run(1)
    assert first[0] != run(2)[0]


# -- files, the command, the fixture


def test_a_file_has_a_fault_a_line_and_its_errors_name_it(tmp_path):
    path = tmp_path / "faults.txt"
    path.write_text("# what goes wrong\n\ndrop@10%   # of all\n  disconnect@5s:3s\n")
    assert read_fault_file(path) == ("drop@10%", "disconnect@5s:3s")
    path.write_text("drop@10%\nrain@5s\n")
    with pytest.raises(
        UsageError, match=r"faults\.txt, line 2: 'rain@5s': there is no fault 'rain'"
    ):
        read_fault_file(path)
    for data, words in ((b"\xff\xfe", "no text"), (b"#" * (65 << 10), "more than 65536 bytes")):
        path.write_bytes(data)
        with pytest.raises(UsageError, match=words):
            read_fault_file(path)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_fault_file(tmp_path / "none.txt")


SCRIPT = """
import depthai as dai
pipeline = dai.Pipeline()
camera, link = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.XLinkOut)
camera.setPreviewSize(64, 64)
link.setStreamName("rgb")
camera.preview.link(link.input)
for attempt in range(2):
    with dai.Device(pipeline) as device:
        try:
            while True:
                device.getOutputQueue("rgb").get()
        except RuntimeError as error:
            print(f"lost {attempt}: {error}", flush=True)
"""


def test_the_command_takes_faults_and_files_of_them(tmp_path):
    script, file = tmp_path / "retry.py", tmp_path / "faults.txt"
    script.write_text(SCRIPT)
    file.write_text("drop@20%\n")
    order = ["--deterministic", "--fault", "disconnect@1s:1s,every=3s", "--faults", str(file)]
    ended = CliRunner().invoke(run_command, [*order, "--json", str(script)], catch_exceptions=False)
    report = json.loads(ended.stdout.strip().splitlines()[-1])
    assert report["outcome"] == "clean"
    assert report["faults"]["disconnect@1s:1s,every=3s"] == 2
    assert 5 < report["faults"]["drop@20%"] < 40
    with pytest.raises(UsageError, match="there is no fault 'rain'"):
        CliRunner().invoke(run_command, ["--fault", "rain@1s", str(script)], catch_exceptions=False)


def test_the_fixture_takes_them_too(virtual_oak):
    oak = virtual_oak(faults=["disconnect@1s"])
    with dai.Device(pipeline_of()) as device:
        read_until_lost(device)
    assert oak.report()["faults"] == {"disconnect@1s": 1}
