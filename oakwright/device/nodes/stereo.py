"""StereoDepth: a pair of grey pictures in; depth, disparity and the rectified pair out.

Pairs are matched by sequence number. Depth and disparity are seen from the right camera unless
``setDepthAlign`` says otherwise; aligned to the colour camera they have the size of its ISP picture
unless ``setOutputSize`` says otherwise. Settings of the chip's own cost functions (census, cost
aggregation) mean nothing here: the log says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import depthai as dai
import numpy as np

from ..blocks import depth_filters
from ..blocks.depth_filters import FilterChain
from ..blocks.formats import BadFrame, decode, encode, is_known
from ..blocks.stereo import (
    CENTER,
    COMPANDED_LEVELS,
    LEFT,
    RIGHT,
    Lens,
    Pose,
    Rectifier,
    View,
    companded,
    depth_of,
    match,
    see_from,
)
from ..message import frame_of, image_like, image_message, stamp_like
from ..schema import NodeRecord, changed_fields
from .field_of_view import isp_view
from .node import Context, Node
from .stereo_config import ConfigReader, config_message, read_config, unsupported

_CHIP = ("initialConfig.censusTransform.*", "initialConfig.costAggregation.*")
_CHIP_LINEAR = "initialConfig.costMatching.linearEquationParameters.*"
_UNCHECKED = tuple(f"debug{e}DispLrCheckIt{i}" for e in ("", "Ext") for i in (1, 2))
_MAPS = ("depth", "disparity", "confidenceMap", *_UNCHECKED)


@dataclass(frozen=True)
class _Pair:
    """What follows from the calibration for a pair of sockets and a size."""

    sockets: tuple[int, int]
    rectifier: Rectifier


class StereoDepth(Node):
    """See the module."""

    honoured = (
        "initialConfig.algorithmControl.*",
        # The values that can be done are listed in stereo_config.
        "initialConfig.costMatching.confidenceThreshold",
        "initialConfig.costMatching.disparityWidth",
        "initialConfig.costMatching.enableCompanding",
        "initialConfig.costMatching.invalidDisparityValue",
        "initialConfig.postProcessing.*",
        "baseline",
        "depthAlignCamera",
        "enableRectification",
        "focalLength",
        "height",
        "outHeight",
        "outKeepAspectRatio",
        "outWidth",
        "rectifyEdgeFillColor",
        "width",
    )
    harmless = (
        *_CHIP,
        _CHIP_LINEAR,
        # Our lenses do not distort, and the calibration is the specification.
        "*UseSpecTranslation",
        "alphaScaling",
        "useHomographyRectification",
        "focalLengthFromCalibration",
        "mesh.step*",
        "numFramesPool",
        "numPostProcessing*",
        "enableRuntimeStereoModeSwitch",
    )
    sends = (*_MAPS, "rectifiedLeft", "rectifiedRight", "syncedLeft", "syncedRight", "outConfig")

    def __init__(self, record: NodeRecord, context: Context) -> None:
        super().__init__(record, context)
        self._use(self.properties["initialConfig"])
        self._chain, self._wide_chain = FilterChain(), FilterChain()
        self._calibrated: tuple[Any, _Pair] | None = None
        self._reader = ConfigReader()
        self._said: set[str] = set()

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        values = record.properties["initialConfig"]
        yield from unsupported(values)
        factor = values["algorithmControl"]["centerAlignmentShiftFactor"]
        if factor not in (None, 0.5):
            yield f"algorithmControl.centerAlignmentShiftFactor = {factor} is not supported"

    def set_up(self) -> None:
        """See Node."""
        chip = [
            name
            for name in changed_fields(self.record)
            if ".censusTransform." in name
            or ".costAggregation." in name
            or ".linearEquationParameters." in name
        ]
        if chip:
            self.warn(f"{', '.join(chip)}: settings of the chip's matcher, without effect here")
        if self.properties["outWidth"] and self.properties["depthAlignCamera"] < 0:
            self.warn("setOutputSize only has effect with setDepthAlign to the colour camera")

    # -- a step

    def step(self) -> None:
        """See Node."""
        left, right = self._next_pair()
        config = self.inputs["inputConfig"]
        while config.is_linked and (message := config.queue.try_get()) is not None:
            self._use(self._reader.read(message))
        pair = self._pair(left, right)
        if pair is None:
            return
        for key, message in (("syncedLeft", left), ("syncedRight", right)):
            if self.output(key).is_linked:
                self.send(key, message)
        pixels = _grey(left), _grey(right)
        if np.array_equal(*pixels) and np.ptp(pixels[0]):
            self._complain(
                "left and right see the same picture, so there is no depth: take the source scene,"
                " or stereo:LEFT,RIGHT"
            )
        if self.properties["enableRectification"]:
            fill = self.properties["rectifyEdgeFillColor"]
            pixels = pair.rectifier.apply(*pixels, fill=max(fill, 0))
        for key, message, view in zip(
            ("rectifiedLeft", "rectifiedRight"), (left, right), pixels, strict=True
        ):
            if self.output(key).is_linked:
                self.send(key, image_like(encode(view, "RAW8"), message))
        if any(self.output(key).is_linked for key in _MAPS):
            self._measure(pair, pixels, right)
        if self.output("outConfig").is_linked:
            self.send("outConfig", stamp_like(config_message(self.config.values), right))

    def _next_pair(self) -> tuple[Any, Any]:
        left, right = self.inputs["left"].get(), self.inputs["right"].get()
        while left.getSequenceNum() != right.getSequenceNum():
            if left.getSequenceNum() < right.getSequenceNum():
                left = self.inputs["left"].get()
            else:
                right = self.inputs["right"].get()
        return left, right

    def _pair(self, left: Any, right: Any) -> _Pair | None:
        sizes = [(message.getWidth(), message.getHeight()) for message in (left, right)]
        wanted = self.properties["width"], self.properties["height"]
        for side, message, size in zip(("left", "right"), (left, right), sizes, strict=True):
            kind = message.getType().name
            if not is_known(kind):
                self._complain(f"the {side} picture is of type {kind}, which cannot be read")
                return None
            if wanted[0] and wanted[1] and size != wanted:
                self._complain(f"the {side} picture is {size}, setInputResolution said {wanted}")
                return None
        if sizes[0] != sizes[1]:
            self._complain(f"the left picture is {sizes[0]}, the right one {sizes[1]}: dropped")
            return None
        sockets = left.getInstanceNum(), right.getInstanceNum()
        return self._calibrated_pair(sockets, sizes[0])

    def _calibrated_pair(self, sockets: tuple[int, int], size: tuple[int, int]) -> _Pair:
        """Made anew whenever the calibration says something else: scripts may set it any time."""
        calibration = self.context.calibration()
        if sockets[0] == sockets[1]:
            # Pictures from the host that do not say which camera took them.
            first, second = (
                calibration.getStereoLeftCameraId(),
                calibration.getStereoRightCameraId(),
            )
            sockets = int(first.value), int(second.value)
        left, right = (lens_of(calibration, socket, size) for socket in sockets)
        pose = pose_between(calibration, *sockets)
        arrays = left.matrix, right.matrix, pose.rotation, pose.shift_m
        key = sockets, size, left.distortion, right.distortion, *(a.tobytes() for a in arrays)
        if self._calibrated is None or self._calibrated[0] != key:
            made = Rectifier(left, right, pose)
            if made.is_crossed:
                self._complain("left and right are exchanged: there will be no depth")
            self._calibrated = key, _Pair(sockets, made)
        return self._calibrated[1]

    # -- maps

    def _measure(self, pair: _Pair, pixels: tuple[np.ndarray, np.ndarray], right: Any) -> None:
        self._send_unchecked(pair, pixels, right)
        how = self.config.matching
        found = match(*pixels, how)
        view_of = 0 if how.align == LEFT else 1
        socket = pair.sockets[view_of]
        if self.output("confidenceMap").is_linked:
            self._send_map("confidenceMap", found.confidence, "RAW8", socket, right)
        disparity, depth, socket = self._maps(pair, pixels, found.disparity, self._chain)
        if self.output("depth").is_linked:
            if self.config.compands:
                wide = match(*pixels, replace(how, levels=COMPANDED_LEVELS)).disparity
                _, depth, _ = self._maps(pair, pixels, companded(wide), self._wide_chain)
            self._send_map("depth", depth, "RAW16", socket, right)
        if self.output("disparity").is_linked:
            if self.config.invalid:
                disparity = np.where(disparity > 0, disparity, np.uint16(self.config.invalid))
            kind = "RAW8" if how.largest <= 255 else "RAW16"
            self._send_map("disparity", disparity, kind, socket, right)

    def _maps(
        self,
        pair: _Pair,
        pixels: tuple[np.ndarray, np.ndarray],
        disparity: np.ndarray,
        chain: FilterChain,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Disparity and depth after all filters, and the socket of the camera that sees them."""
        how = self.config.matching
        view_of = 0 if how.align == LEFT else 1
        socket = pair.sockets[view_of]
        darkest, brightest = self.config.brightness
        disparity = depth_filters.bright_enough(disparity, pixels[view_of], darkest, brightest)
        disparity = chain.apply(disparity, self.config.filters, how.scale)
        factor = pixels[0].shape[1] / disparity.shape[1]
        matrix = pair.rectifier.matrix.copy()
        matrix[:2] /= factor if disparity.shape != pixels[0].shape else 1
        # A decimated map keeps its disparities: they are of the full width.
        focal = self.properties["focalLength"] or pair.rectifier.focal_px
        baseline_m = (
            self.properties["baseline"] / 100
            if self.properties["baseline"]
            else pair.rectifier.baseline_m
        )
        units = self.config.units_per_m
        depth = depth_of(disparity, how.scale, focal, baseline_m, units_per_m=units)
        depth = depth_filters.within(depth, *self.config.range)
        view, seen_socket = self._view(pair, (depth.shape[1], depth.shape[0]), matrix)
        if view is not None:
            socket = socket if seen_socket is None else seen_socket
            depth, disparity = see_from(view, matrix, depth, disparity, 1 / units)
        return disparity, depth, socket

    def _send_unchecked(
        self, pair: _Pair, pixels: tuple[np.ndarray, np.ndarray], right: Any
    ) -> None:
        """What left-right check compares: the map of each side before it."""
        how = self.config.matching
        for stage, extended in (("Disp", False), ("ExtDisp", True)):
            for iteration, align, socket in zip((1, 2), (LEFT, RIGHT), pair.sockets, strict=True):
                key = f"debug{stage}LrCheckIt{iteration}"
                if not self.output(key).is_linked or (extended and not how.extended):
                    continue
                one = replace(how, align=align, check=None, extended=extended)
                kind = "RAW8" if one.largest <= 255 else "RAW16"
                self._send_map(key, match(*pixels, one).disparity, kind, socket, right)

    def _view(
        self, pair: _Pair, size: tuple[int, int], matrix: np.ndarray
    ) -> tuple[View | None, int | None]:
        """From where depth is to be seen, if not from the camera it was measured by."""
        wanted = self.properties["depthAlignCamera"]
        if wanted < 0 or wanted in pair.sockets:
            if wanted < 0 and self.config.matching.align == CENTER:
                half = np.array([pair.rectifier.baseline_m / 2, 0, 0])
                return View(matrix, size, Pose(np.eye(3), half)), None
            return None, None
        calibration = self.context.calibration()
        lens = self._aligned_lens(calibration, wanted)
        from_right = pose_between(calibration, pair.sockets[1], wanted)
        if self.properties["enableRectification"]:
            unturned = Pose(pair.rectifier.rotations[1].T, np.zeros(3))
            from_right = from_right.after(unturned)
        return View(lens.matrix, lens.size, from_right), wanted

    def _aligned_lens(self, calibration: Any, socket: int) -> Lens:
        isp = isp_view(self.context, socket)
        width, height = self.properties["outWidth"] or 0, self.properties["outHeight"] or 0
        if width <= 0 or height <= 0:
            return isp
        if self.properties["outKeepAspectRatio"]:
            return lens_of(calibration, socket, (width, height))
        stretch = np.diag([width / isp.size[0], height / isp.size[1], 1.0])
        return Lens(stretch @ isp.matrix, (width, height))

    def _send_map(self, key: str, values: np.ndarray, kind: str, socket: int, like: Any) -> None:
        if kind == "RAW8":
            values = values.astype(np.uint8)
        message = image_message(encode(values, kind), socket=socket)
        self.send(key, stamp_like(message, like))

    # -- settings

    def _use(self, values: Mapping[str, Any]) -> None:
        """Take over settings; ones that cannot be done are logged and the old ones hold."""
        problems = unsupported(values)
        for problem in problems:
            self.error(f"{problem}: the settings stay as they were")
        if problems:
            return
        align = None
        if self.properties["depthAlignCamera"] >= 0:
            align = LEFT if self._is_left(self.properties["depthAlignCamera"]) else RIGHT
        self.config = read_config(values, align)

    def _is_left(self, socket: int) -> bool:
        return int(self.context.calibration().getStereoLeftCameraId().value) == socket

    def _complain(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.error(text)


def lens_of(calibration: Any, socket: int, size: tuple[int, int]) -> Lens:
    """A socket's camera for pictures of that size, cropped to their aspect."""
    camera = dai.CameraBoardSocket(socket)
    try:
        matrix = np.array(calibration.getCameraIntrinsics(camera, *size), np.float64)
    except (RuntimeError, IndexError) as error:
        raise BadFrame(f"a picture of camera {socket}, which the calibration lacks") from error
    return Lens(matrix, size, tuple(calibration.getDistortionCoefficients(camera)))


def pose_between(calibration: Any, source: int, target: int) -> Pose:
    """From one socket's axes to another's."""
    if source == target:
        return Pose(np.eye(3), np.zeros(3))
    sockets = dai.CameraBoardSocket(source), dai.CameraBoardSocket(target)
    return Pose.of(np.array(calibration.getCameraExtrinsics(*sockets)))


def _grey(message: Any) -> np.ndarray:
    pixels = decode(frame_of(message))
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(pixels)
