"""The blob as its users hold it: what the reader reads, with its description and its findings."""

from __future__ import annotations

from .describe import describe
from .reader import BlobReader
from .validate import Finding, validate


class Blob(BlobReader):
    """A Myriad X blob, read lazily and without copying::

        blob = Blob.open("model.blob")
        print(blob.describe())

    Everything that is read is documented in :class:`BlobReader`.
    """

    def validate(self) -> list[Finding]:
        """What reads well but cannot be so: places outside their memory, wrong flags."""
        return validate(self)

    def describe(self) -> str:
        """Summary and table of stages as text."""
        return describe(self)
