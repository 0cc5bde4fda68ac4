"""The four vendor blobs as functions of ``oakwright.functions``, found by reading their stages.

Input and output names, their order and the shave count are those in the blobs: with them equal
bytes can be asked for. ``edge`` and ``blur`` are written as Kornia up to 0.6 computed them, by a
reflecting pad and one depthwise convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from oakwright import functions


@dataclass(frozen=True)
class VendorModel:
    """A vendor blob, the function it was made from, and what is known of its bytes."""

    name: str
    file: str
    shapes: tuple[tuple[int, ...], ...]
    output: str
    stamp: str
    tolerance: float  # of the blob's outputs against the module, max |a - b| / max |b|

    def module(self) -> nn.Module:
        return functions.make(self.name)


FRAME, WIDE = (1, 3, 300, 300), (3, 720, 720)
MODELS = (
    VendorModel("concat", "concat_openvino_2021.4_6shave.blob", (FRAME,) * 3, "output",
                "6.0", 0.0),
    VendorModel("diff", "diff_openvino_2021.4_6shave.blob", (WIDE,) * 2, "output",
                "2021.4", 0.0),
    VendorModel("edge", "edge_simplified_openvino_2021.4_6shave.blob", (FRAME,), "163",
                "6.0", 0.0),
    VendorModel("blur", "blur_simplified_openvino_2021.4_6shave.blob", (FRAME,), "113",
                "6.0", 5e-4),
)  # fmt: skip
