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
    ("unsharp", "filter", "unsharp", "Unsharp", "sharpening by the difference to a blur"),
    ("sobel", "filter", "sobel", "Sobel", "size of the gradient"),
    ("canny", "feature", "canny", "Canny", "thin edges by two thresholds"),
    ("harris", "feature", "harris", "Harris", "corner response"),
    ("threshold", "morphology", "threshold", "Threshold", "black and white by a level"),
    ("erode", "morphology", "morphology", "Erode", "least of a window"),
    ("dilate", "morphology", "morphology", "Dilate", "greatest of a window"),
    ("open", "morphology", "morphology", "Open", "bright specks go"),
    ("close", "morphology", "morphology", "Close", "dark specks go"),
    ("grey", "colour", "grey", "Grey", "luma of BGR"),
    ("hsv", "colour", "hsv", "Hsv", "hue, saturation, value, in OpenCV's units"),
    ("ycrcb", "colour", "ycrcb", "YCrCb", "luma and colour differences"),
    ("lab", "colour", "lab", "Lab", "CIE L*a*b*"),
    ("crop-resize", "geometry", "crop_resize", "CropResize", "a fixed part in another size"),
    ("warp", "geometry", "warp", "Warp", "by a fixed map: turned, undistorted"),
    ("pyramid", "geometry", "pyramid", "Pyramid", "halves, quarters, eighths"),
    ("points", "geometry", "points", "Points", "depth to points in metres"),
    (
        "match",
        "feature",
        "template_match",
        "TemplateMatch",
        "likeness of each window to a template",
    ),
    ("peaks", "feature", "peaks", "Peaks", "highest local maxima of heat maps"),
    ("cosine", "embedding", "cosine_distance", "CosineDistance", "angle between two embeddings"),
    ("euclid", "embedding", "euclidean_distance", "EuclideanDistance", "distance of embeddings"),
    ("top-k", "embedding", "top_k", "TopK", "the best classes of a classifier"),
)

FUNCTIONS: dict[str, Row] = {row[0]: Row(*row) for row in _ROWS}
