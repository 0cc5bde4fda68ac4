"""Camera: the newer node for any sensor; sizes instead of resolutions.

Where the script sets no size the sensor's usual one is taken: Full HD in colour, all of a grey
one. Undistortion changes nothing here, since our lenses do not distort.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..blocks.formats import encode
from ..blocks.sensor import SensorImage
from ..boards import SensorMode
from ..schema import NodeRecord
from .color_camera import ColorCamera, isp_size

_NO_MESH_FILE = 2  # dai.CameraProperties.WarpMeshSource.URI


class Camera(ColorCamera):
    """See the module."""

    harmless = (*ColorCamera.harmless, "calibAlpha", "sensorType", "warpMesh*")
    wants_color = None

    @classmethod
    def _size_problems(cls, record: NodeRecord) -> Iterable[str]:
        if record.properties["warpMeshSource"] == _NO_MESH_FILE:
            yield "warpMeshSource = URI is not supported"

    def mode(self) -> SensorMode:
        """See SensorNode."""
        width = self.properties["resolutionWidth"]
        height = self.properties["resolutionHeight"]
        sensor = self.mounting.sensor
        if width <= 0 or height <= 0:
            width, height = (1920, 1080) if sensor.is_color else (sensor.width, sensor.height)
        return self.mode_of(width, height)

    def still_size(self) -> tuple[int, int]:
        """All of the ISP's picture, unless set."""
        if self.properties["stillWidth"] > 0 and self.properties["stillHeight"] > 0:
            return self.properties["stillWidth"], self.properties["stillHeight"]
        return isp_size(self.sensor_size, self.properties)

    def expose(self, image: SensorImage) -> None:
        """See SensorNode; a grey sensor's ISP picture is grey."""
        if self.mounting.sensor.is_color or not self.output("isp").is_linked:
            super().expose(image)
            return
        size = isp_size(self.sensor_size, self.properties)
        self.send("isp", self.image(encode(image.render(image.whole, *size), "GRAY8")))
        linked, self.outputs["isp"].targets = self.outputs["isp"].targets, []
        try:
            super().expose(image)
        finally:
            self.outputs["isp"].targets = linked
