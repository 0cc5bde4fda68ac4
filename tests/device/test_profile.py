"""Where a script's time goes: what burns time on purpose is found, with its figure."""

import re

import pytest
from click.testing import CliRunner

from oakwright.cli.device import device_group
from oakwright.device import Settings, profile_as_markdown, profile_script
from oakwright.device.nodes import NODES
from oakwright.device.profile import HOST, ON_A_CHIP, SOURCE, NodeCost, Profile, StreamLoad
from oakwright.errors import DeviceError, UsageError

# Scripts run in processes of their own.
pytestmark = pytest.mark.real_time

SCRIPT = """
import time, sys
import depthai as dai

def burn(seconds):
    start = time.thread_time()
    while time.thread_time() - start < seconds:
        pass

pipeline = dai.Pipeline()
camera, script = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.Script)
camera.setPreviewSize(128, 64)
camera.setFps(10)
camera.preview.link(script.inputs["in"])
script.setScript('''
import time
while True:
    frame = node.io["in"].get()
    start = time.thread_time()
    while time.thread_time() - start < %s:
        pass
    node.io["out"].send(frame)
''' % sys.argv[1])
link = pipeline.create(dai.node.XLinkOut)
link.setStreamName("out")
script.outputs["out"].link(link.input)
with dai.Device(pipeline) as device:
    queue = device.getOutputQueue("out")
    for _ in range(10):
        queue.get()
        burn(float(sys.argv[2]))
print("done", file=sys.stderr)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize(("node_s", "host_s"), [(0.12, 0.0), (0.0, 0.12)])
def test_who_burns_time_has_it(script, node_s, host_s):
    """The oracle is what the script burns: processor time that it measures itself."""
    found = profile_script(script, (str(node_s), str(host_s)))
    costs = {node.title: node.busy_s for node in found.nodes}
    dearest = "Script(1)" if node_s else HOST
    other = HOST if node_s else "Script(1)"
    assert costs[dearest] >= 1.2
    assert costs[dearest] > costs[other]
    assert set(costs) == {HOST, SOURCE, "ColorCamera(0)", "Script(1)", "XLinkOut(2)"}
    assert found.seconds == pytest.approx(1.0, abs=0.2)
    (stream,) = found.streams
    assert (stream.name, stream.bytes) == ("out", 128 * 64 * 3)
    assert stream.fps == pytest.approx(10, rel=0.01)
    assert stream.mb_per_s == pytest.approx(0.24576, rel=0.01)
    assert sum(costs.values()) <= found.wall_s


def test_the_table_says_what_was_measured_and_what_not():
    nodes = (
        NodeCost("NeuralNetwork(1)", 30, 0.6, ("in",)),
        NodeCost(HOST, 0, 0.3),
        NodeCost(SOURCE, 0, 0.1),
    )
    streams = (StreamLoad("rgb", 30.0, 1_000_000), StreamLoad("nn", 30.0, 1000))
    text = profile_as_markdown(Profile("a/b.py", 2.0, 9.0, nodes, streams))
    assert "`b.py`: 2.00 s of the camera's time took 1.00 s of work here, 0.50 s a second" in text
    assert "| NeuralNetwork(1) | 30 | 20.00 | 60% | in | neural engines" in text
    assert "| rgb | 30.0 | 1000.0 | 30.0 |" in text
    assert "30.0 MB a second to the host: USB 2 is enough (40 at best)." in text
    much = (StreamLoad("rgb", 60.0, 10_000_000),)
    assert "more than any link carries" in profile_as_markdown(Profile("b", 1, 1, nodes, much))
    assert "none of which is simulated" in text


def test_every_kind_of_node_that_works_has_a_word_on_the_chip():
    plain = {"IMU", "Sync", "MessageDemux", "SystemLogger", "Cast"}
    assert set(ON_A_CHIP) <= set(NODES)
    assert set(NODES) - set(ON_A_CHIP) - plain <= {"UVC"}


def test_a_script_that_does_not_run_has_no_profile(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("raise SystemExit('no luck')")
    with pytest.raises(DeviceError, match="did not run to its end: exit") as caught:
        profile_script(path, settings=Settings(seconds=1))
    assert "no luck" in caught.value.remedy


def test_the_command_prints_and_keeps_it(script, tmp_path):
    words = ["bench", str(script), "0", "0", "--source", "pattern", "--out", str(tmp_path / "t.md")]
    done = CliRunner().invoke(device_group, words, standalone_mode=False)
    assert done.exception is None, done.output
    assert (tmp_path / "t.md").read_text() == done.output
    assert re.search(r"\| Script\(1\) \| 1[01] \| \d", done.output)
    done = CliRunner().invoke(device_group, ["bench", str(tmp_path), "x"], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
