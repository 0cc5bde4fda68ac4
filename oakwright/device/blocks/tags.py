"""AprilTags by OpenCV's detector, which follows AprilTag 2; bits are read once more for the margin.

Olson, "AprilTag: A robust and flexible visual fiducial system", 2011; Wang and Olson, "AprilTag 2",
2016. Corners go round from the tag's own top left, as the tag is printed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

# dai.AprilTagConfig.Family to OpenCV's dictionaries; the round and the nested family have none.
FAMILIES = {
    0: cv2.aruco.DICT_APRILTAG_36h11,
    1: cv2.aruco.DICT_APRILTAG_36h10,
    2: cv2.aruco.DICT_APRILTAG_25h9,
    3: cv2.aruco.DICT_APRILTAG_16h5,
}
# Samples of one cell, each way, for reading bits.
_SAMPLES = 5


@dataclass(frozen=True)
class Tag:
    """``corners``: 4 x 2 pixels, top left, top right, bottom right, bottom left.

    ``hamming``: wrong bits. ``margin``: mean distance of the bits from the level between black and
    white, the worse colour's, in grey values.
    """

    id: int
    corners: np.ndarray
    hamming: int
    margin: float


class TagReader:
    """Finds the tags of one family; ``config``: an AprilTagConfig as the JSON has it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._book = cv2.aruco.getPredefinedDictionary(FAMILIES[config["family"]])
        self._most_wrong = config["maxHammingDistance"]
        self._sharpening = config["decodeSharpening"]
        values, quads = cv2.aruco.DetectorParameters(), config["quadThresholds"]
        values.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_APRILTAG
        values.aprilTagQuadDecimate = float(max(config["quadDecimate"], 1))
        values.aprilTagQuadSigma = config["quadSigma"]
        values.aprilTagMinClusterPixels = quads["minClusterPixels"]
        values.aprilTagMaxNmaxima = quads["maxNmaxima"]
        values.aprilTagCriticalRad = math.radians(quads["criticalDegree"])
        values.aprilTagMaxLineFitMse = quads["maxLineFitMse"]
        values.aprilTagMinWhiteBlackDiff = quads["minWhiteBlackDiff"]
        values.aprilTagDeglitch = int(quads["deglitch"])
        correctable = self._book.maxCorrectionBits
        values.errorCorrectionRate = self._most_wrong / correctable if correctable else 0.0
        self._refines = config["refineEdges"]
        self._detector = cv2.aruco.ArucoDetector(self._book, values)

    def read(self, grey: np.ndarray) -> list[Tag]:
        """The tags in HxW uint8, by id."""
        corners, ids, _ = self._detector.detectMarkers(grey)
        found = []
        for places, (id,) in zip(corners, ids if ids is not None else (), strict=True):
            quad = places.reshape(4, 2).astype(np.float32)
            if self._refines:
                quad = _refined(grey, quad)
            hamming, margin = self._bits(grey, quad, int(id))
            if hamming <= self._most_wrong:
                found.append(Tag(int(id), quad, hamming, margin))
        return sorted(found, key=lambda tag: (tag.id, tag.corners[0].tolist()))

    def _bits(self, grey: np.ndarray, quad: np.ndarray, id: int) -> tuple[int, float]:
        size = self._book.markerSize
        side = (size + 2) * _SAMPLES
        square = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32) - 0.5
        flat = cv2.warpPerspective(grey, cv2.getPerspectiveTransform(quad, square), (side, side))
        cells = flat.reshape(size + 2, _SAMPLES, size + 2, _SAMPLES)[:, 1:-1, :, 1:-1]
        means = cells.mean(axis=(1, 3))
        wanted = np.zeros((size + 2, size + 2), bool)
        wanted[1:-1, 1:-1] = cv2.aruco.Dictionary.getBitsFromByteList(
            self._book.bytesList[id : id + 1], size
        ).astype(bool)
        level = (means[wanted].mean() + means[~wanted].mean()) / 2
        inner = slice(1, -1), slice(1, -1)
        off, truth = means[inner] - level, wanted[inner]
        if self._sharpening > 0:
            off = off - self._sharpening * cv2.Laplacian(off, cv2.CV_64F)
        hamming = int(np.count_nonzero((off > 0) != truth))
        margins = [float(off[truth].mean()), float(-off[~truth].mean())]
        return hamming, min(margins)


def _refined(grey: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """Corners at the crossing of what the edges' gradients say."""
    side = float(np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).min())
    reach = int(np.clip(side / 12, 1, 5))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01)
    start = np.ascontiguousarray(quad.reshape(-1, 1, 2))
    better: np.ndarray = cv2.cornerSubPix(grey, start, (reach, reach), (-1, -1), stop)
    return better.reshape(4, 2)
