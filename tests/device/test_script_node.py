"""A Script node's own classes and queues: what is in its globals, and what never waits."""

import time

import depthai as dai
import pytest

from oakwright.device import VirtualOak

pytestmark = pytest.mark.real_time


def words_of(source, *, deterministic=True, read=0):
    """What a script warns of; ``read`` messages are taken from its output after it has run."""
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    script = pipeline.create(dai.node.Script)
    script.setScript(source)
    camera.preview.link(script.inputs["frames"])
    script.inputs["frames"].setBlocking(False)
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName("out")
    script.outputs["out"].link(link.input)
    words = []
    with VirtualOak(deterministic=deterministic), dai.Device(pipeline) as device:
        device.setLogOutputLevel(dai.LogLevel.OFF)
        device.addLogCallback(lambda line: words.append(line.payload))
        queue = device.getOutputQueue("out", 2, True)
        time.sleep(0.5)
        for _ in range(read):
            queue.get()
        time.sleep(0.1)
    return words


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("ImgFrame.Type.NV12", "Type.NV12"),
        ("isinstance(frame, ImgFrame)", "True"),
        ("isinstance(frame, NNData)", "False"),
        ("isinstance(frame, Buffer)", "True"),
        ("isinstance(ImgFrame(12), ImgFrame)", "True"),
        ("[len(ImgFrame(12).getData()), len(Buffer().getData())]", "[12, 0]"),
        ("ImgFrame.__name__", "ImgFrame"),
    ],
)
def test_messages_classes_are_classes_that_take_a_size(question, answer):
    assert words_of(f"frame = node.io['frames'].get()\nnode.warn(str({question}))") == [answer]


@pytest.mark.parametrize("deterministic", [True, False])
def test_try_send_says_no_at_once_where_a_blocking_queue_is_full(deterministic):
    words = words_of(
        """
        sent = [node.io['out'].trySend(Buffer(1)) for _ in range(400)]
        node.warn(f'{sent.count(True)} {sent[0]} {sent[-1]}')
        """,
        deterministic=deterministic,
    )
    count, first, last = words[0].split()
    assert (first, last) == ("True", "False")
    # The host's 2 (in real time its 8 from before it said so), XLinkOut's 8, one in its hands.
    assert int(count) == 11 if deterministic else 11 <= int(count) <= 17


def test_try_get_gives_none_at_once_and_then_the_message():
    words = words_of(
        """
        first = node.io['frames'].tryGet(), len(node.io['frames'].tryGetAll())
        time.sleep(0.2)
        node.warn(f"{first} {type(node.io['frames'].tryGet()).__name__}")
        """
    )
    assert words[0].endswith("ImgFrame")
