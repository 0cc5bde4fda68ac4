"""The cameras' raw output: unpacked by MIPI's rule and demosaiced by OpenCV it is the picture."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks.raw import pack
from tests.device.test_device_nodes import stream


def unpack(data, width, height):
    """Bits of each group: eight upper ones of four pixels, then their lower pairs, first lowest."""
    bits = np.unpackbits(data.reshape(-1, 5), axis=1, bitorder="little")
    values = np.zeros((len(bits), 4), int)
    for pixel in range(4):
        for bit in range(8):
            values[:, pixel] |= bits[:, 8 * pixel + bit].astype(int) << (bit + 2)
        for bit in range(2):
            values[:, pixel] |= bits[:, 32 + 2 * pixel + bit].astype(int) << bit
    return values.reshape(height, width)


def test_packing_keeps_all_ten_bits():
    values = np.random.default_rng(2).integers(0, 1024, (6, 16), dtype=np.uint16)
    assert np.array_equal(unpack(pack(values), 16, 6), values)
    with pytest.raises(ValueError, match="18 pixels cannot be packed"):
        pack(np.zeros((2, 18), np.uint16))


def smooth():
    coarse = np.random.default_rng(4).integers(40, 210, (6, 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("packed", [None, True, False])
@pytest.mark.parametrize("kind", ["ColorCamera", "Camera", "MonoCamera"])
def test_raw_is_the_picture_before_the_isp(kind, packed):
    pipeline = dai.Pipeline()
    camera = pipeline.create(getattr(dai.node, kind))
    if kind == "MonoCamera":
        camera.setCamera("left")
    if packed is not None:
        camera.setRawOutputPacked(packed)
    stream(pipeline, camera.raw, "raw")
    with VirtualOak(smooth(), deterministic=True), dai.Device(pipeline) as device:
        message = device.getOutputQueue("raw").get()
    width, height = message.getWidth(), message.getHeight()
    assert message.getType() == dai.ImgFrame.Type.RAW10
    if packed is False:
        values = message.getCvFrame()
        assert message.getRaw().fb.stride == 2 * width
    else:
        assert len(message.getData()) == width * height * 5 // 4
        assert message.getRaw().fb.stride == width * 5 // 4
        values = unpack(message.getData(), width, height)
    assert values.max() <= 1023
    eight = (values >> 2).astype(np.uint8)
    if kind == "MonoCamera":
        got, want = eight, cv2.cvtColor(cv2.resize(smooth(), (1280, 720)), cv2.COLOR_BGR2GRAY)
    else:
        got, want = cv2.cvtColor(eight, cv2.COLOR_BayerBG2BGR), smooth()
    assert got.shape == want.shape
    # A smooth picture: what demosaicing and scaling make up is close to what was there.
    assert np.abs(got.astype(int) - want)[4:-4, 4:-4].mean() < 2
