"""ObjectTracker: detections get identities that last.

ZERO_TERM kinds answer every detections message; SHORT_TERM kinds every tracker frame, with
detections or without. Where tracker frame and detection frame are the same output of a network,
each picture waits for its detections.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import depthai as dai

from ..blocks.formats import decode, is_known
from ..blocks.tracking import HISTOGRAM, IMAGELESS, KCF, Picture, Rules, Sighting, Track, Tracker
from ..message import frame_of, stamp_like, time_of
from ..schema import NodeRecord
from .node import Context, Node

# dai.TrackerType: how it compares, whether it goes on without detections, how many it follows.
_KINDS = {
    1: (KCF, True, 60),
    3: (IMAGELESS, True, 1000),
    5: (IMAGELESS, False, 1000),
    6: (HISTOGRAM, False, 1000),
}
_SMALLEST = 1
# Pictures of one moment are this close in time.
_SAME_MOMENT_S = 0.010


class ObjectTracker(Node):
    """See the module."""

    honoured = (
        "trackerType",
        "trackerThreshold",
        "maxObjectsToTrack",
        "detectionLabelsToTrack*",
        "trackerIdAssignmentPolicy",
        "trackingPerClass",
        "trackletBirthThreshold",
        "trackletMaxLifespan",
        "occlusionRatioThreshold",
    )
    sends = ("out", "passthroughTrackerFrame", "passthroughDetectionFrame", "passthroughDetections")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        values = self.properties
        looks, predicts, _ = _KINDS[values["trackerType"]]
        self._tracker = Tracker(
            Rules(
                looks,
                predicts,
                values["trackerThreshold"],
                values["maxObjectsToTrack"],
                frozenset(values["detectionLabelsToTrack"]),
                values["trackerIdAssignmentPolicy"] == _SMALLEST,
                values["trackingPerClass"],
                values["trackletBirthThreshold"],
                values["trackletMaxLifespan"],
                values["occlusionRatioThreshold"],
            )
        )
        self._needs_pixels = looks != IMAGELESS
        self._predicts = predicts

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        values = record.properties
        if values["trackerType"] not in _KINDS:
            yield f"trackerType = {values['trackerType']} is unknown"
            return
        name = dai.TrackerType(values["trackerType"]).name
        limit = _KINDS[values["trackerType"]][2]
        if not 0 < values["maxObjectsToTrack"] <= limit:
            yield f"maxObjectsToTrack = {values['maxObjectsToTrack']} is not 1 to {limit} ({name})"

    def set_up(self) -> None:
        """See Node."""
        schema, sources = self.context.schema, {}
        for link in schema.connections if schema is not None else ():
            if link.target == self.record.id:
                sources[link.input] = (link.source, link.output)
        tracker = sources.get("inputTrackerFrame")
        self._is_paired = (
            tracker is not None
            and tracker == sources.get("inputDetectionFrame")
            and tracker[0] == sources.get("inputDetections", (None, ""))[0]
        )

    def step(self) -> None:
        """See Node."""
        if self._predicts and not self._is_paired:
            frame = self.inputs["inputTrackerFrame"].get()
            detections = self._detections_until(time_of(frame))
        else:
            detections = self.inputs["inputDetections"].get()
            frame = self._frame_from(time_of(detections))
        looked_at = None if detections is None else self._detection_frame(detections)
        config = self.inputs.get("inputConfig")
        while config is not None and (told := config.queue.try_get()) is not None:
            self._tracker.remove(set(told.trackletIdsToRemove))
        now = self._picture(frame)
        seen = now if looked_at is None else self._picture(looked_at)
        if self._needs_pixels and (now.pixels is None or seen.pixels is None):
            kind = frame_of(frame if now.pixels is None else looked_at).type
            self.error(f"pictures of type {kind} cannot be read: dropped", once=True)
            return
        found = None if detections is None else [_sighting(d) for d in detections.detections]
        tracks = self._tracker.step(found, seen, now)
        if self.output("out").is_linked:
            message = dai.Tracklets()
            message.tracklets = [_tracklet(track) for track in tracks]
            self.send("out", stamp_like(message, frame))
        for key, passed in (
            ("passthroughTrackerFrame", frame),
            ("passthroughDetectionFrame", looked_at),
            ("passthroughDetections", detections),
        ):
            if passed is not None and self.output(key).is_linked:
                self.send(key, passed)

    def _detections_until(self, time_s: float) -> Any:
        """The newest detections that have come, made in a picture of that time or before."""
        queue, newest = self.inputs["inputDetections"].queue, None
        while (message := queue.peek()) is not None:
            if time_of(message) > time_s + _SAME_MOMENT_S:
                break
            newest = queue.get()
        return newest

    def _frame_from(self, time_s: float) -> Any:
        """The first tracker frame of that time or later."""
        frames = self.inputs["inputTrackerFrame"]
        frame = frames.get()
        while time_of(frame) < time_s - _SAME_MOMENT_S:
            frame = frames.get()
        return frame

    def _detection_frame(self, detections: Any) -> Any:
        """The picture they were found in; None where it is not linked or no longer there."""
        frames = self.inputs["inputDetectionFrame"]
        if not frames.is_linked:
            return None
        wanted = time_of(detections)
        if not wanted:
            # Made by the host and never stamped: in the order they come.
            return frames.get()
        while frames.previous is None or time_of(frames.previous) < wanted - _SAME_MOMENT_S:
            frames.get()
        is_it = abs(time_of(frames.previous) - wanted) <= _SAME_MOMENT_S
        return frames.previous if is_it else None

    def _picture(self, message: Any) -> Picture:
        frame = frame_of(message)
        has = self._needs_pixels and is_known(frame.type)
        return Picture(time_of(message), decode(frame) if has else None)


def _sighting(detection: Any) -> Sighting:
    box = detection.xmin, detection.ymin, detection.xmax, detection.ymax
    return Sighting(box, detection.label, detection.confidence, detection)


def _tracklet(track: Track) -> Any:
    message: Any = dai.Tracklet()
    message.id, message.label, message.age = track.id, track.sighting.label, track.age
    message.status = getattr(dai.Tracklet.TrackingStatus, track.status)
    left, top, right, bottom = track.box
    message.roi = dai.Rect(left, top, right - left, bottom - top)
    origin = track.sighting.origin
    message.srcImgDetection = origin
    if isinstance(origin, dai.SpatialImgDetection):
        message.spatialCoordinates = origin.spatialCoordinates
    return message
