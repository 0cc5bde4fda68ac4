"""The detector: a trunk, and for each scale a head for boxes and one for classes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from .backbone import Trunk
from .template import Model, Scale


class Head(nn.Sequential):
    """Filter each channel (3x3), normalise, ReLU, mix (1x1): OTE's depthwise head."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, outputs, 1),
        )


class Ssd(nn.Module):
    """Class 0 is the background, as DetectionOutput has it; the data's classes follow."""

    def __init__(self, model: Model, classes: int) -> None:
        super().__init__()
        self.model, self.classes = model, classes
        stages = tuple(scale.stage for scale in model.scales)
        self.trunk = Trunk(stages, model.width_multiplier)
        pairs = list(zip(self.trunk.channels, model.scales, strict=True))
        self.boxes = nn.ModuleList(Head(c, 4 * len(s.anchors)) for c, s in pairs)
        self.scores = nn.ModuleList(Head(c, (classes + 1) * len(s.anchors)) for c, s in pairs)
        self._start(model.scales)

    def _start(self, scales: tuple[Scale, ...]) -> None:
        for module in self.trunk.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        for head in (*self.boxes, *self.scores):
            nn.init.xavier_uniform_(head[0].weight)
            nn.init.xavier_uniform_(head[3].weight)
            nn.init.zeros_(head[0].bias)
            nn.init.zeros_(head[3].bias)
        for scale, head in zip(scales, self.scores, strict=True):
            # Nearly all anchors are background: starting there spares the first steps.
            with torch.no_grad():
                head[3].bias.view(len(scale.anchors), -1)[:, 0] = math.log(50)

    def forward(self, x: Any, start: int = 0) -> tuple[Any, Any]:
        """Float [n, 3, h, w], normalised, to offsets [n, A, 4] and logits [n, A, classes + 1].

        ``start`` is for training: x is then the input of that block of the trunk.
        """
        return self.heads(self.trunk(x, start))

    def heads(self, maps: list[Any]) -> tuple[Any, Any]:
        """The maps of the trunk's stages to offsets and logits."""
        offsets = [_rows(head(m), 4) for head, m in zip(self.boxes, maps, strict=True)]
        logits = [
            _rows(head(m), self.classes + 1) for head, m in zip(self.scores, maps, strict=True)
        ]
        if len(maps) == 1:
            return offsets[0], logits[0]
        return torch.cat(offsets, 1), torch.cat(logits, 1)


def _rows(x: Any, columns: int) -> Any:
    """[n, anchors * columns, h, w] to [n, h * w * anchors, columns]."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, columns)
