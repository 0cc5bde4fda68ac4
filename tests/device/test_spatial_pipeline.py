"""Spatial nodes in pipelines on the OAK-D board, judged by the scene's truth."""

from pathlib import Path

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.scene import Motion, Scene, Thing
from oakwright.device.sources import SceneSource
from oakwright.tensor import Precision, TensorSpec
from tests.device.scene_pipelines import (
    COLOR,
    FPS,
    P800,
    SCENE,
    collect,
    color_model,
    entry,
    moment,
    mono_model,
    stereo_pipeline,
    stream,
)

BLOBS = Path(__file__).parents[1] / "corpus" / "blobs"


# -- SpatialLocationCalculator


def region(left, top, right, bottom):
    config = dai.SpatialLocationCalculatorConfigData()
    config.roi = dai.Rect(dai.Point2f(left, top), dai.Point2f(right, bottom))
    config.depthThresholds.lowerThreshold = 100
    config.depthThresholds.upperThreshold = 10000
    config.calculationAlgorithm = dai.SpatialLocationCalculatorAlgorithm.MEDIAN
    return config


def test_places_of_regions_are_the_scene_s():
    pipeline, stereo = stereo_pipeline(lambda s: s.setSubpixel(True), P800)
    calculator = pipeline.create(dai.node.SpatialLocationCalculator)
    stereo.depth.link(calculator.inputDepth)
    model = mono_model(P800)
    flat = [o for o in SCENE.render(model, 0.0).objects if o.label in ("face", "sign")]
    for thing in flat:
        left, top, right, bottom = thing.box
        w, h = right - left, bottom - top
        inner = (left + w / 4, top + h / 4, right - w / 4, bottom - h / 4)
        parts = [v / (1280, 800)[i % 2] for i, v in enumerate(inner)]
        calculator.initialConfig.addROI(region(*parts))
    stream(pipeline, calculator.out, "data")
    stream(pipeline, calculator.passthroughDepth, "depth")
    messages, _ = collect(pipeline, ["data", "depth"], count=1)
    assert type(messages["data"]) is dai.SpatialLocationCalculatorData
    assert messages["data"].getSequenceNum() == messages["depth"].getSequenceNum() == 0
    places = messages["data"].getSpatialLocations()
    assert len(places) == len(flat) == 2
    for place, thing in zip(places, flat, strict=True):
        x, y, z = (1000 * v for v in thing.position_m)
        assert place.spatialCoordinates.z == pytest.approx(thing.depth_mm, rel=0.05)
        # Y is up; the picture's y is down.
        assert place.spatialCoordinates.x == pytest.approx(x, abs=0.05 * z)
        assert place.spatialCoordinates.y == pytest.approx(-y, abs=0.05 * z)
        assert place.depthMin <= place.depthMedian <= place.depthMax
        assert place.depthAveragePixelCount > 100
        assert place.config.roi.isNormalized()


def test_regions_change_while_it_runs_and_may_be_waited_for():
    pipeline, stereo = stereo_pipeline()
    calculator = pipeline.create(dai.node.SpatialLocationCalculator)
    calculator.inputConfig.setWaitForMessage(True)
    stereo.depth.link(calculator.inputDepth)
    entry(pipeline, calculator.inputConfig, "config")
    stream(pipeline, calculator.out, "data")
    source = SceneSource(scene=SCENE)
    with VirtualOak(source=source, deterministic=True), dai.Device(pipeline) as device:
        data, configs = device.getOutputQueue("data"), device.getInputQueue("config")
        for left in (0.2, 0.4):
            config = dai.SpatialLocationCalculatorConfig()
            config.addROI(region(left, 0.4, left + 0.1, 0.6))
            config.addROI(region(200, 100, 300, 200))
            configs.send(config)
            first, second = data.get().getSpatialLocations()
            assert first.config.roi.x == pytest.approx(left)
            assert second.config.roi.width == 100
        assert data.tryGet() is None


# -- spatial detection

STILL = (
    Thing("face", "flat", (0.26, 0.34, 0), Motion((-0.3, -0.1, 1.5)), (140.0, 165.0, 215.0)),
    Thing("sign", "flat", (0.9, 0.6, 0), Motion((0.6, -0.5, 4.0)), (60.0, 60.0, 190.0)),
)


class TruthfulNetwork:
    """In the place of a blob: finds the still things where the preview shows them."""

    inputs = (TensorSpec("data", Precision.U8, (1, 3, 300, 300), "NCHW"),)
    outputs = (TensorSpec("found", Precision.FP16, (1, 1, 100, 7), "NCHW"),)
    shaves = 6

    def __init__(self):
        self.model = color_model(1920, 1080)
        self.truth = Scene(0, things=STILL).render(self.model, 0.0).objects

    def infer(self, inputs):
        rows = np.zeros((1, 1, 100, 7), np.float32)
        rows[0, 0, len(self.truth), 0] = -1
        for i, thing in enumerate(self.truth):
            # The preview is the middle 1080x1080 of the picture.
            left, top, right, bottom = thing.box
            box = (left - 420) / 1080, top / 1080, (right - 420) / 1080, bottom / 1080
            rows[0, 0, i] = 0, thing.class_number, 0.9, *box
        return {"found": rows}


def spatial_pipeline(align, through_manip=False, size=None):
    pipeline, stereo = stereo_pipeline(
        lambda s: (s.setSubpixel(True), align is not None and s.setDepthAlign(align))
    )
    if size:
        stereo.setOutputSize(*size)
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(*((1080, 1080) if through_manip else (300, 300)))
    camera.setInterleaved(False)
    camera.setFps(FPS)
    network = pipeline.create(dai.node.MobileNetSpatialDetectionNetwork)
    network.setBlobPath(str(BLOBS / "detector--1.blob"))
    network.setBoundingBoxScaleFactor(0.5)
    network.setDepthLowerThreshold(100)
    network.setDepthUpperThreshold(9000)
    picture = camera.preview
    if through_manip:
        manip = pipeline.create(dai.node.ImageManip)
        manip.initialConfig.setResize(300, 300)
        manip.setMaxOutputFrameSize(300 * 300 * 3)
        camera.preview.link(manip.inputImage)
        picture = manip.out
    picture.link(network.input)
    stereo.depth.link(network.inputDepth)
    for name, output in (
        ("found", network.out),
        ("depth", network.passthroughDepth),
        ("mapping", network.boundingBoxMapping),
        ("picture", network.passthrough),
    ):
        stream(pipeline, output, name)
    return pipeline


def detect(pipeline, count=2):
    network = TruthfulNetwork()
    source = SceneSource(scene=Scene(0, things=STILL))
    with VirtualOak(source=source, deterministic=True) as oak:
        oak.session.open_network = lambda data, title: network
        with dai.Device(pipeline) as device:
            names = "found", "depth", "mapping", "picture"
            queues = {name: device.getOutputQueue(name) for name in names}
            for _ in range(count):
                messages = {name: queue.get() for name, queue in queues.items()}
    return messages, network, oak.digest


@pytest.mark.parametrize(
    ("through_manip", "size"), [(False, None), (True, None), (False, (640, 400))]
)
def test_detections_have_the_places_of_the_things(through_manip, size):
    messages, network, _ = detect(spatial_pipeline(COLOR, through_manip, size))
    found = messages["found"]
    assert type(found) is dai.SpatialImgDetections
    assert len({m.getSequenceNum() for m in messages.values()}) == 1
    assert [d.label for d in found.detections] == [t.class_number for t in network.truth]
    depth = messages["depth"].getFrame()
    height, width = depth.shape
    assert (width, height) == (size or (1920, 1080))
    truth = Scene(0, things=STILL).render(color_model(width, height), 0.0).objects
    mapping = messages["mapping"].getConfigData()
    for detection, thing, seen, region_ in zip(
        found.detections, network.truth, truth, mapping, strict=True
    ):
        x, y, z = (1000 * v for v in thing.position_m)
        assert detection.spatialCoordinates.z == pytest.approx(z, rel=0.05)
        assert detection.spatialCoordinates.x == pytest.approx(x, abs=0.03 * z)
        assert detection.spatialCoordinates.y == pytest.approx(-y, abs=0.03 * z)
        # The mapped box is the middle half of the thing in the depth map.
        roi = region_.roi.denormalize(width, height)
        left, top, right, bottom = seen.box
        expected = (
            left + (right - left) / 4,
            top + (bottom - top) / 4,
            (right - left) / 2,
            (bottom - top) / 2,
        )
        assert (roi.x, roi.y, roi.width, roi.height) == pytest.approx(expected, abs=0.01 * width)
        assert detection.boundingBoxMapping.roi.x == pytest.approx(region_.roi.x)
        assert detection.boundingBoxMapping.depthThresholds.upperThreshold == 9000


def test_distances_from_1_to_5_m_are_within_5_percent(monkeypatch):
    errors = {}
    for z in (1.0, 2.0, 3.0, 4.0, 5.0):
        size = (0.17 * z, 0.22 * z, 0.0)
        face = Thing("face", "flat", size, Motion((0.1 * z, -0.03 * z, z)), (140.0, 165.0, 215.0))
        monkeypatch.setitem(globals(), "STILL", (face,))
        messages, _, _ = detect(spatial_pipeline(COLOR), count=1)
        (found,) = messages["found"].detections
        errors[z] = abs(found.spatialCoordinates.z / (1000 * z) - 1)
    assert max(errors.values()) <= 0.05, errors


def test_spatial_detection_is_the_same_in_every_run():
    digests = {detect(spatial_pipeline(COLOR), count=4)[2] for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.shared
def test_the_vendor_s_face_network_finds_the_drawn_face_and_its_distance(shared_data):
    pipeline, stereo = stereo_pipeline(
        lambda s: (s.setDepthAlign(COLOR), s.setOutputSize(640, 400)), P800
    )
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(300, 300)
    camera.setInterleaved(False)
    camera.setFps(FPS)
    network = pipeline.create(dai.node.MobileNetSpatialDetectionNetwork)
    network.setBlobPath(str(shared_data / "blobs" / "face-detection-retail-0004.blob"))
    network.setConfidenceThreshold(0.7)
    network.setBoundingBoxScaleFactor(0.5)
    camera.preview.link(network.input)
    stereo.depth.link(network.inputDepth)
    stream(pipeline, network.out, "found")
    model, errors = color_model(1920, 1080), []
    source = SceneSource(2)
    with VirtualOak(source=source, deterministic=True), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("found")
        for _ in range(8):
            message = queue.get()
            things = source.scene.render(model, moment(message)).objects
            face = next(thing for thing in things if thing.label == "face")
            x = (face.box[0] + face.box[2]) / 2 - 420
            errors += [
                abs(detection.spatialCoordinates.z / face.depth_mm - 1)
                for detection in message.detections
                if abs((detection.xmin + detection.xmax) / 2 * 1080 - x) < 60
            ]
    assert len(errors) >= 7
    assert np.median(errors) <= 0.05
