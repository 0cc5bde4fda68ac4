"""What the three camera nodes share: the sensor's clock, controls, and the source's pictures.

All cameras of a device tick together: frame n is exposed n/fps seconds after the pipeline's
start. A camera held up by a full queue misses ticks, and its numbers jump, as on the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

import depthai as dai
import numpy as np

from oakwright.errors import PipelineError

from ..blocks.formats import decode, encode
from ..blocks.look import Look, apply
from ..blocks.raw import raw_frame, warmth
from ..blocks.sensor import SensorImage, orient
from ..blocks.tof import raw_of
from ..boards import Board, Mounting, SensorMode
from ..message import image_message, stamp
from ..scheduler import Stopped, Waiting, never
from ..schema import NodeRecord, Schema
from ..sources import Shot
from .camera_control import CameraControls
from .node import Context, Node

# Bits of RawCameraControl.cmdMask (dai.RawCameraControl.Command).
_START, _STOP, _STILL = 1, 2, 3
# Commands that are not about how pictures look.
_NO_LOOK = 1 << _START | 1 << _STOP | 1 << _STILL
_AS_IT_IS = Look()
# How far away things are where nobody knows.
_USUAL_DEPTH_M = 2.0
# All are followed, or said to have no effect, by camera_control.
CONTROLS = ("initialControl.*",)
CAMERA_POOLS = (
    "isp3aFps",
    "numFramesPool*",
)


class SensorNode(Node):
    """Base of ColorCamera, MonoCamera and Camera."""

    honoured: ClassVar[tuple[str, ...]] = (
        "boardSocket",
        "cameraName",
        "fps",
        "imageOrientation",
        "rawPacked",
        "resolution*",
    )
    harmless: ClassVar[tuple[str, ...]] = (*CONTROLS, *CAMERA_POOLS)
    # Which sensors AUTO and plain names may mean: None for any.
    wants_color: ClassVar[bool | None] = None

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        mounting = self._find_mounting(record, context.schema, context.board)
        assert mounting is not None, "said by missing_camera, before anything is built"
        self.mounting = mounting
        self.sensor_mode = self.mode()
        self.fps = self._find_fps()
        self.number = -1
        self.moment_s = context.started_s
        self.is_streaming = True
        self.stills_wanted = 0
        size = self.sensor_mode.width, self.sensor_mode.height
        self.controls = CameraControls(
            mounting.sensor, size, self.fps, lambda text: self.warn(text, once=True)
        )

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        if not record.properties["fps"] > 0:
            yield f"fps = {record.properties['fps']} is not above 0"

    @classmethod
    def missing_camera(cls, record: NodeRecord, schema: Schema, board: Board) -> Iterable[str]:
        """As ``problems``: the camera that the node wants and the board lacks."""
        if cls._find_mounting(record, schema, board) is None:
            name, socket = record.properties["cameraName"], record.properties["boardSocket"]
            there = ", ".join(f"{c.name} (CAM_{'ABCDEFGH'[c.socket]})" for c in board.cameras)
            place = f"'{name}'" if name else "this sort"
            place = f"socket CAM_{'ABCDEFGH'[socket]}" if socket >= 0 else place
            yield f"{board.product} has no camera at {place}; choose another board, it has {there}"

    @property
    def detail(self) -> str:
        """The camera's name on its board."""
        return self.mounting.name

    def mode(self) -> SensorMode:
        """The sensor's mode this node runs it in."""
        raise NotImplementedError

    def expose(self, image: SensorImage) -> None:
        """Make and send what is linked of one picture."""
        raise NotImplementedError

    # -- a step

    def step(self) -> None:
        """Wait for the tick, take the picture, send."""
        self._await_tick()
        self._take_controls()
        if not self.is_streaming or self._is_lost():
            return
        if self.output("frameEvent").is_linked:
            self.send("frameEvent", self._event())
        moment_s = self.moment_s - self.context.started_s
        shot = Shot(self.mounting, self.number, moment_s, self.fps)
        pixels = self.context.source.frame(shot)
        if pixels is None:
            self.context.source_ended()
            raise Stopped
        turned = self._turned(pixels)
        if self.mounting.sensor.is_tof:
            self._send_distance(shot, turned)
        mode = self.sensor_mode
        self.expose(self._looked(SensorImage(turned, mode.width, mode.height), shot))

    def _is_lost(self) -> bool:
        """Whether a fault takes this frame: its number is then nobody's."""
        faults, mounting = self.context.faults, self.mounting
        return faults is not None and faults.loses_frame(
            mounting.name, mounting.socket, self.number
        )

    def _await_tick(self) -> None:
        if self.context.settings.pace == "free":
            self.number, self.moment_s = self.number + 1, self.context.clock.now()
            return
        clock, started = self.context.clock, self.context.started_s
        if (taped := self._next_taped(clock.now() - started)) is not None:
            self.number, due_s = taped
        else:
            passed = int((clock.now() - started) * self.fps + 1e-6)
            self.number = max(self.number + 1, passed)
            due_s = self.number / self.fps
        # One that comes late, because a queue was full, was still exposed at its tick.
        self.moment_s = started + due_s
        self.context.scheduler.wait(never, Waiting("waits for its next frame"), until=self.moment_s)

    def _next_taped(self, now_s: float) -> tuple[int, float] | None:
        """Number and moment of the next frame, where a recording says so."""
        find = getattr(self.context.source, "next_tick", None)
        found: tuple[int, float] | None = None
        if find is not None:
            found = find(self.mounting.socket, self.fps, self.number, now_s)
        return found

    def _take_controls(self) -> None:
        control = self.inputs.get("inputControl")
        while control is not None and (message := control.queue.try_get()) is not None:
            mask = int(message.get().cmdMask)
            if mask & ~_NO_LOOK:
                self.controls.take_message(message)
            self.is_streaming = (self.is_streaming or bool(mask >> _START & 1)) and not (
                mask >> _STOP & 1
            )
            self.stills_wanted += mask >> _STILL & 1

    def _looked(self, image: SensorImage, shot: Shot) -> SensorImage:
        """The picture as the controls have it; those of heat and distance are left alone."""
        look, sensor = self.controls.look, self.mounting.sensor
        if sensor.is_tof or sensor.is_thermal or look == _AS_IT_IS:
            return image
        if look.region is not None:
            look = replace(look, region=image.in_source(look.region))
        depth_of, depth_m = getattr(self.context.source, "depth", None), _USUAL_DEPTH_M
        if look.lens is not None and depth_of is not None:
            depth = self._turned(depth_of(shot))
            rows, columns = depth.shape
            middle = depth[rows // 3 : rows - rows // 3, columns // 3 : columns - columns // 3]
            depth_m = float(np.median(middle)) / 1000
        seed = self.number << 4 | self.mounting.socket
        return replace(image, pixels=apply(image.pixels, look, seed=seed, depth_m=depth_m))

    def image(self, frame: Any) -> Any:
        """A message of this moment's frame."""
        return stamp(image_message(frame, socket=self.mounting.socket), self.moment_s, self.number)

    def send_raw(self, image: SensorImage) -> None:
        """What the sensor gives before the ISP, if linked; packed unless the script says not."""
        if self.output("raw").is_linked and not self.mounting.sensor.is_tof:
            packed = self.properties["rawPacked"] is not False
            pixels = image.render(image.whole, image.width, image.height)
            if not self.mounting.sensor.is_color:
                pixels = decode(encode(pixels, "GRAY8"))
            is_thermal = self.mounting.sensor.is_thermal
            frame = warmth(pixels) if is_thermal else raw_frame(pixels, packed=packed)
            self.send("raw", self.image(frame))

    def _turned(self, pixels: np.ndarray) -> np.ndarray:
        if self.mounting.is_upside_down:
            pixels = pixels[::-1, ::-1]
        return orient(pixels, self.properties["imageOrientation"])

    def _send_distance(self, shot: Shot, light: np.ndarray) -> None:
        """What a time-of-flight sensor gives; see ``blocks/tof``."""
        if self.output("raw").is_linked:
            depth_of = getattr(self.context.source, "depth", None)
            assert depth_of is not None, "said in set_up"
            size = self.sensor_mode.width, self.sensor_mode.height
            self.send("raw", self.image(raw_of(self._turned(depth_of(shot)), light, size)))

    def set_up(self) -> None:
        """See Node."""
        super().set_up()
        self.controls.take(self.properties["initialControl"])
        knows_depth = hasattr(self.context.source, "depth")
        if self.mounting.sensor.is_tof and self.output("raw").is_linked and not knows_depth:
            text = f"{self.title}: nobody knows how far things are in this source"
            remedy = "a time-of-flight camera needs the source scene or cuts"
            raise PipelineError(text, remedy=remedy, findings=(text,))

    def _event(self) -> Any:
        event = dai.ImgFrame()
        event.setInstanceNum(self.mounting.socket)
        event.setData(np.zeros(0, np.uint8))
        return stamp(event, self.moment_s, self.number)

    # -- what the board has

    @classmethod
    def _find_mounting(
        cls, record: NodeRecord, schema: Schema | None, board: Board
    ) -> Mounting | None:
        name, socket = record.properties["cameraName"], record.properties["boardSocket"]
        if name:
            return board.named(name)
        if socket >= 0:
            return board.camera(socket)
        return cls._free_camera(record, schema, board)

    @classmethod
    def _free_camera(
        cls, record: NodeRecord, schema: Schema | None, board: Board
    ) -> Mounting | None:
        """For a node that names no camera: the first of its sort that no other node has."""
        wanted = cls.wants_color
        fitting = [c for c in board.cameras if wanted is None or c.sensor.is_color is wanted]
        others = [
            (r.id, r.properties["boardSocket"], r.properties["cameraName"])
            for r in (schema.nodes if schema is not None else ())
            if r.kind == record.kind and r.id != record.id
        ]
        named = [c for c in fitting if any(c.socket == s or c.name == n for _, s, n in others)]
        free = [c for c in fitting if c not in named] or fitting
        before = sum(1 for id, s, n in others if s < 0 and not n and id < record.id)
        return free[min(before, len(free) - 1)] if free else None

    def _find_fps(self) -> float:
        wanted = float(self.properties["fps"])
        mode = self.sensor_mode
        if self.context.settings.pace != "free" and wanted > mode.max_fps:
            self.warn(
                f"{self.mounting.sensor.name} makes at most {mode.max_fps:g} frames a second at "
                f"{mode.width}x{mode.height}, not {wanted:g}"
            )
            return mode.max_fps
        return wanted

    def mode_of(self, width: int, height: int) -> SensorMode:
        """The sensor's mode of this size; the rate of the next larger one where it has none."""
        modes = self.mounting.sensor.modes
        larger = [m for m in modes if m.width >= width and m.height >= height]
        if larger:
            best = min(larger, key=lambda m: m.width * m.height)
            if (best.width, best.height) == (width, height):
                return best
            return SensorMode(width, height, best.max_fps)
        self.warn(
            f"{self.mounting.sensor.name} has no resolution {width}x{height}; it is made up here"
        )
        return SensorMode(width, height, modes[-1].max_fps)
