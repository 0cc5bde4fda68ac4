"""The table of functions: what there is, by family, in the order of the docs.

Names stand here without PyTorch; the class is imported when a function is made.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A function: its name, family, the class in ``file``, and one line on what it does."""

    name: str
    family: str
    file: str
    kind: str
    line: str


_ROWS = (
    ("divide", "arithmetic", "divide", "Divide", "the picture over a number: dimmed"),
    ("normalise", "arithmetic", "normalise", "Normalise", "(x - mean) / scale"),
    ("concat", "arithmetic", "concat", "Concat", "three frames side by side"),
    ("diff", "difference", "difference", "ChannelDifference", "channel sums of two frames, a - b"),
    ("absdiff", "difference", "difference", "AbsoluteDifference", "|a - b| of two frames"),
    ("meandiff", "difference", "difference", "MeanDifference", "mean of |a - b|: one number"),
    ("box-blur", "filter", "box_blur", "BoxBlur", "mean of a square window"),
    ("blur", "filter", "gaussian_blur", "GaussianBlur", "Gaussian blur"),
    ("edge", "filter", "laplacian", "Laplacian", "Laplacian: edges, positive and negative"),
)

FUNCTIONS: dict[str, Row] = {row[0]: Row(*row) for row in _ROWS}
