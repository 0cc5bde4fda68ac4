"""The scene: a room, the things in it, and what a camera sees of them at a moment."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import cv2
import numpy as np

from . import texture
from .camera import CameraModel, Vector
from .furnish import furnished
from .marks import name_of
from .raster import Canvas, Silhouette, paint_quad, paint_sphere
from .texture import Color
from .things import BOX, SPHERE, Thing, default_things

# The room in metres: axes as cameras have them, y is down.
WALL_Z, FLOOR_Y, CEILING_Y, SIDE_X = 6.5, 1.25, -2.2, 4.2
# Metres per texel of the room's surfaces.
_TEXEL_M = 0.006
ROOM_CONTRAST, QUIET = 0.2, 0.06
# Pictures of the empty room that are kept: a few cameras, in a few sizes.
_KEPT_ROOMS = 8


@dataclass(frozen=True)
class SceneObject:
    """A thing as a camera sees it.

    ``box`` is left, top, right, bottom in pixels of the whole outline inside the picture, the
    right and bottom ends excluded. ``position_m`` is its middle in the camera's axes (y down).
    ``depth_mm``: median depth of what is visible of its surface. ``visible``: which share of the
    outline's pixels nothing hides. ``color`` (BGR) and ``mark`` are the Thing's.
    """

    label: str
    class_number: int
    box: tuple[int, int, int, int]
    position_m: Vector
    depth_mm: float
    visible: float
    color: Color = (128.0, 128.0, 128.0)
    mark: str = ""

    @property
    def color_name(self) -> str:
        """The nearest of the colours that have a name; a face's is its skin's, which has none."""
        return "" if self.label == "face" else name_of(self.color)

    @property
    def distance_m(self) -> float:
        """From the camera to the thing's middle."""
        return float(np.linalg.norm(self.position_m))


@dataclass(frozen=True)
class Rendering:
    """A picture with its truth: BGR uint8, depth along z in mm (uint16), things by nearness."""

    image: np.ndarray
    depth_mm: np.ndarray
    objects: tuple[SceneObject, ...]


class Scene:
    """A deterministic function from a camera and a moment to a picture and its truth.

    ``things`` take the place of those the seed gives. ``contrast`` is of the room's surfaces: the
    default is for stereo matching, a quieter room is easier on the eye. May be asked by several
    threads.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        things: tuple[Thing, ...] | None = None,
        contrast: float = ROOM_CONTRAST,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.things = default_things(rng) if things is None else things
        self._textures = [thing.draw(rng) for thing in self.things]
        self._room = _room_textures(rng, contrast)
        self._empty: dict[CameraModel, Canvas] = {}
        self._lock = threading.Lock()

    @classmethod
    def furnished(cls, seed: int = 0) -> Scene:
        """A quiet room with some nine things of many colours and marks; see ``furnish``."""
        return cls(seed, things=furnished(seed), contrast=QUIET)

    def render(self, camera: CameraModel, time_s: float) -> Rendering:
        """What the camera sees, with the truth."""
        canvas, outlines = self._paint(camera, time_s)
        depth = np.clip(np.rint(canvas.depth_m * 1000), 0, 65535).astype(np.uint16)
        found = []
        for number, thing in enumerate(self.things, start=1):
            whole = _union(outlines[number - 1])
            if whole is None:
                continue
            left, top, columns, rows = cv2.boundingRect(whole.mask)
            if columns == 0:
                continue
            part = slice(whole.top, whole.top + whole.mask.shape[0])
            across = slice(whole.left, whole.left + whole.mask.shape[1])
            seen = canvas.thing[part, across] == number
            count = int(np.count_nonzero(seen))
            x, y, z = camera.to_camera(thing.motion.place(time_s)[None])[0]
            left, top = left + whole.left, top + whole.top
            found.append(
                SceneObject(
                    thing.label,
                    thing.class_number,
                    (left, top, left + columns, top + rows),
                    (float(x), float(y), float(z)),
                    float(np.median(depth[part, across][seen])) if count else 0.0,
                    count / max(int(np.count_nonzero(whole.mask)), 1),
                    thing.color,
                    thing.mark,
                )
            )
        found.sort(key=lambda one: one.position_m[2])
        return Rendering(canvas.color, depth, tuple(found))

    def picture(self, camera: CameraModel, time_s: float) -> np.ndarray:
        """Only the BGR picture: what ``render`` gives without the truth."""
        return self._paint(camera, time_s)[0].color

    def _paint(self, camera: CameraModel, time_s: float) -> tuple[Canvas, list[list[Silhouette]]]:
        canvas = self._empty_room(camera).copy()
        outlines = []
        for number, (thing, levels) in enumerate(
            zip(self.things, self._textures, strict=True), start=1
        ):
            if thing.shape == SPHERE:
                place, turn = thing.motion.place(time_s), thing.motion.turn(time_s)
                parts = [paint_sphere(canvas, number, place, thing.size_m[0] / 2, turn, levels)]
            else:
                flat = thing.shape != BOX
                parts = [
                    paint_quad(canvas, number, quad, levels, two_sided=flat)
                    for quad in thing.quads(time_s)
                ]
            outlines.append([part for part in parts if part is not None])
        return canvas, outlines

    def _empty_room(self, camera: CameraModel) -> Canvas:
        with self._lock:
            if camera not in self._empty:
                if len(self._empty) >= _KEPT_ROOMS:
                    self._empty.pop(next(iter(self._empty)))
                self._empty[camera] = _paint_room(camera, self._room)
            return self._empty[camera]


# -- the room


def _room_textures(rng: np.random.Generator, contrast: float) -> dict[str, np.ndarray]:
    """One square texture per surface, repeated by reflection."""
    grain = texture.noise(rng, 1024, 1024)
    return {
        "wall": texture.tinted(grain, (150, 165, 170), contrast),
        "floor": texture.tinted(grain[::-1], (85, 115, 140), contrast),
        "side": texture.tinted(grain.T, (160, 150, 140), contrast),
    }


def _paint_room(camera: CameraModel, textures: dict[str, np.ndarray]) -> Canvas:
    rows, columns = camera.height, camera.width
    color = np.zeros((rows, columns, 3), np.uint8)
    depth = np.full((rows, columns), np.inf, np.float32)
    x = camera.columns(0, columns)[None, :]
    y = camera.rows(0, rows)[:, None]
    # Directions of all pixels in world axes, one unit along the camera's z.
    turned = np.array(camera.rotation, np.float32).T
    ray = [turned[i, 0] * x + turned[i, 1] * y + turned[i, 2] for i in range(3)]
    start = camera.position_m
    # (axis that is constant, its value, axes of the texture, texture)
    planes = (
        (2, WALL_Z, (0, 1), "wall"),
        (1, FLOOR_Y, (0, 2), "floor"),
        (1, CEILING_Y, (0, 2), "wall"),
        (0, -SIDE_X, (2, 1), "side"),
        (0, SIDE_X, (2, 1), "side"),
    )
    for axis, value, (across, down), name in planes:
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.broadcast_to((value - start[axis]) / ray[axis], depth.shape)
        seen = cv2.inRange(far, 1e-3, 1e6) & cv2.compare(far, depth, cv2.CMP_LT)
        left, top, width, height = cv2.boundingRect(seen)
        if not width:
            continue
        part = slice(top, top + height), slice(left, left + width)
        shown = seen[part] > 0
        far = np.where(shown, far[part], 0)
        np.copyto(depth[part], far, where=shown)
        texel_x, texel_y = (
            (start[a] + far * np.broadcast_to(ray[a], depth.shape)[part] + 20) / _TEXEL_M
            for a in (across, down)
        )
        patch = cv2.remap(
            textures[name],
            texel_x.astype(np.float32),
            texel_y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        np.copyto(color[part], patch, where=shown[..., None])
    return Canvas(camera, color, depth, np.zeros((rows, columns), np.uint8))


def _union(parts: list[Silhouette]) -> Silhouette | None:
    if len(parts) <= 1:
        return parts[0] if parts else None
    left, top = min(p.left for p in parts), min(p.top for p in parts)
    right = max(p.left + p.mask.shape[1] for p in parts)
    bottom = max(p.top + p.mask.shape[0] for p in parts)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for part in parts:
        rows, columns = part.mask.shape
        y, x = part.top - top, part.left - left
        here = mask[y : y + rows, x : x + columns]
        np.maximum(here, part.mask, out=here)
    return Silhouette(left, top, mask)
