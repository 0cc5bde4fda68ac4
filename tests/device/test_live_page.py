"""The live page: what it serves, to whom, and that its numbers are true."""

import importlib.util
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.view.layout import Box, Line, arrange
from oakwright.device.view.state import Meter

pytestmark = pytest.mark.real_time

SCRIPT = """
import cv2, depthai as dai
pipeline = dai.Pipeline()
camera = pipeline.create(dai.node.ColorCamera)
camera.setPreviewSize(160, 120)
camera.setFps(20)
def link(output, name):
    stream = pipeline.create(dai.node.XLinkOut)
    stream.setStreamName(name)
    output.link(stream.input)
manip = pipeline.create(dai.node.ImageManip)
manip.initialConfig.setResize(64, 64)
camera.preview.link(manip.inputImage)
script = pipeline.create(dai.node.Script)
script.setScript("while True: node.io['out'].send(node.io['in'].get())")
manip.out.link(script.inputs["in"])
link(camera.preview, "rgb")
link(script.outputs["out"], "small")
with dai.Device(pipeline) as device:
    rgb, small = device.getOutputQueue("rgb", 4, False), device.getOutputQueue("small", 4, False)
    key = -1
    while key != ord("q"):
        cv2.imshow("large", rgb.get().getCvFrame())
        cv2.imshow("small", small.get().getCvFrame())
        key = cv2.waitKey(1)
print("pressed", key)
"""


def fetch(address, path="", method="GET", **headers):
    request = urllib.request.Request(address + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.headers, answer.read()


def state(address):
    return json.loads(fetch(address, "state.json")[2])


@pytest.fixture
def camera():
    """A virtual camera with a live page, running camera -> two streams, one of them unread."""
    with VirtualOak(view=True) as oak:
        pipeline = dai.Pipeline()
        node = pipeline.create(dai.node.ColorCamera)
        node.setPreviewSize(64, 48)
        node.setFps(25)
        for name in ("read", "unread"):
            link = pipeline.create(dai.node.XLinkOut)
            link.setStreamName(name)
            node.preview.link(link.input)
        with dai.Device(pipeline) as device:
            yield oak, device


def test_the_page_its_parts_and_its_pictures_are_served(camera):
    oak, _ = camera
    address = oak.page.address
    assert address.startswith("http://127.0.0.1:")
    status, headers, page = fetch(address)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for part in ("page.css", "page.js"):
        assert part.encode() in page
        assert len(fetch(address, part)[2]) > 1000
    assert not [w for w in (b"http://", b"https://") if w in page + fetch(address, "page.css")[2]]
    assert fetch(address, "window/0.jpg")[0] == 204
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[:, :20] = (0, 0, 250)
    cv2.imshow("first", picture)
    status, headers, data = fetch(address, "window/0.jpg?after=0")
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert headers["X-Shown"] == "1"
    assert np.abs(shown[:, :16].astype(int) - picture[:, :16]).max() < 12
    windows = state(address)["windows"]
    assert windows[0] | {"fps": None} == {
        "name": "first", "shown": 1, "width": 40, "height": 30, "fps": None,
    }  # fmt: skip


def test_a_request_for_a_picture_waits_for_a_newer_one(camera):
    oak, _ = camera
    cv2.imshow("w", np.zeros((10, 10), np.uint8))
    started = time.monotonic()
    assert fetch(oak.page.address, "window/0.jpg?after=1")[0] == 204
    assert time.monotonic() - started > 0.5
    cv2.imshow("w", np.zeros((10, 10), np.uint8))
    assert fetch(oak.page.address, "window/0.jpg?after=1")[1]["X-Shown"] == "2"


def test_rates_drops_and_queues_are_those_of_the_run(camera):
    oak, device = camera
    queue = device.getOutputQueue("read", 4, False)
    device.getOutputQueue("unread", 2, False)
    address, until = oak.page.address, time.monotonic() + 3
    got = 0
    while time.monotonic() < until:
        queue.get()
        got += 1
        seen = state(address)
    (drawn,) = seen["devices"]
    by_title = {node["title"]: node for node in drawn["nodes"]}
    assert sorted(by_title) == ["ColorCamera(0)", "XLinkOut(1)", "XLinkOut(2)"]
    assert by_title["ColorCamera(0)"]["detail"] == "color"
    # A busy machine has fewer than the 25 asked for; never more.
    rate = by_title["ColorCamera(0)"]["fps"]
    assert 0 < rate < 29
    assert by_title["XLinkOut(2)"]["stream"] == "unread"
    assert by_title["XLinkOut(2)"]["queue"]["holds"] == 2
    assert by_title["XLinkOut(2)"]["queue"]["dropped"] >= got - 8
    assert by_title["XLinkOut(1)"]["queue"]["dropped"] < 5
    for edge in drawn["edges"]:
        assert edge["from"] == "ColorCamera(0) preview"
        assert edge["fps"] == pytest.approx(rate, abs=4)
        assert edge["drops"] == 0
        assert edge["sent"] >= got
    assert seen["run"]["seconds"] >= 3


def test_only_the_page_itself_may_ask_and_press_keys(camera):
    oak, _ = camera
    address = oak.page.address
    for headers in ({"Host": "elsewhere.example"}, {"Host": "127.0.0.1"}):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetch(address, "state.json", **headers)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(address, "key/113", "POST", Origin="http://elsewhere.example")
    for path in ("key/999", "key/q", "window/1.png", "../settings.py"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(address, path, "POST")
    assert cv2.waitKey(1) == -1
    assert fetch(address, "key/113", "POST")[0] == 204
    # Without a delay it waits for the key, which is there.
    assert cv2.waitKey(0) == 113


def test_deterministic_runs_take_no_keys_and_the_page_changes_no_bit():
    def run(view):
        with VirtualOak(deterministic=True, frames=30, view=view) as oak:
            pipeline = dai.Pipeline()
            node = pipeline.create(dai.node.ColorCamera)
            link = pipeline.create(dai.node.XLinkOut)
            link.setStreamName("rgb")
            node.preview.link(link.input)
            with dai.Device(pipeline) as device:
                if view:
                    with pytest.raises(urllib.error.HTTPError, match="409"):
                        fetch(oak.page.address, "key/113", "POST")
                queue = device.getOutputQueue("rgb", 4, False)
                while True:
                    queue.get()
                    if view:
                        assert state(oak.page.address)["run"]["is_deterministic"]
        return oak.digest

    assert run(view=False) == run(view=True)


def test_the_page_goes_with_the_camera():
    with VirtualOak(view=True) as oak:
        address = oak.page.address
        assert fetch(address)[0] == 200
    with pytest.raises(urllib.error.URLError):
        fetch(address)


def test_a_meter_gives_means_over_two_seconds_and_nothing_too_early():
    meter = Meter(100.0)
    assert meter.rates(100.1, {"a": 5}) == {}
    assert meter.rates(101.0, {"a": 20}) == {"a": 20.0}
    assert meter.rates(102.0, {"a": 30}) == {"a": 15.0}
    # From 101 on, by now: 10 in the second up to 102, 40 after it.
    assert meter.rates(103.0, {"a": 70}) == {"a": 25.0}
    assert meter.rates(113.0, {"a": 170, "new": 20}) == {"a": 10.0, "new": 2.0}


def graph(count, pairs):
    boxes = [Box(100, 50) for _ in range(count)]
    lines = [Line(a, b, 60, 30) for a, b in pairs]
    size = arrange(boxes, lines)
    return boxes, lines, size


@pytest.mark.parametrize(
    ("count", "pairs"),
    [
        (1, []),
        (3, [(0, 1), (1, 2), (0, 2)]),
        (4, [(0, 1), (1, 2), (2, 1), (2, 3)]),
        (2, [(0, 0), (0, 1), (0, 1), (1, 0)]),
        (9, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 5), (4, 6), (0, 6), (7, 8), (5, 6)]),
    ],
)
def test_boxes_and_labels_never_cover_each_other_and_lines_lead_right(count, pairs):
    boxes, lines, (width, height) = graph(count, pairs)
    for i, a in enumerate(boxes):
        assert a.x >= 0
        assert a.y >= 0
        assert a.x + a.width <= width
        assert a.y + a.height <= height
        for b in boxes[:i]:
            apart = abs(a.x - b.x) >= 100 or abs(a.y - b.y) >= 50
            assert apart, (boxes, pairs)
    for i, a in enumerate(lines):
        assert a.path.startswith("M")
        for b in lines[:i]:
            assert abs(a.label_x - b.label_x) >= 60 or abs(a.label_y - b.label_y) >= 30
    if pairs == [(0, 1), (1, 2), (0, 2)]:
        assert [b.x for b in boxes] == sorted({b.x for b in boxes})


def test_the_command_prints_the_address_and_a_key_ends_the_script(tmp_path):
    process = start(tmp_path)
    try:
        address = address_of(process)
        wait_until(lambda: len(state(address)["windows"]) == 2)
        assert [w["name"] for w in state(address)["windows"]] == ["large", "small"]
        fetch(address, "key/113", "POST")
        assert process.communicate(timeout=30)[0] == "pressed 113\n"
        assert process.returncode == 0
    finally:
        process.kill()


@pytest.mark.system
def test_a_browser_shows_windows_and_graph_and_passes_keys_on(tmp_path):
    spec = importlib.util.spec_from_file_location("chromium", Path(__file__).parent / "chromium.py")
    chromium = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chromium)
    if chromium.find() is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    process = start(tmp_path)
    try:
        with chromium.Browser(tmp_path / "profile") as browser:
            browser.open(address_of(process))
            browser.wait_for("document.querySelectorAll('#windows img[src]').length == 2")
            browser.wait_for("document.querySelectorAll('.edge.flows').length == 4")
            names = browser.ask("[...document.querySelectorAll('.node .name')].map(n=>n.innerHTML)")
            assert sum("ImageManip" in name for name in names) == 1
            rate = "parseFloat(document.querySelector('.edge .rate').textContent)"
            browser.wait_for(f"{rate} > 10 && {rate} < 30")
            assert browser.ask("document.querySelector('#windows img').naturalWidth") == 160
            first = browser.ask("document.querySelector('#windows img').src")
            browser.wait_for(f"document.querySelector('#windows img').src != '{first}'")
            browser.picture(tmp_path / "page.png")
            page = cv2.imread(str(tmp_path / "page.png"))
            assert page.std() > 10
            browser.press("q")
            assert process.communicate(timeout=30)[0] == "pressed 113\n"
            browser.wait_for("document.getElementById('state').textContent.includes('ended')")
    finally:
        process.kill()


def start(folder):
    path = folder / "script.py"
    path.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, "-m", "oakwright", "device", "run", "--view", "--limit", "60", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_of(process):
    for line in process.stderr:
        if line.startswith("live page: "):
            return line.split()[-1]
    raise AssertionError("no address was printed")


def wait_until(ready, seconds=20):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)
