"""``TwoStage``: find things, look at each with a second network, show both; on the camera."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.errors import UsageError

from .draw import Canvas, draw_things
from .in_step import Complete, in_step
from .need import need
from .network import Detector, Recognizer
from .pipeline import ANSWER, FRAME, PLAN, SEEN, Camera, Tracking, build

# Messages of a stream that wait for a slow host before the camera does.
_WAITING = 2
_SHOWN = ("NEW", "TRACKED")
# Pictures of which the rate is the mean.
_COUNTED = 30


@dataclass
class Thing:
    """Something that was found. ``box``: x0, y0, x1, y1 as shares of the picture.

    ``answer``: what ``decode`` made of the second network's result, None where nobody looked.
    ``age``: pictures since that look. ``id`` stays the same with a tracker, else None. ``place``:
    x (right), y (up), z (away) in metres, where the board measured it.
    """

    box: tuple[float, float, float, float]
    label: int
    name: str
    confidence: float
    answer: Any = None
    age: int = 0
    id: int | None = None
    place: tuple[float, float, float] | None = None


@dataclass
class Seen:
    """A picture (H x W x 3, BGR bytes) and what is in it. ``time_s``: of the camera's clock."""

    number: int
    time_s: float
    picture: np.ndarray
    things: list[Thing] = field(default_factory=list)


Decode = Callable[[Mapping[str, np.ndarray]], Any]
Draw = Callable[[np.ndarray, Seen], Any]


class TwoStage:
    """A two-stage application::

        app = TwoStage("face.blob", "masks.blob", decode=Classifier(("no mask", "mask")))
        app.run()

    ``detector`` and ``recognizer``: paths of blobs, or ``Detector`` and ``Recognizer`` with what
    else there is to say. ``decode``: makes an answer of the recogniser's tensors (by name, in the
    blob's shapes); without it the answer is the tensors. ``draw``: draws on a picture what is in
    it, and may give back its Canvas. ``tracker``: True or ``Tracking``: things keep their number
    and are looked at once in a while. ``camera``: size and rate. ``depth``: distances from the
    stereo pair, by default wherever the board has one. ``most``: things of a picture that are
    looked at, the surest.

    It runs on a camera, and on the virtual one as it is. Raises UsageError for what makes no
    sense, UnreadableModel for a blob that cannot be read.
    """

    def __init__(
        self,
        detector: Detector | str | Path,
        recognizer: Recognizer | str | Path,
        *,
        decode: Decode | None = None,
        draw: Draw = draw_things,
        tracker: Tracking | bool | None = None,
        camera: Camera | None = None,
        depth: bool | None = None,
        most: int = 20,
    ) -> None:
        if most < 1:
            raise UsageError(f"most = {most} must be 1 or more", key="most")
        self.detector = detector if isinstance(detector, Detector) else Detector(detector)
        self.recognizer = (
            recognizer if isinstance(recognizer, Recognizer) else Recognizer(recognizer)
        )
        self.decode, self.draw = decode, draw
        self.tracking = Tracking() if tracker is True else (tracker or None)
        self.camera, self.depth, self.most = camera or Camera(), depth, most

    def pipeline(self, has_depth: bool = False) -> Any:
        """The ``dai.Pipeline``, to look at or to add to."""
        return build(
            self.detector,
            self.recognizer,
            camera=self.camera,
            tracking=self.tracking,
            most=self.most,
            has_depth=has_depth,
        )

    def watch(self, device: Any = None) -> Iterator[Seen]:
        """Pictures with what is in them, for ever.

        ``device``: a ``dai.Device`` that runs nothing yet, or runs ``pipeline()``; without one the
        first camera is opened, and closed with the iterator.
        """
        if device is None:
            with need("depthai").Device() as own:
                yield from self.watch(own)
            return
        if not device.isPipelineRunning():
            device.startPipeline(self.pipeline(self._has_depth(device)))
        queues = {
            name: device.getOutputQueue(name, _WAITING, True)
            for name in (PLAN, SEEN, FRAME, ANSWER)
        }
        memory = _Memory(self)
        for complete in in_step(queues):
            yield memory.read(complete)

    def run(self, title: str = "two stages", key: str = "q") -> None:
        """Show a window, with how many pictures a second come, until ``key`` is pressed."""
        cv2 = need("cv2")
        times: deque[float] = deque(maxlen=_COUNTED)
        for seen in self.watch():
            drawn = self.draw(seen.picture, seen)
            times.append(seen.time_s)
            if times[-1] > times[0]:
                canvas = drawn if isinstance(drawn, Canvas) else Canvas(seen.picture)
                canvas.note(f"{(len(times) - 1) / (times[-1] - times[0]):.1f} fps")
            cv2.imshow(title, seen.picture)
            if cv2.waitKey(1) == ord(key):
                break

    def _has_depth(self, device: Any) -> bool:
        dai = need("depthai")
        pair = {dai.CameraBoardSocket.CAM_B, dai.CameraBoardSocket.CAM_C}
        monos = {
            camera.socket
            for camera in device.getConnectedCameraFeatures()
            if dai.CameraSensorType.MONO in camera.supportedTypes
        }
        if self.depth and not pair <= monos:
            raise UsageError(
                "distances were asked for, and this board has no pair of mono cameras",
                remedy="leave out depth=True: distances come by themselves where a pair is",
                key="depth",
            )
        return pair <= monos if self.depth is None else self.depth


@dataclass
class _Look:
    """The last time something was looked at."""

    number: int
    tensors: dict[str, np.ndarray]
    answer: Any
    count: int = 1


class _Memory:
    """Makes ``Seen`` of messages; remembers, by id, what was answered."""

    def __init__(self, app: TwoStage) -> None:
        self._app = app
        self._looks: dict[int, _Look] = {}

    def read(self, complete: Complete) -> Seen:
        """One picture with its things."""
        frame = complete.frame
        time_s = frame.getTimestamp().total_seconds()
        seen = Seen(complete.number, time_s, frame.getCvFrame())
        if self._app.tracking is None:
            for i, found in enumerate(complete.seen.detections):
                if self._is_wanted(found.label):
                    thing = self._thing(found, found.label)
                    if i in complete.answers:
                        thing.answer = self._decoded(self._tensors(complete.answers[i]))
                    seen.things.append(thing)
            return seen
        tracklets = complete.seen.tracklets
        alive = {track.id for track in tracklets}
        self._looks = {i: look for i, look in self._looks.items() if i in alive}
        for i, track in enumerate(tracklets):
            if i in complete.answers:
                self._look(track.id, complete.number, complete.answers[i])
            if track.status.name in _SHOWN:
                seen.things.append(self._tracked(track, complete.number))
        return seen

    def _is_wanted(self, label: int) -> bool:
        keep = self._app.detector.keep
        return not keep or label in keep

    def _thing(self, found: Any, label: int) -> Thing:
        thing = Thing(
            (found.xmin, found.ymin, found.xmax, found.ymax),
            label,
            self._app.detector.name(label),
            found.confidence,
        )
        return _placed(thing, getattr(found, "spatialCoordinates", None))

    def _tracked(self, track: Any, number: int) -> Thing:
        thing = self._thing(track.srcImgDetection, track.label)
        roi = track.roi
        thing.box = (roi.x, roi.y, roi.x + roi.width, roi.y + roi.height)
        thing.id = track.id
        look = self._looks.get(track.id)
        if look is not None:
            thing.answer, thing.age = look.answer, number - look.number
        return _placed(thing, track.spatialCoordinates)

    def _look(self, identity: int, number: int, message: Any) -> None:
        tensors = self._tensors(message)
        before, tracking = self._looks.get(identity), self._app.tracking
        assert tracking is not None
        count = before.count + 1 if before is not None else 1
        if before is not None:
            # A mean of the first looks, which then fades.
            share = min(tracking.memory, 1 - 1 / count)
            tensors = {n: share * before.tensors[n] + (1 - share) * t for n, t in tensors.items()}
        self._looks[identity] = _Look(number, tensors, self._decoded(tensors), count)

    def _tensors(self, message: Any) -> dict[str, np.ndarray]:
        found = self._app.recognizer.tensors(message)
        # The message's memory is not ours to keep; FP16 has no room for sums.
        return {
            name: tensor.astype(np.float32 if tensor.dtype.kind == "f" else np.float64)
            for name, tensor in found.items()
        }

    def _decoded(self, tensors: dict[str, np.ndarray]) -> Any:
        return tensors if self._app.decode is None else self._app.decode(tensors)


def _placed(thing: Thing, spot: Any) -> Thing:
    """With its place in metres; zeros and infinities are what nobody measured."""
    if spot is not None and spot.z > 0 and math.isfinite(spot.z):
        thing.place = (spot.x / 1000, spot.y / 1000, spot.z / 1000)
    return thing
