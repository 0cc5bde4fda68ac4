"""MonoCamera: one grey picture per tick."""

from __future__ import annotations

from collections.abc import Iterable

from ..blocks.formats import encode
from ..blocks.sensor import SensorImage
from ..boards import MONO_RESOLUTIONS, SensorMode
from ..schema import NodeRecord
from .sensor import SensorNode


class MonoCamera(SensorNode):
    """See the module."""

    sends = ("out", "raw", "frameEvent")
    wants_color = False

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        if record.properties["resolution"] not in MONO_RESOLUTIONS:
            yield f"resolution = {record.properties['resolution']} is unknown"

    def mode(self) -> SensorMode:
        """See SensorNode."""
        return self.mode_of(*MONO_RESOLUTIONS[self.properties["resolution"]])

    def expose(self, image: SensorImage) -> None:
        """See SensorNode."""
        self.send_raw(image)
        if self.output("out").is_linked:
            pixels = image.render(image.whole, image.width, image.height)
            self.send("out", self.image(encode(pixels, "RAW8")))
