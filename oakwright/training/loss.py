"""SSD's loss: how wrong the classes are, and the boxes where there is one."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .assign import IGNORED

# A picture without any box still teaches what background is.
LEAST_NEGATIVES = 8


def ssd_loss(
    offsets: Any, logits: Any, wanted_offsets: Any, classes: Any, negatives: float, positives: Any
) -> tuple[Any, Any]:
    """Loss of boxes and of classes, as sums over the batch divided by ``positives``.

    Cross-entropy over the anchors with a class and the hardest of the background, ``negatives``
    times as many in each picture; smooth L1 over the offsets. Liu et al., 2015 (arXiv
    1512.02325), section 2.2.

    Args:
        offsets, wanted_offsets: float32 [n, A, 4].
        logits: float32 [n, A, C + 1]; ``classes`` int64 [n, A] of :func:`assign`.
        negatives: background anchors for each with a class.
        positives: how many anchors have a class, over all processes; at least 1.
    """
    is_box = classes > 0
    per_anchor = F.cross_entropy(
        logits.flatten(0, 1), classes.flatten(), reduction="none", ignore_index=IGNORED
    ).view_as(classes)
    with torch.no_grad():
        wanted = (is_box.sum(1) * negatives).clamp(min=LEAST_NEGATIVES).long()
        hardness = per_anchor.masked_fill(classes != 0, -1)
        hardest = hardness.sort(1, descending=True).values
        least = hardest.gather(1, wanted.clamp(max=hardest.shape[1])[:, None] - 1)
        is_hard = (hardness >= least) & (classes == 0)
    class_loss = (per_anchor * (is_box | is_hard)).sum() / positives
    box_loss = F.smooth_l1_loss(offsets[is_box], wanted_offsets[is_box], reduction="sum")
    return box_loss / positives, class_loss
