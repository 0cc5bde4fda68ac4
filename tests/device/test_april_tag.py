"""AprilTag: tags drawn at known places, turned, tilted, dirty, small and of other families."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks import formats
from oakwright.device.message import image_message, stamp
from oakwright.errors import PipelineError
from tests.device.scene_pipelines import entry, stream

FAMILY = dai.AprilTagConfig.Family
BOOKS = {
    FAMILY.TAG_36H11: cv2.aruco.DICT_APRILTAG_36h11,
    FAMILY.TAG_36H10: cv2.aruco.DICT_APRILTAG_36h10,
    FAMILY.TAG_25H9: cv2.aruco.DICT_APRILTAG_25h9,
    FAMILY.TAG_16H5: cv2.aruco.DICT_APRILTAG_16h5,
}
# Corners from the tag's top left on: upright, turned by a quarter, tilted.
QUADS = {
    3: [(60, 50), (220, 50), (220, 210), (60, 210)],
    7: [(480, 60), (480, 200), (340, 200), (340, 60)],
    20: [(90, 270), (230, 300), (210, 430), (70, 410)],
}


def drawn(family, quads, dirt=0, noise=4.0):
    """A grey room with tags; ``dirt`` cells of each are of the wrong colour."""
    book = cv2.aruco.getPredefinedDictionary(BOOKS[family])
    cells, rng = book.markerSize + 2, np.random.default_rng(0)
    picture = np.full((480, 640), 170, np.uint8)
    for id, quad in quads.items():
        tag = cv2.aruco.generateImageMarker(book, id, cells)
        for number in range(dirt):
            tag[1 + number, 2] ^= 255
        # Edges lie between pixels: a fine print, brought over by the way the corners go.
        tag = cv2.copyMakeBorder(tag, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
        tag = cv2.resize(tag, None, fx=24, fy=24, interpolation=cv2.INTER_NEAREST)
        side = cells * 24
        inner = np.float32([(24, 24), (24 + side, 24), (24 + side,) * 2, (24, 24 + side)]) - 0.5
        matrix = cv2.getPerspectiveTransform(inner, np.float32(quad) - 0.5)
        flags = cv2.INTER_AREA
        shown = cv2.warpPerspective(tag, matrix, (640, 480), flags=flags)
        mask = cv2.warpPerspective(np.full_like(tag, 255), matrix, (640, 480))
        picture = np.where(mask > 127, 20 + shown * 0.8, picture).astype(np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    return np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def tags(picture, configure=lambda config: None, kind="GRAY8", told=None):
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.AprilTag)
    configure(node.initialConfig)
    entry(pipeline, node.inputImage, "in")
    entry(pipeline, node.inputConfig, "config")
    stream(pipeline, node.out, "out")
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        if told is not None:
            device.getInputQueue("config").send(told)
            # Configs that are there hold for the next picture: let this one arrive first.
            assert device.getOutputQueue("out").tryGet() is None
        frame = image_message(formats.encode(picture, kind), socket=1)
        device.getInputQueue("in").send(stamp(frame, 1.0, 5))
        message = device.getOutputQueue("out").get()
    assert message.getSequenceNum() == 5
    return {tag.id: tag for tag in message.aprilTags}


def corners_of(tag):
    return [(p.x, p.y) for p in (tag.topLeft, tag.topRight, tag.bottomRight, tag.bottomLeft)]


def sharp(config):
    values = config.get()
    values.quadDecimate = 1
    config.set(values)


@pytest.mark.parametrize("family", list(BOOKS), ids=str)
def test_tags_of_all_square_families_are_found_at_their_corners(family):
    found = tags(drawn(family, QUADS), lambda c: (sharp(c), c.setFamily(family)))
    assert sorted(found) == sorted(QUADS)
    for id, tag in found.items():
        assert tag.hamming == 0
        assert tag.decisionMargin > 60
        # Whole numbers are the middles of pixels.
        off = np.array(corners_of(tag)) + 0.5 - np.array(QUADS[id])
        assert np.abs(off).max() < 1.0
        assert np.abs(off).mean() < 0.4


def test_as_it_is_by_default_large_tags_are_found():
    found = tags(drawn(FAMILY.TAG_36H11, QUADS), kind="NV12")
    assert sorted(found) == sorted(QUADS)
    for id, tag in found.items():
        assert np.abs(np.array(corners_of(tag)) + 0.5 - np.array(QUADS[id])).max() < 2.0


def test_wrong_bits_are_counted_and_bounded():
    dirty = drawn(FAMILY.TAG_36H11, QUADS, dirt=1)
    assert {tag.hamming for tag in tags(dirty, sharp).values()} == {1}
    for dirt, most, count in ((1, 0, 0), (2, 1, 0), (2, 2, 3)):

        def configure(config, most=most):
            values = config.get()
            values.maxHammingDistance, values.quadDecimate = most, 1
            config.set(values)

        assert len(tags(drawn(FAMILY.TAG_36H11, QUADS, dirt), configure)) == count


def test_other_families_are_not_seen_until_a_config_says_so():
    picture = drawn(FAMILY.TAG_25H9, QUADS)
    assert not tags(picture)
    told = dai.AprilTagConfig()
    told.setFamily(FAMILY.TAG_25H9)
    assert sorted(tags(picture, told=told)) == sorted(QUADS)


def test_families_opencv_does_not_know_are_refused():
    with pytest.raises(PipelineError, match="family = TAG_CIR21H7 is not supported"):
        tags(drawn(FAMILY.TAG_36H11, {}), lambda c: c.setFamily(FAMILY.TAG_CIR21H7))
