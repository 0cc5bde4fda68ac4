"""The straightforward loop that bench/train_speed.py compares with: what one writes first.

The same network, trained layers, targets, loss and optimizer as oakwright's, each picture read when
its turn comes, OpenCV for crop, resize, flip and colour (in HSV), tensors of the usual layout and
kind (NCHW, float32), no threads besides torch's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from oakwright.dataset import Dataset
from oakwright.training.anchors import priors
from oakwright.training.assign import assign
from oakwright.training.loss import ssd_loss
from oakwright.training.ssd import Ssd
from oakwright.training.template import Template


def batches(data: Dataset, template: Template, size: int, steps: int) -> Iterator[Any]:
    model, recipe = template.model, template.recipe
    rng, anchors = np.random.default_rng(0), priors(template.model)
    for _ in range(steps):
        pictures, classes, offsets = [], [], []
        for index in rng.integers(0, len(data), size):
            sample = data.samples[index]
            picture = cv2.cvtColor(cv2.imread(str(sample.path)), cv2.COLOR_BGR2RGB)
            boxes = sample.boxes / np.array([sample.width, sample.height] * 2, np.float32)
            picture, boxes, kept = crop(picture, boxes, rng)
            picture = cv2.resize(picture, (model.width, model.height))
            if rng.random() < 0.5:
                picture = cv2.flip(picture, 1)
                boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)
            hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.float32)
            hsv *= rng.uniform(0.7, 1.3, 3)
            picture = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
            normal = (picture.astype(np.float32) - model.mean) / model.scale
            pictures.append(
                torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1))).float()
            )
            wanted = assign(boxes, sample.labels[kept], sample.crowd[kept], anchors, recipe.matches)
            classes.append(torch.from_numpy(wanted[0]))
            offsets.append(torch.from_numpy(wanted[1]))
        yield torch.stack(pictures), torch.stack(classes), torch.stack(offsets)


def crop(picture: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> Any:
    """A window of 30 to 100 % of the picture, and the boxes whose centre is in it."""
    height, width = picture.shape[:2]
    side = np.sqrt(rng.uniform(0.3, 1))
    x, y = rng.uniform(0, 1 - side, 2)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    kept = np.flatnonzero(((centres > (x, y)) & (centres < (x + side, y + side))).all(1))
    window = picture[
        int(y * height) : int((y + side) * height), int(x * width) : int((x + side) * width)
    ]
    return window, np.clip((boxes[kept] - (x, y, x, y)) / side, 0, 1).astype(np.float32), kept


def train_plainly(
    data: Dataset, template: Template, freeze: int, size: int, steps: int
) -> Iterator[int]:
    """One optimizer step for each item that is asked for."""
    torch.manual_seed(0)
    network = Ssd(template.model, len(data.classes)).train()
    plain_filters(network)
    for block in network.trunk.features[:freeze]:
        block.requires_grad_(False)
        block.eval()
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=template.recipe.learning_rate)
    for step, (pictures, classes, offsets) in enumerate(batches(data, template, size, steps)):
        found, logits = network(pictures)
        positives = (classes > 0).sum().clamp(min=1)
        losses = ssd_loss(found, logits, offsets, classes, template.recipe.negatives, positives)
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
        yield step


def plain_filters(network: nn.Module) -> None:
    """torch's own convolution in the place of the trunk's StridedFilter."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.__class__ = nn.Conv2d
