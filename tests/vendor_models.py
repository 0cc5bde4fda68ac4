"""PyTorch definitions of the four vendor blobs, found by reading their stages.

Input and output names, their order and the shave count are those in the blobs: with them equal
bytes can be asked for. ``edge`` and ``blur`` are written as Kornia up to 0.6 computed them, by a
reflecting pad and one depthwise convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


class Concat(nn.Module):
    """Three frames side by side."""

    def forward(self, img1, img2, img3):
        return torch.cat((img1, img2, img3), 3)


class Diff(nn.Module):
    """Difference of the channel sums of two frames."""

    def forward(self, img1, img2):
        return torch.sum(img1, dim=0) - torch.sum(img2, dim=0)


class _Depthwise(nn.Module):
    def __init__(self, kernel: torch.Tensor):
        super().__init__()
        self.border = kernel.shape[-1] // 2
        self.register_buffer("kernel", kernel.repeat(3, 1, 1, 1))

    def forward(self, input):
        wide = functional.pad(input, [self.border] * 4, mode="reflect")
        return functional.conv2d(wide, self.kernel, groups=3)


class Edge(_Depthwise):
    """Laplacian, 3x3: ones around 1 - 9, divided by the sum of absolute values."""

    def __init__(self):
        kernel = torch.ones(1, 1, 3, 3)
        kernel[..., 1, 1] = 1 - 9
        super().__init__(kernel / kernel.abs().sum())


class Blur(_Depthwise):
    """Gaussian, 9x9, sigma 2.5: the outer product of two normalised windows."""

    def __init__(self):
        axis = torch.arange(9, dtype=torch.float32) - 4
        window = torch.exp(-(axis**2) / (2 * 2.5**2))
        window = window / window.sum()
        super().__init__((window[:, None] @ window[None, :])[None, None])


@dataclass(frozen=True)
class VendorModel:
    """A vendor blob, the module it was made from, and what is known of its bytes."""

    name: str
    file: str
    module: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]
    output: str
    stamp: str
    tolerance: float  # of the blob's outputs against the module, max |a - b| / max |b|


FRAME, WIDE = (1, 3, 300, 300), (3, 720, 720)
MODELS = (
    VendorModel("concat", "concat_openvino_2021.4_6shave.blob", Concat, (FRAME,) * 3, "output",
                "6.0", 0.0),
    VendorModel("diff", "diff_openvino_2021.4_6shave.blob", Diff, (WIDE,) * 2, "output",
                "2021.4", 0.0),
    VendorModel("edge", "edge_simplified_openvino_2021.4_6shave.blob", Edge, (FRAME,), "163",
                "6.0", 0.0),
    VendorModel("blur", "blur_simplified_openvino_2021.4_6shave.blob", Blur, (FRAME,), "113",
                "6.0", 5e-4),
)  # fmt: skip
