"""MobileNetV2's trunk, with the names of the ImageNet weights that can be had.

Sandler et al., 2018 (arXiv 1801.04381), table 2; names ``features.0`` to ``features.17`` as in the
widespread PyTorch version. The last 1x1 convolution, made for classifying, is left out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

# Expansion, channels, repeats, stride of the first: the paper's table.
_ROWS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
# Stage -> the block whose output it is.
LAST_BLOCK = {4: 13, 5: 17}


def _norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[Any]:
    pad = kernel // 2
    kind = StridedFilter if groups > 1 and stride == 2 else nn.Conv2d
    return [
        kind(inputs, outputs, kernel, stride, pad, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def divisible(channels: float, by: int = 8) -> int:
    """The nearest multiple of ``by``, at most a tenth less: as the paper's authors round."""
    nearest = max(by, int(channels + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * channels else nearest


class StridedFilter(nn.Conv2d):
    """A 3x3 filter of each channel that takes every second pixel.

    oneDNN has no quick gradient of these on a CPU: three of them took a third of a training step.
    Filtering every pixel and then leaving three of four out is the same, and several times faster.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float [n, c, h, w] to [n, c, h / 2, w / 2]."""
        if self.training and x.device.type == "cpu" and torch.is_grad_enabled():
            dense = nn.functional.conv2d(x, self.weight, None, 1, 1, 1, self.groups)
            # A view of every second pixel would send the norm that follows down a slow path.
            return dense[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
        y: torch.Tensor = super().forward(x)
        return y


class Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; added to its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        layers: list[Any] = []
        if expansion != 1:
            layers += [*_norm(inputs, wide, 1), nn.ReLU6(inplace=True)]
        layers += [*_norm(wide, wide, 3, stride, wide), nn.ReLU6(inplace=True)]
        layers += _norm(wide, outputs, 1)
        self.conv = nn.Sequential(*layers)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float [n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        return x + self.conv(x) if self.is_residual else self.conv(x)


class Trunk(nn.Module):
    """Blocks up to the last one that ``stages`` need; gives the map of each stage.

    ``multiplier`` of the channels: the paper's alpha. ``channels``: of each stage's map.
    """

    def __init__(self, stages: tuple[int, ...], multiplier: float = 1.0) -> None:
        super().__init__()
        first = divisible(32 * multiplier)
        blocks: list[nn.Module] = [nn.Sequential(*_norm(3, first, 3, 2), nn.ReLU6(inplace=True))]
        widths = [first]
        for expansion, full, repeats, stride in _ROWS:
            outputs = divisible(full * multiplier)
            for i in range(repeats):
                blocks.append(Bottleneck(widths[-1], outputs, stride if i == 0 else 1, expansion))
                widths.append(outputs)
        self.ends = tuple(LAST_BLOCK[stage] for stage in stages)
        self.channels = tuple(widths[end] for end in self.ends)
        self.features = nn.Sequential(*blocks[: self.ends[-1] + 1])

    def forward(self, x: torch.Tensor, start: int = 0) -> list[torch.Tensor]:
        """Float [n, 3, h, w] to the maps of the stages; ``start``: x is that block's input."""
        maps = []
        for index in range(start, len(self.features)):
            x = self.features[index](x)
            if index in self.ends:
                maps.append(x)
        return maps
