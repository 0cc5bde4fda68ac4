"""A depth map goes into an input of its bytes, twice as wide: so DepthAI's point cloud on the
device takes it (gen2-pointcloud/device-pointcloud of depthai-experiments)."""

import depthai as dai
import numpy as np
import pytest
from openvino import Model
from openvino import opset8 as ops

import oakwright
from oakwright.device import VirtualOak
from tests.device.scene_pipelines import stream

HEIGHT, WIDTH = 4, 8


@pytest.fixture(scope="module")
def blob(tmp_path_factory):
    """[1,1,4,16] of bytes to the mean of the low and of the high ones."""
    depth = ops.parameter([1, 1, HEIGHT, 2 * WIDTH], np.float32, name="depth")
    depth.output(0).set_names({"depth"})
    weights = np.eye(2, dtype=np.float32).reshape(2, 1, 1, 2)
    pairs = ops.convolution(depth, weights, [1, 2], [0, 0], [0, 0], [1, 1])
    size = [HEIGHT, WIDTH]
    means = ops.avg_pool(pairs, size, [0, 0], [0, 0], size, False)
    means.friendly_name = "means"
    means.output(0).set_names({"means"})
    path = tmp_path_factory.mktemp("blob") / "means.blob"
    made = oakwright.convert(Model([ops.result(means)], [depth]), shaves=4, input_precision="U8")
    path.write_bytes(made.blobs[4])
    return path


def answer(blob, kind, picture):
    pipeline = dai.Pipeline()
    source = pipeline.create(dai.node.XLinkIn)
    source.setStreamName("in")
    network = pipeline.create(dai.node.NeuralNetwork)
    network.setBlobPath(str(blob))
    source.out.link(network.inputs["depth"])
    stream(pipeline, network.out, "out")
    said = []
    with VirtualOak(deterministic=True, seconds=1.0), dai.Device(pipeline) as device:
        device.addLogCallback(lambda line: said.append(line.payload))
        frame = dai.ImgFrame()
        frame.setType(kind)
        frame.setWidth(WIDTH)
        frame.setHeight(HEIGHT)
        frame.setData(picture.reshape(-1).view(np.uint8))
        device.getInputQueue("in").send(frame)
        queue = device.getOutputQueue("out", 4, False)
        for _ in range(100):
            if queue.has():
                return queue.get().getFirstLayerFp16(), said
            dai.Clock.now()
    return None, said


def test_low_and_high_bytes_arrive(blob):
    depth = np.random.default_rng(5).integers(300, 5000, (HEIGHT, WIDTH)).astype(np.uint16)
    found, said = answer(blob, dai.ImgFrame.Type.RAW16, depth)
    expected = [(depth & 255).mean(), (depth >> 8).mean()]
    assert found == pytest.approx(expected, rel=2e-3)
    assert said == []


def test_a_picture_of_single_bytes_does_not_fit(blob):
    found, said = answer(blob, dai.ImgFrame.Type.RAW8, np.zeros((HEIGHT, WIDTH), np.uint8))
    assert found is None
    assert any("Input image (8x4) does not match NN (16x4)" in line for line in said)
