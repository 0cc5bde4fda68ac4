"""Which anchor should find which box."""

from __future__ import annotations

import numpy as np

from .anchors import encode, overlap

# An anchor overlapping a box by more is always its (OTE's MaxIoU); a box's best few anchors need
# only the second: a small box on a coarse map has none above the first.
ALWAYS = 0.4
AMONG_BEST = 0.2
# An anchor of which so much lies in a crowd is neither right nor wrong.
IN_CROWD = 0.5
IGNORED = -1


def assign(
    boxes: np.ndarray, labels: np.ndarray, crowd: np.ndarray, anchors: np.ndarray, matches: int
) -> tuple[np.ndarray, np.ndarray]:
    """Targets of one picture.

    Args:
        boxes: [n, 4], in the anchors' units; ``labels`` int [n] from 0; ``crowd`` bool [n].
        anchors: [A, 4].
        matches: how many of its best anchors a box gets at least, if they overlap at all.

    Returns:
        int64 [A]: 0 background, 1 and up the class, IGNORED; float32 [A, 4]: offsets where there
        is a class, else 0.
    """
    classes = np.zeros(len(anchors), np.int64)
    offsets = np.zeros((len(anchors), 4), np.float32)
    if crowd.any():
        classes[_share_in(anchors, boxes[crowd]).max(1) > IN_CROWD] = IGNORED
        boxes, labels = boxes[~crowd], labels[~crowd]
    if not len(boxes):
        return classes, offsets
    iou = overlap(boxes, anchors)
    owner, value = iou.argmax(0), iou.max(0)
    owner[value <= ALWAYS] = -1
    count = min(matches, len(anchors))
    best = np.argpartition(-iou, count - 1, axis=1)[:, :count]
    best_values = np.take_along_axis(iou, best, 1)
    # The best anchor of a box is its own, however little they overlap; ties in order.
    top = iou.argmax(1)
    pairs = [
        (best_values[i, j], i, best[i, j])
        for i in range(len(boxes))
        for j in range(count)
        if best_values[i, j] > AMONG_BEST
    ]
    for value_, i, anchor in sorted(pairs, key=lambda p: (p[0], -p[1])):
        if owner[anchor] < 0 or iou[owner[anchor], anchor] <= value_:
            owner[anchor] = i
    owner[top] = np.arange(len(boxes))
    mine = np.flatnonzero(owner >= 0)
    classes[mine] = labels[owner[mine]] + 1
    offsets[mine] = encode(boxes[owner[mine]], anchors[mine])
    return classes, offsets


def _share_in(anchors: np.ndarray, crowds: np.ndarray) -> np.ndarray:
    """How much of each anchor lies in each crowd: [A, n]."""
    low = np.maximum(anchors[:, None, :2], crowds[None, :, :2])
    high = np.minimum(anchors[:, None, 2:], crowds[None, :, 2:])
    both = np.maximum(high - low, 0).prod(-1)
    return np.asarray(both / (anchors[:, 2:] - anchors[:, :2]).prod(-1)[:, None])
