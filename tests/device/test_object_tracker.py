"""ObjectTracker in pipelines: the scene's truth as detections, ids and statuses at the host."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.blocks import formats
from oakwright.device.message import image_message, stamp
from oakwright.errors import PipelineError
from tests.device.scene_pipelines import SCENE, color_model, entry, stream

FPS = 10
STATUS = dai.Tracklet.TrackingStatus
INPUTS = ("inputTrackerFrame", "inputDetectionFrame", "inputDetections")


def pipeline_with(configure, kind=dai.TrackerType.ZERO_TERM_COLOR_HISTOGRAM):
    pipeline = dai.Pipeline()
    tracker = pipeline.create(dai.node.ObjectTracker)
    tracker.setTrackerType(kind)
    configure(tracker)
    for name in INPUTS:
        port = getattr(tracker, name)
        port.setBlocking(True)
        entry(pipeline, port, name)
    for name in ("out", "passthroughTrackerFrame"):
        stream(pipeline, getattr(tracker, name), name)
    return pipeline


def truth(time_s):
    """The scene's picture, and what is in it as SpatialImgDetections."""
    rendering, found = SCENE.render(color_model(640, 360), time_s), []
    for thing in rendering.objects:
        one = dai.SpatialImgDetection()
        one.label, one.confidence = thing.class_number, 0.9
        one.xmin, one.xmax = thing.box[0] / 640, thing.box[2] / 640
        one.ymin, one.ymax = thing.box[1] / 360, thing.box[3] / 360
        one.spatialCoordinates = dai.Point3f(*(1000 * value for value in thing.position_m))
        found.append(one)
    return rendering.image, found


def run(kind, count, detect=lambda number: True, configure=lambda tracker: None):
    """(tracklets, detections or None, tracker frame) of every picture the node answered."""
    seen = []
    with (
        VirtualOak(deterministic=True),
        dai.Device(pipeline_with(configure, kind)) as device,
    ):
        send = {name: device.getInputQueue(name).send for name in INPUTS}
        get = {n: device.getOutputQueue(n, 30, True) for n in ("out", "passthroughTrackerFrame")}
        for number in range(count):
            image, found = truth(number / FPS)
            small = cv2.resize(image, (300, 300))
            time_s = 1 + number / FPS
            if detect(number):
                message = dai.SpatialImgDetections()
                message.detections = found
                send["inputDetections"](stamp(message, time_s, number))
                frame = image_message(formats.encode(small, "BGR888p"), socket=0)
                send["inputDetectionFrame"](stamp(frame, time_s, number))
            frame = image_message(formats.encode(image, "NV12"), socket=0)
            send["inputTrackerFrame"](stamp(frame, time_s, number))
            if detect(number) or "SHORT" in kind.name:
                seen.append((get["out"].get(), found, get["passthroughTrackerFrame"].get()))
    return seen


@pytest.mark.parametrize("kind", list(dai.TrackerType.__members__.values()), ids=str)
def test_ids_last_and_places_are_the_detections(kind):
    seen = run(kind, 30)
    first = {t.label: t.id for t in seen[0][0].tracklets}
    assert sorted(first.values()) == list(range(5))
    for number, (message, found, frame) in enumerate(seen):
        assert message.getSequenceNum() == frame.getSequenceNum() == number
        assert {t.label: t.id for t in message.tracklets} == first
        status = STATUS.NEW if number < 2 else STATUS.TRACKED
        assert {t.status for t in message.tracklets} == {status}
        assert {t.age for t in message.tracklets} == {number}
        for tracklet in message.tracklets:
            origin = next(d for d in found if d.label == tracklet.label)
            assert tracklet.spatialCoordinates.z == origin.spatialCoordinates.z
            assert tracklet.srcImgDetection.xmin == origin.xmin
            roi = tracklet.roi.denormalize(640, 360)
            assert roi.x == pytest.approx(origin.xmin * 640, abs=6)
            assert roi.width == pytest.approx((origin.xmax - origin.xmin) * 640, abs=8)


@pytest.mark.parametrize(
    "kind", [dai.TrackerType.SHORT_TERM_KCF, dai.TrackerType.SHORT_TERM_IMAGELESS], ids=str
)
def test_short_term_kinds_answer_pictures_without_detections(kind):
    seen = run(kind, 24, detect=lambda number: number % 3 == 0)
    assert len(seen) == 24
    off = []
    for message, found, _ in seen[9:]:
        assert {t.status for t in message.tracklets} == {STATUS.TRACKED}
        for tracklet in message.tracklets:
            origin = next(d for d in found if d.label == tracklet.label)
            middle = tracklet.roi.x + tracklet.roi.width / 2
            off.append(abs(middle - (origin.xmin + origin.xmax) / 2) * 640)
    assert np.median(off) < 3
    assert max(off) < 25


def test_zero_term_kinds_answer_detections_only_and_lose_what_is_not_there():
    def configure(tracker):
        tracker.setDetectionLabelsToTrack([3])
        tracker.setTrackletMaxLifespan(2)
        tracker.setTrackletBirthThreshold(1)

    pipeline = pipeline_with(configure, dai.TrackerType.ZERO_TERM_IMAGELESS)
    told = []
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        send = {name: device.getInputQueue(name).send for name in INPUTS}
        for number, is_there in enumerate([True, False, True, False, False, False, False]):
            image, found = truth(0)
            message = dai.ImgDetections()
            plain = []
            for one in found if is_there else []:
                copy = dai.ImgDetection()
                copy.label, copy.confidence = one.label, one.confidence
                copy.xmin, copy.xmax, copy.ymin, copy.ymax = one.xmin, one.xmax, one.ymin, one.ymax
                plain.append(copy)
            message.detections = plain
            frame = image_message(formats.encode(image, "BGR888p"), socket=0)
            send["inputDetections"](stamp(message, 1 + number, number))
            for name in INPUTS[:2]:
                send[name](stamp(frame, 1 + number, number))
            told.append([t.status.name for t in device.getOutputQueue("out").get().tracklets])
    assert told == [["TRACKED"], ["LOST"], ["TRACKED"], ["LOST"], ["LOST"], ["REMOVED"], []]


def test_too_many_for_the_kind_are_refused():
    with (
        VirtualOak(deterministic=True),
        pytest.raises(PipelineError, match=r"maxObjectsToTrack = 61 is not 1 to 60 \(SHORT_TERM"),
    ):
        dai.Device(
            pipeline_with(lambda t: t.setMaxObjectsToTrack(61), dai.TrackerType.SHORT_TERM_KCF)
        )
