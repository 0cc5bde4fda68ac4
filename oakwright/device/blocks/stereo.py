"""Depth from a pair of grey pictures: rectify, match, check, convert, see from another camera.

Matching is semi-global (OpenCV's, three directions), like the device's over 64 or 96 levels, twice
as many when extended. What it computes with is not the chip's census cost; what comes out has the
chip's units: disparity in pixels (times 2^bits with subpixels), depth = focal * baseline /
disparity, 0 where there is none. The map is seen from the right rectified camera unless asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from .bits import count_bits

RIGHT, LEFT, CENTER = "right", "left", "center"
# OpenCV's fixed point: sixteenths of a pixel.
_SIXTEENTHS = 16
_BLOCK = 5
# Penalties of SGBM for a block of 5 pixels: a change by one level, and by more.
_P1, _P2 = 8 * _BLOCK * _BLOCK, 32 * _BLOCK * _BLOCK
_CONFIDENCE_BLOCK = 5
_NO_CHECK = 10_000


@dataclass(frozen=True)
class Lens:
    """A camera's 3x3 matrix for pictures of ``size`` (width, height), and its distortion."""

    matrix: np.ndarray
    size: tuple[int, int]
    distortion: tuple[float, ...] = ()


@dataclass(frozen=True)
class Pose:
    """From one camera's axes to another's: ``rotation`` (3x3) first, then ``shift_m``."""

    rotation: np.ndarray
    shift_m: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Pose:
        """Of a 4x4 matrix with centimetres, as calibrations have it."""
        whole = np.asarray(matrix, np.float64)
        return cls(whole[:3, :3].copy(), whole[:3, 3] / 100)

    def after(self, first: Pose) -> Pose:
        """``first``, then this."""
        return Pose(self.rotation @ first.rotation, self.rotation @ first.shift_m + self.shift_m)

    @property
    def inverse(self) -> Pose:
        """The way back."""
        return Pose(self.rotation.T, -self.rotation.T @ self.shift_m)


@dataclass(frozen=True)
class Matching:
    """How disparity is found.

    ``levels``: 64 or 96. ``shift``: the smallest disparity looked for. ``subpixel_bits``: 0 for
    whole pixels, else 3 to 5. ``check``: how far left and right may disagree, in pixels, None for
    no check. ``confidence``: 0..255, what is less sure (a greater number) is dropped; 255 keeps
    all. ``align``: whose view, ``right``, ``left`` or ``center``. ``edge``: so many columns have no
    value, at the left for ``left``, else at the right.
    """

    levels: int = 96
    shift: int = 0
    extended: bool = False
    subpixel_bits: int = 0
    check: int | None = 10
    confidence: int = 245
    align: str = RIGHT
    edge: int = 0

    @property
    def scale(self) -> int:
        """Units of a disparity value per pixel."""
        return 1 << self.subpixel_bits

    @property
    def largest(self) -> int:
        """The largest value a disparity map can hold."""
        return ((self.levels - 1) * (2 if self.extended else 1) + self.shift) * self.scale


@dataclass(frozen=True)
class Match:
    """``disparity`` (HxW uint16, 0: none) in units of 1/scale pixel; ``confidence`` 0 is best."""

    disparity: np.ndarray
    confidence: np.ndarray


class Rectifier:
    """Turns pictures of two cameras so that a point lies on the same row of both.

    ``pose`` leads from the left camera's axes to the right one's. Both rectified pictures have the
    right camera's matrix. Cameras that are parallel and alike already are left as they are.
    """

    def __init__(self, left: Lens, right: Lens, pose: Pose) -> None:
        self.left, self.right, self.pose = left, right, pose
        self.size = right.size
        if left.size != right.size:
            raise ValueError(f"left pictures are {left.size}, right ones {right.size}")
        self.baseline_m = float(np.linalg.norm(pose.shift_m))
        if not self.baseline_m > 0:
            raise ValueError("the two cameras are in the same place")
        # The right camera lies along +x of the left one where the pair is not crossed.
        self.is_crossed = pose.shift_m[0] > 0
        self.rotations = self._rotations()
        self.matrix = right.matrix

    @property
    def focal_px(self) -> float:
        """Focal length of the rectified pictures."""
        return float(self.matrix[0, 0])

    def apply(
        self, left: np.ndarray, right: np.ndarray, fill: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rectified pair; ``fill`` where a camera sees nothing."""
        made = []
        for pixels, maps in zip((left, right), self._maps, strict=True):
            if maps is None:
                made.append(pixels)
            else:
                made.append(
                    cv2.remap(pixels, *maps, interpolation=cv2.INTER_LINEAR, borderValue=fill)
                )
        return made[0], made[1]

    @cached_property
    def _maps(self) -> tuple[tuple[np.ndarray, np.ndarray] | None, ...]:
        found: list[tuple[np.ndarray, np.ndarray] | None] = []
        for lens, rotation in zip((self.left, self.right), self.rotations, strict=True):
            x, y = cv2.initUndistortRectifyMap(
                lens.matrix,
                np.array(lens.distortion, np.float64) if lens.distortion else None,
                rotation,
                self.matrix,
                self.size,
                cv2.CV_32FC1,
            )
            columns, rows = np.meshgrid(np.arange(self.size[0]), np.arange(self.size[1]))
            moved = max(float(np.abs(x - columns).max()), float(np.abs(y - rows).max()))
            # Less than what bilinear sampling of 8-bit pixels resolves.
            found.append(None if moved < 0.01 else (x, y))
        return tuple(found)

    def _rotations(self) -> tuple[np.ndarray, np.ndarray]:
        if np.allclose(self.pose.rotation, np.eye(3), atol=1e-9):
            along = np.abs(self.pose.shift_m) / self.baseline_m
            if np.allclose(along, (1, 0, 0), atol=1e-9):
                return np.eye(3), np.eye(3)
        shift = self.pose.shift_m * (-1 if self.is_crossed else 1)
        first, second, *_ = cv2.stereoRectify(
            self.left.matrix,
            np.zeros(5),
            self.right.matrix,
            np.zeros(5),
            self.size,
            self.pose.rotation,
            shift.reshape(3, 1),
            flags=cv2.CALIB_ZERO_DISPARITY,
        )
        return np.asarray(first), np.asarray(second)


# -- matching


def match(left: np.ndarray, right: np.ndarray, how: Matching) -> Match:
    """Disparity of a rectified grey pair (HxW uint8 each).

    ``center`` is found as ``right``; ``see_from`` moves it.
    """
    if left.shape != right.shape or left.ndim != 2:
        raise ValueError(f"a pair of equal grey pictures is needed: {left.shape}, {right.shape}")
    if how.align == LEFT:
        sixteenths = _match_first(left, right, how)
        sureness = _confidence(left, right, sixteenths)
    else:
        # The right picture takes the left one's part in a mirror.
        first, second = cv2.flip(right, 1), cv2.flip(left, 1)
        sixteenths = _match_first(first, second, how)
        sureness = cv2.flip(_confidence(first, second, sixteenths), 1)
        sixteenths = cv2.flip(sixteenths, 1)
    units = _in_units(sixteenths, how)
    if how.confidence < 255:
        units[sureness > how.confidence] = 0
    if how.edge > 0:
        units[:, slice(how.edge) if how.align == LEFT else slice(-how.edge, None)] = 0
    return Match(units, np.asarray(sureness))


# With companding: whole disparities to the first, every second to the next, then every fourth.
COMPANDED_LEVELS, _COMPANDED = 176, (48, 112)


def companded(disparity: np.ndarray) -> np.ndarray:
    """Whole disparities (0..175) as sparse matching gives them: the nearest it looks at."""
    values = disparity.astype(np.int32)
    second, fourth = _COMPANDED
    found = np.where(values < second, values, second + (values - second + 1) // 2 * 2)
    last = COMPANDED_LEVELS - 4
    far = np.minimum(fourth + (values - fourth + 2) // 4 * 4, last)
    return np.where(values < fourth, found, far).astype(np.uint16)


def _match_first(first: np.ndarray, second: np.ndarray, how: Matching) -> np.ndarray:
    """Sixteenths of a pixel (int16, negative: none): pixel x of ``first`` is x - d of the other."""
    count = how.levels * (2 if how.extended else 1)
    matcher = cv2.StereoSGBM.create(
        minDisparity=how.shift,
        numDisparities=count,
        blockSize=_BLOCK,
        P1=_P1,
        P2=_P2,
        # OpenCV takes 1 for what is not above 0.
        disp12MaxDiff=_NO_CHECK if how.check is None else max(how.check, 1),
        preFilterCap=31,
        uniquenessRatio=0,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    # OpenCV leaves out columns whose whole range does not fit; with a border all take part.
    border = count + how.shift
    padded = [cv2.copyMakeBorder(p, 0, 0, border, 0, cv2.BORDER_REPLICATE) for p in (first, second)]
    found = np.ascontiguousarray(matcher.compute(*padded)[:, border:])
    columns = np.arange(first.shape[1], dtype=np.int32)[None, :] * _SIXTEENTHS
    found[found > columns] = -1
    return found


def _in_units(sixteenths: np.ndarray, how: Matching) -> np.ndarray:
    """As uint16 values of ``how.scale`` per pixel, rounded; 0 where there is none."""
    values = np.maximum(sixteenths, 0).astype(np.int32)
    units = (values * how.scale + _SIXTEENTHS // 2) // _SIXTEENTHS
    units[(sixteenths < 0) | (units > how.largest)] = 0
    return np.asarray(units, dtype=np.uint16)


def _confidence(first: np.ndarray, second: np.ndarray, sixteenths: np.ndarray) -> np.ndarray:
    """How badly the neighbourhoods differ, 0..255: 255 is as bad as chance.

    The mean Hamming distance of 3x3 census signatures over a block; chance is 4 of 8 bits.
    """
    rows, columns = first.shape
    x = np.arange(columns, dtype=np.float32)[None, :] - sixteenths.astype(np.float32) / _SIXTEENTHS
    y = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], x.shape)
    there = cv2.remap(second, x, np.ascontiguousarray(y), cv2.INTER_LINEAR)
    differing = count_bits(_census(first) ^ _census(there))
    mean = cv2.blur(differing.astype(np.float32), (_CONFIDENCE_BLOCK, _CONFIDENCE_BLOCK))
    score = np.minimum(mean * (255 / 4), 255).astype(np.uint8)
    score[sixteenths < 0] = 255
    return np.asarray(score)


def _census(pixels: np.ndarray) -> np.ndarray:
    """One bit for each of the 8 neighbours: brighter than the middle."""
    rows, columns = pixels.shape
    wide = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    signature = np.zeros((rows, columns), np.uint8)
    places = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]
    for bit, (dy, dx) in enumerate(places):
        # Comparisons give 255 or 0.
        brighter = cv2.compare(wide[dy : dy + rows, dx : dx + columns], pixels, cv2.CMP_GT)
        signature |= brighter & np.uint8(1 << bit)
    return signature


# -- depth


def depth_of(
    disparity: np.ndarray,
    scale: int,
    focal_px: float,
    baseline_m: float,
    *,
    units_per_m: float = 1000.0,
) -> np.ndarray:
    """Depth along z (uint16, mm unless told otherwise); 0 where disparity is 0 or depth too great.

    depth = focal * baseline / disparity.
    """
    with np.errstate(divide="ignore"):
        table = focal_px * baseline_m * units_per_m * scale / np.arange(int(disparity.max()) + 1)
    table[0] = 0
    table[table > 65535] = 0
    depth: np.ndarray = np.rint(table).astype(np.uint16)[disparity]
    return depth


@dataclass(frozen=True)
class View:
    """A camera to see a depth map from: its matrix and size, and the way to it."""

    matrix: np.ndarray
    size: tuple[int, int]
    pose: Pose


def see_from(
    view: View, matrix: np.ndarray, depth: np.ndarray, values: np.ndarray, unit_m: float = 0.001
) -> tuple[np.ndarray, np.ndarray]:
    """A depth map and any values of its pixels (HxW uint16) as another camera sees them.

    ``matrix`` belongs to the map, whose axes ``view.pose`` starts from. Nearer points hide farther
    ones; where nothing is known there is 0. The result has ``view.size``; it is computed at the
    map's own resolution where that is less, and enlarged.
    """
    width, height = view.size
    shrink = min(1.0, float(matrix[0, 0] / view.matrix[0, 0]))
    columns, rows = max(round(width * shrink), 1), max(round(height * shrink), 1)
    target = np.diag([columns / width, rows / height, 1.0]) @ view.matrix
    y, x = np.nonzero(depth)
    if view.pose.shift_m[0] > 0:
        # Near points move right, over far ones: these must be written first.
        y, x = y[::-1], x[::-1]
    z = depth[y, x].astype(np.float32)
    spin = (target @ view.pose.rotation @ np.linalg.inv(matrix)).astype(np.float32)
    move = (target @ view.pose.shift_m / unit_m).astype(np.float32)
    u, v, w = (z * (spin[i, 0] * x + spin[i, 1] * y + spin[i, 2]) + move[i] for i in range(3))
    seen = w > 0
    w = np.where(seen, w, 1)
    u, v = np.rint(u / w).astype(np.int32), np.rint(v / w).astype(np.int32)
    seen &= (u >= 0) & (u < columns) & (v >= 0) & (v < rows) & (w < 65535)
    place = v[seen] * columns + u[seen]
    made = []
    for source in (np.rint(w), values[y, x]):
        picture = np.zeros(rows * columns, np.uint16)
        picture[place] = source[seen]
        picture = _without_cracks(picture.reshape(rows, columns))
        if (columns, rows) != view.size:
            picture = cv2.resize(picture, view.size, interpolation=cv2.INTER_NEAREST)
        made.append(picture)
    return made[0], made[1]


def _without_cracks(picture: np.ndarray) -> np.ndarray:
    """Holes a pixel or two wide, which stretching leaves, filled from around."""
    closed = cv2.morphologyEx(picture, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.where(picture == 0, closed, picture)
