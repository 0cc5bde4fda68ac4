"""Painting textured surfaces into a picture with a depth buffer.

Planes are painted by the homography between texture and picture, with exact depth per pixel;
spheres by casting a ray per pixel of their bounding box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .camera import CameraModel

# Surfaces with a corner nearer than this are left out: they would have to be clipped.
NEAREST_M = 0.1


@dataclass(frozen=True)
class Canvas:
    """A picture being painted: BGR, depth in metres, number of the thing (0: the room)."""

    camera: CameraModel
    color: np.ndarray
    depth_m: np.ndarray
    thing: np.ndarray

    def copy(self) -> Canvas:
        """One to paint on."""
        return Canvas(self.camera, self.color.copy(), self.depth_m.copy(), self.thing.copy())


@dataclass(frozen=True)
class Silhouette:
    """Where a surface would be seen if nothing stood before it: ``mask`` from (left, top)."""

    left: int
    top: int
    mask: np.ndarray


def paint_quad(
    canvas: Canvas, number: int, corners: np.ndarray, levels: list[np.ndarray], *, two_sided: bool
) -> Silhouette | None:
    """Paint a flat BGRA texture; ``corners`` (4 x 3, world) from top left clockwise."""
    camera = canvas.camera
    points = camera.to_camera(corners)
    if points[:, 2].min() < NEAREST_M:
        return None
    normal = np.cross(points[1] - points[0], points[3] - points[0])
    offset = float(normal @ points[0])
    # Clockwise as seen: the normal points away from the camera.
    if offset == 0 or (offset < 0 and not two_sided):
        return None
    pixels = camera.project(points)
    window = _window(camera, pixels.min(axis=0), pixels.max(axis=0))
    if window is None:
        return None
    left, top, right, bottom = window
    texture = _level(levels, float(np.linalg.norm(pixels[1] - pixels[0])))
    rows, columns = texture.shape[:2]
    # Corners of the texture are half a texel outside the middles of its first and last ones.
    x, y = columns - 0.5, rows - 0.5
    source = np.array([(-0.5, -0.5), (x, -0.5), (x, y), (-0.5, y)], np.float32)
    target = (pixels - (left, top)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    size = right - left, bottom - top
    patch = cv2.warpPerspective(
        texture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(inside, np.round(target * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    mask = cv2.min(cv2.threshold(patch[..., 3], 127, 255, cv2.THRESH_BINARY)[1], inside)
    across = (normal[0] * camera.columns(left, right)).astype(np.float32)
    down = (normal[1] * camera.rows(top, bottom) + normal[2]).astype(np.float32)
    with np.errstate(divide="ignore"):
        depth = np.float32(offset) / (across[None, :] + down[:, None])
    _merge(canvas, number, left, top, patch, depth, mask)
    return Silhouette(left, top, mask)


def paint_sphere(
    canvas: Canvas,
    number: int,
    middle: np.ndarray,
    radius: float,
    turn: float,
    levels: list[np.ndarray],
) -> Silhouette | None:
    """Paint a sphere with a BGRA texture of longitude and latitude, turned by radians."""
    camera = canvas.camera
    centre = camera.to_camera(middle[None])[0]
    if centre[2] - radius < NEAREST_M:
        return None
    low, high = (
        [_tangent(centre[axis], centre[2], radius, side) for axis in (0, 1)] for side in (-1, 1)
    )
    focal, shift = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    window = _window(camera, np.array(low) * focal + shift, np.array(high) * focal + shift)
    if window is None:
        return None
    left, top, right, bottom = window
    x = camera.columns(left, right)[None, :]
    y = camera.rows(top, bottom)[:, None]
    # |t (x, y, 1) - centre| = radius, the nearer solution.
    a = x * x + y * y + 1
    b = x * np.float32(centre[0]) + y * np.float32(centre[1]) + np.float32(centre[2])
    root = b * b - a * np.float32(centre @ centre - radius * radius)
    mask = np.where(root >= 0, 255, 0).astype(np.uint8)
    depth = (b - np.sqrt(np.maximum(root, 0))) / a
    outward = [
        (depth * direction - np.float32(place)) / np.float32(radius)
        for direction, place in zip((x, y, np.float32(1)), centre, strict=True)
    ]
    # To world axes, so that the pattern belongs to the sphere and not to the camera.
    turned = np.array(camera.rotation, np.float32).T
    nx, ny, nz = (sum(turned[i, j] * outward[j] for j in range(3)) for i in range(3))
    texture = _level(levels, math.pi * 2 * radius / centre[2] * camera.fx)
    rows, columns = texture.shape[:2]
    longitude = np.arctan2(nx, -nz) / (2 * math.pi) + np.float32(0.5 + turn / (2 * math.pi))
    latitude = np.arcsin(np.clip(ny, -1, 1)) / math.pi + np.float32(0.5)
    patch = cv2.remap(
        texture,
        ((longitude % 1) * columns).astype(np.float32),
        (latitude * (rows - 1)).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    _merge(canvas, number, left, top, patch, depth, mask)
    return Silhouette(left, top, mask)


def _merge(
    canvas: Canvas,
    number: int,
    left: int,
    top: int,
    patch: np.ndarray,
    depth: np.ndarray,
    mask: np.ndarray,
) -> None:
    rows, columns = mask.shape
    part = slice(top, top + rows), slice(left, left + columns)
    seen = cv2.bitwise_and(mask, cv2.compare(depth, canvas.depth_m[part], cv2.CMP_LT))
    pixels = cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR)
    # OpenCV writes into the views of the canvas.
    cv2.copyTo(depth, seen, canvas.depth_m[part])
    cv2.copyTo(pixels, seen, canvas.color[part])
    canvas.thing[part][seen > 0] = number


def _window(
    camera: CameraModel, low: np.ndarray, high: np.ndarray
) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the pixels between two corners; None outside the picture."""
    left, top = (max(math.floor(value), 0) for value in low)
    right = min(math.ceil(high[0]) + 1, camera.width)
    bottom = min(math.ceil(high[1]) + 1, camera.height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _level(levels: list[np.ndarray], length_px: float) -> np.ndarray:
    """The level of a pyramid with at least a texel per pixel, and less than two."""
    per_pixel = levels[0].shape[1] / max(float(length_px), 1.0)
    return levels[min(max(math.floor(math.log2(max(per_pixel, 1.0))), 0), len(levels) - 1)]


def _tangent(place: float, depth: float, radius: float, side: int) -> float:
    """Slope of the ray that touches a circle at (place, depth), on one side."""
    angle = math.atan2(place, depth) + side * math.asin(min(radius / math.hypot(place, depth), 1.0))
    return math.tan(min(max(angle, -1.5), 1.5))
