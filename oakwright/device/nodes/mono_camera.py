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
        if not (self.output("out").is_linked or self.output("raw").is_linked):
            return
        frame = encode(image.render(image.whole, image.width, image.height), "RAW8")
        for key in ("out", "raw"):
            if self.output(key).is_linked:
                self.send(key, self.image(frame))
