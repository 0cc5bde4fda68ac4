"""Where a fixed small picture is found in a frame."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from oakwright.errors import UsageError

from .array_file import read_array
from .grey import grey
from .picture import picture
from .vision import Vision


class TemplateMatch(Vision):
    """Likeness of each window to a template: the correlation coefficient, -1..1.

    y = sum (x - mean x)(t - mean t) / (|x - mean x| |t - mean t|) over the window. Grey is taken
    about its middle and by sixteenths, the template's norm is 1: sums stay below 2049. Windows
    whose standard deviation is below ``flattest`` bytes count as that: they give little, not
    noise (for near-black or near-white windows FP16 knows a deviation of 10 bytes to a tenth).

    ``template``: a .npy file of bytes [h,w] (grey); a corner of the made-up picture if not given.
    input [1,3,height,width] U8, BGR; output [1,1,height - h + 1,width - w + 1].
    Source: OpenCV's ``matchTemplate`` with ``TM_CCOEFF_NORMED``.
    """

    weights: Tensor
    mean: Tensor

    def __init__(
        self, template: str = "", flattest: float = 6.0, height: int = 300, width: int = 300
    ) -> None:
        super().__init__(input=(1, 3, height, width))
        told = "a template is [h,w], grey bytes: np.save(path, template)"
        given = read_array(template, "template", 2, told) if template else None
        small = _corner(height, width) if given is None else given
        if small.shape[0] > height or small.shape[1] > width or small.std() == 0:
            raise UsageError(
                f"a template of {list(small.shape)} in {height}x{width} cannot be matched",
                remedy="it must be smaller than the frame, and not of one grey",
                key="template",
            )
        self.template = small
        unit = small - small.mean()
        unit = unit / np.sqrt((unit**2).sum())
        self.register_buffer("weights", torch.from_numpy(unit.astype(np.float32))[None, None])
        self.register_buffer("mean", torch.full_like(self.weights, 1 / small.size))
        self.count = small.size
        self.least = (flattest / 16) ** 2

    def forward(self, input: Tensor) -> Tensor:
        """The coefficient for each window, by its upper left pixel."""
        small = (grey(input) - 128) / 16
        alike = functional.conv2d(small, self.weights)
        mean = functional.conv2d(small, self.mean)
        spread = functional.conv2d(small * small, self.mean) - mean * mean
        deviation = torch.sqrt(torch.clamp(spread, min=self.least))
        return alike / (deviation * float(self.count) ** 0.5)


def _corner(height: int, width: int) -> np.ndarray:
    seen = picture(height, width).astype(np.float32)
    luma = 0.114 * seen[0] + 0.587 * seen[1] + 0.299 * seen[2]
    top, left = int(0.15 * height) - 4, int(0.15 * width) - 4
    return np.asarray(np.round(luma[max(top, 0) :, max(left, 0) :][:12, :12]))
