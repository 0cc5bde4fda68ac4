"""The packaged sample's second network: which colour a thing has, and what is drawn on it.

A plain PyTorch script, called by ``sample_networks.py``: crops of the pictures that
``sample_scenes.py`` made, a small convolutional network with two answers, a few CPU-minutes.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from oakwright.device.scene import COLORS, MARKS

SIDE = 64
# Boxes as a detector gives them: corners off by up to so much of the box.
_JITTER = 0.08
_BATCH = 64
_RATE = 0.004
# The class of what nobody can tell; it is left out of the loss.
UNKNOWN = -100
_STORED = 96


@dataclass(frozen=True)
class Crops:
    """Things cut out of pictures, wider than their boxes by ``_JITTER`` on each side.

    ``pictures`` uint8 [n, 96, 96, 3], BGR; ``colors`` and ``marks`` int64 [n], numbers of COLORS
    and MARKS or UNKNOWN.
    """

    pictures: np.ndarray
    colors: np.ndarray
    marks: np.ndarray


class Recognizer(nn.Module):
    """BGR bytes [n, 3, 64, 64] as floats to logits of COLORS [n, 7] and of MARKS [n, 8]."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 3 * width, 4 * width)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs)]
            layers += [nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(widths[-1], widths[-1], 3, 1, 1, bias=False)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        # A colour is anywhere in the crop, a symbol has its place: 4x4 cells stay apart.
        self.color = nn.Linear(widths[-1], len(COLORS))
        self.mark = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(widths[-1] * 16, len(MARKS))
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        maps = self.features((image - 127.5) / 127.5)
        return self.color(maps.mean((2, 3))), self.mark(maps)


def read_crops(folder: Path, part: str) -> Crops:
    """All marked things of a part of ``sample_scenes``' data."""
    whole = json.loads((folder / f"{part}.json").read_text())
    by_image: dict[int, list[dict[str, Any]]] = {}
    for entry in whole["annotations"]:
        if "mark" in entry:
            by_image.setdefault(entry["image_id"], []).append(entry)
    pictures, colors, marks = [], [], []
    names, symbols = list(COLORS), list(MARKS)
    for image in whole["images"]:
        if image["id"] not in by_image:
            continue
        picture = cv2.imread(str(folder / "images" / image["file_name"]))
        for entry in by_image[image["id"]]:
            pictures.append(_cut(picture, entry["bbox"]))
            colors.append(names.index(entry["color"]) if "color" in entry else UNKNOWN)
            marks.append(symbols.index(entry["mark"]))
    return Crops(np.stack(pictures), np.array(colors), np.array(marks))


def _cut(picture: np.ndarray, box: list[float]) -> np.ndarray:
    """The box and its surroundings; beyond the picture its border goes on."""
    x, y, w, h = box
    wider = 1 + 2 * _JITTER
    scale = np.array([[w * wider, 0, x - _JITTER * w], [0, h * wider, y - _JITTER * h]])
    return _warped(picture, scale, _STORED)


def _warped(picture: np.ndarray, scale: np.ndarray, side: int) -> np.ndarray:
    """``scale`` [2, 3]: from shares of the new picture to pixels of the old one."""
    matrix = scale / [side, side, 1]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=how, borderMode=edge))


def train(crops: Crops, epochs: int, seed: int = 0) -> Recognizer:
    """A trained network, in eval mode; prints a line for each epoch."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Recognizer()
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=0.02)
    steps, step = epochs * math.ceil(len(crops.marks) / _BATCH), 0
    for epoch in range(epochs):
        network.train()
        before, total = time.process_time(), 0.0
        for chosen in _batches(len(crops.marks), rng):
            rate = _RATE * min(1.0, (step + 1) / 30) * (1 + math.cos(math.pi * step / steps)) / 2
            for group in optimizer.param_groups:
                group["lr"] = rate
            color, mark = network(torch.from_numpy(_seen(crops.pictures[chosen], rng)))
            losses = [
                nn.functional.cross_entropy(
                    logits,
                    torch.from_numpy(truth[chosen]),
                    ignore_index=UNKNOWN,
                    label_smoothing=0.02,
                )
                for logits, truth in ((color, crops.colors), (mark, crops.marks))
            ]
            loss = losses[0] + losses[1]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step, total = step + 1, total + float(loss.detach()) * len(chosen)
        spent = time.process_time() - before
        print(
            f"  epoch {epoch + 1}/{epochs}  loss {total / len(crops.marks):.3f}  {spent:.0f} CPU s",
            flush=True,
        )
    return network.eval()


def _batches(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    order = rng.permutation(count)
    for first in range(0, count, _BATCH):
        if count - first >= 2 or first == 0:
            yield order[first : first + _BATCH]


def _seen(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Crops as a camera sends them for boxes that are a little off: float32 [n, 3, 64, 64]."""
    out = np.empty((len(pictures), SIDE, SIDE, 3), np.float32)
    inner = _STORED * _JITTER / (1 + 2 * _JITTER)
    for i, picture in enumerate(pictures):
        low, high = rng.uniform(0, 2 * inner, 2), _STORED - rng.uniform(0, 2 * inner, 2)
        scale = np.array([[high[0] - low[0], 0, low[0]], [0, high[1] - low[1], low[1]]])
        if rng.random() < 0.5:
            scale[0] = [low[0] - high[0], 0, high[0]]
        out[i] = _warped(picture, scale, SIDE)
    out *= rng.uniform(0.85, 1.15, (len(out), 1, 1, 1)).astype(np.float32)
    return np.ascontiguousarray(np.clip(out, 0, 255).transpose(0, 3, 1, 2))


def middles(crops: Crops) -> np.ndarray:
    """The crops as true boxes give them: uint8 [n, 3, 64, 64]."""
    edge = round(_STORED * _JITTER / (1 + 2 * _JITTER))
    inner = crops.pictures[:, edge : _STORED - edge, edge : _STORED - edge]
    small = np.stack([cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in inner])
    return np.ascontiguousarray(small.transpose(0, 3, 1, 2))
