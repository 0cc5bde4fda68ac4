"""ColorCamera: isp, video, preview and still from one sensor picture.

Sizes follow the API's own rules (``dai.node.ColorCamera``'s getters are the reference in the
tests): the ISP scales the sensor, video is at most 3840x2160 of it, still is a multiple of 32
wide; preview is cut from the part that video can show and scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from ..blocks.formats import encode
from ..blocks.sensor import Region, SensorImage, scaled_size
from ..boards import COLOR_RESOLUTIONS, SensorMode
from ..schema import NodeRecord
from .sensor import SensorNode

VIDEO_LIMIT = (3840, 2160)
STILL_STEP = 32
# Modes whose still picture the API takes for a Full HD one.
_STILL_AS_FULL_HD = (4, 5)


def isp_scale(properties: Mapping[str, Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Numerator and denominator, horizontal and vertical; zeros mean none."""
    scale = properties["ispScale"]
    return (
        (scale["horizNumerator"], scale["horizDenominator"]),
        (scale["vertNumerator"], scale["vertDenominator"]),
    )


def isp_size(sensor: tuple[int, int], properties: Mapping[str, Any]) -> tuple[int, int]:
    """The ISP's picture, pixels."""
    across, down = isp_scale(properties)
    return scaled_size(sensor[0], *across), scaled_size(sensor[1], *down)


def video_size(sensor: tuple[int, int], properties: Mapping[str, Any]) -> tuple[int, int]:
    """Video's size, pixels: as set, else the ISP's within 4K."""
    if properties["videoWidth"] > 0 and properties["videoHeight"] > 0:
        return properties["videoWidth"], properties["videoHeight"]
    return _video_area(sensor, properties)


def still_size(
    sensor: tuple[int, int], properties: Mapping[str, Any], resolution: int = 0
) -> tuple[int, int]:
    """Still's size, pixels: as set, else the ISP's, from a width in whole steps."""
    if properties["stillWidth"] > 0 and properties["stillHeight"] > 0:
        return properties["stillWidth"], properties["stillHeight"]
    width, height = (1920, 1080) if resolution in _STILL_AS_FULL_HD else sensor
    if (width, height) in ((4056, 3040), (4208, 3120)):
        width -= width % STILL_STEP
    return isp_size((width, height), properties)


def _video_area(sensor: tuple[int, int], properties: Mapping[str, Any]) -> tuple[int, int]:
    area = (min(sensor[0], VIDEO_LIMIT[0]), min(sensor[1], VIDEO_LIMIT[1]))
    return isp_size(area, properties)


class ColorCamera(SensorNode):
    """See the module."""

    honoured: ClassVar[tuple[str, ...]] = (
        *SensorNode.honoured,
        "colorOrder",
        "interleaved",
        "fp16",
        "ispScale.*",
        "preview*",
        "video*",
        "still*",
        "sensorCrop*",
    )
    sends = ("preview", "video", "isp", "still", "raw", "frameEvent")
    wants_color: ClassVar[bool | None] = True

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        yield from cls._size_problems(record)

    @classmethod
    def _size_problems(cls, record: NodeRecord) -> Iterable[str]:
        properties = record.properties
        sensor = COLOR_RESOLUTIONS.get(properties["resolution"])
        if sensor is None:
            yield f"resolution = {properties['resolution']} is unknown"
            return
        isp, video = isp_size(sensor, properties), video_size(sensor, properties)
        if video[0] > isp[0] or video[1] > isp[1]:
            yield (
                f"video {video[0]}x{video[1]} is larger than the ISP's picture {isp[0]}x{isp[1]}"
            )

    def mode(self) -> SensorMode:
        """See SensorNode."""
        return self.mode_of(*COLOR_RESOLUTIONS[self.properties["resolution"]])

    @cached_property
    def sensor_size(self) -> tuple[int, int]:
        """The sensor's picture, pixels."""
        return self.sensor_mode.width, self.sensor_mode.height

    @cached_property
    def crop(self) -> tuple[float, float]:
        """Where the crop starts, 0..1 of the ISP's picture; negative is the centre."""
        return self.properties["sensorCropX"], self.properties["sensorCropY"]

    @property
    def preview_type(self) -> str:
        """The preview's pixel format."""
        order = "RGB" if self.properties["colorOrder"] == 1 else "BGR"
        depth = "F16F16F16" if self.properties["fp16"] else "888"
        return order + depth + ("i" if self.properties["interleaved"] else "p")

    def step(self) -> None:
        """See SensorNode; before it, where the crop has been moved to."""
        config = self.inputs.get("inputConfig")
        while config is not None and (message := config.queue.try_get()) is not None:
            rect = message.get().cropConfig.cropRect
            self.crop = (float(rect.xmin), float(rect.ymin))
        super().step()

    def expose(self, image: SensorImage) -> None:
        """See SensorNode."""
        self.send_raw(image)
        if self.output("isp").is_linked:
            self._send_whole("isp", "YUV420p", image, isp_size(self.sensor_size, self.properties))
        if self.output("video").is_linked:
            size = video_size(self.sensor_size, self.properties)
            self._send_cut("video", "NV12", image, self._placed(size), size)
        if self.output("preview").is_linked:
            self._send_preview(image)
        if self.stills_wanted:
            # Each request is a picture of its own: the next frames are theirs, in order.
            self.stills_wanted -= 1
            if self.output("still").is_linked:
                self._send_whole("still", "NV12", image, self.still_size())

    def still_size(self) -> tuple[int, int]:
        """See the function of that name."""
        return still_size(self.sensor_size, self.properties, self.properties["resolution"])

    def _send_preview(self, image: SensorImage) -> None:
        size = self.properties["previewWidth"], self.properties["previewHeight"]
        region = self._placed(_video_area(self.sensor_size, self.properties))
        if self.properties["previewKeepAspectRatio"]:
            region = region.shrunk_to(size[0] / size[1])
        self._send_cut("preview", self.preview_type, image, region, size)

    def _send_whole(self, key: str, kind: str, image: SensorImage, size: tuple[int, int]) -> None:
        pixels = image.render(image.whole, *_even(size))
        self.send(key, self.image(encode(pixels, kind)))

    def _send_cut(
        self, key: str, kind: str, image: SensorImage, region: Region, size: tuple[int, int]
    ) -> None:
        # ``region`` is in the ISP's pixels, the sensor's are more by its scaling.
        isp_width, _ = isp_size(self.sensor_size, self.properties)
        scale = self.sensor_size[0] / isp_width
        size = _even(size) if kind == "NV12" else size
        pixels = image.render(region, *size, scale=scale)
        self.send(key, self.image(encode(pixels, kind)))

    def _placed(self, size: tuple[int, int]) -> Region:
        """A region of that size in the ISP's picture, where the crop puts it."""
        isp = isp_size(self.sensor_size, self.properties)
        start = []
        for fraction, whole, part in zip(self.crop, isp, size, strict=True):
            room = max(whole - part, 0)
            start.append(room / 2 if fraction < 0 else min(fraction * whole, room))
        return Region(start[0], start[1], *size)


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """YUV halves the colour planes, so both lengths are even."""
    return size[0] - size[0] % 2, size[1] - size[1] % 2
