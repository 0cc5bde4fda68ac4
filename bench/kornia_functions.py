"""Kornia's functions as they are: which become a blob, and why not.

    python bench/kornia_functions.py           writes docs/reference/kornia.md
    python bench/kornia_functions.py NAME...   prints the rows of those

Each takes a picture 1x3x48x64 of 0..1 and, where it needs more, the fixed values in the table
below. ``off`` is max |a - b| / max |b| of the blob, run in F32, against Kornia.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
import torch
from torch import Tensor, nn

import oakwright
from oakwright import functions
from oakwright.conversion import ConvertOptions
from oakwright.errors import OakwrightError

SIDES = (48, 64)
# What compiles at all does so in a few seconds.
OPTIONS = ConvertOptions(timeout_s=25.0)
# name -> its arguments after the picture, as a function of torch, where it has any.
FUNCTIONS: dict[str, str] = {
    "filters.bilateral_blur": "(3, 3), 0.1, (1.5, 1.5)",
    "filters.blur_pool2d": "3",
    "filters.box_blur": "(5, 5)",
    "filters.canny": "",
    "filters.gaussian_blur2d": "(9, 9), (2.5, 2.5)",
    "filters.guided_blur": "x, 3, 0.1",
    "filters.laplacian": "3",
    "filters.max_blur_pool2d": "3",
    "filters.median_blur": "(3, 3)",
    "filters.motion_blur": "5, 35.0, 0.5",
    "filters.sobel": "",
    "filters.spatial_gradient": "",
    "filters.unsharp_mask": "(5, 5), (1.5, 1.5)",
    "feature.dog_response_single": "1.0, 1.6",
    "feature.gftt_response": "",
    "feature.harris_response": "",
    "feature.hessian_response": "",
    "color.bgr_to_grayscale": "",
    "color.bgr_to_rgb": "",
    "color.hls_to_rgb": "",
    "color.hsv_to_rgb": "",
    "color.linear_rgb_to_rgb": "",
    "color.rgb_to_grayscale": "",
    "color.rgb_to_hls": "",
    "color.rgb_to_hsv": "",
    "color.rgb_to_lab": "",
    "color.rgb_to_linear_rgb": "",
    "color.rgb_to_luv": "",
    "color.rgb_to_xyz": "",
    "color.rgb_to_ycbcr": "",
    "color.rgb_to_yuv": "",
    "color.rgb_to_yuv420": "",
    "color.sepia": "",
    "color.ycbcr_to_rgb": "",
    "color.yuv_to_rgb": "",
    "geometry.center_crop": "(32, 32)",
    "geometry.hflip": "",
    "geometry.pyrdown": "",
    "geometry.pyrup": "",
    "geometry.resize": "(32, 40)",
    "geometry.rot180": "",
    "geometry.rotate": "torch.tensor([20.0])",
    "geometry.scale": "torch.tensor([[1.2, 1.2]])",
    "geometry.shear": "torch.tensor([[0.1, 0.0]])",
    "geometry.translate": "torch.tensor([[3.0, 2.0]])",
    "geometry.vflip": "",
    "geometry.warp_affine": "torch.tensor([[[1.0, 0.1, 2.0], [0.0, 1.0, 1.0]]]), (48, 64)",
    "geometry.warp_perspective": "torch.eye(3)[None] + 0.001, (48, 64)",
    "enhance.adjust_brightness": "0.2",
    "enhance.adjust_contrast": "1.5",
    "enhance.adjust_gamma": "2.0",
    "enhance.adjust_hue": "0.3",
    "enhance.adjust_saturation": "1.5",
    "enhance.adjust_sigmoid": "",
    "enhance.equalize": "",
    "enhance.equalize_clahe": "",
    "enhance.invert": "",
    "enhance.normalize": "torch.tensor([0.4]), torch.tensor([0.2])",
    "enhance.normalize_min_max": "",
    "enhance.posterize": "3",
    "enhance.solarize": "0.5",
    "morphology.bottom_hat": "torch.ones(3, 3)",
    "morphology.closing": "torch.ones(3, 3)",
    "morphology.dilation": "torch.ones(3, 3)",
    "morphology.erosion": "torch.ones(3, 3)",
    "morphology.gradient": "torch.ones(3, 3)",
    "morphology.opening": "torch.ones(3, 3)",
    "morphology.top_hat": "torch.ones(3, 3)",
}


class Call(nn.Module):
    """A function of one picture as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def function(name: str) -> Callable[[Tensor], Any]:
    """Kornia's function of that name with the table's arguments, made once and not traced."""
    import kornia

    room, _, plain = name.partition(".")
    call = getattr(getattr(kornia, room), plain)
    text = FUNCTIONS[name]
    uses_picture = text.startswith("x")
    fixed = None if uses_picture else eval(f"({text},)" if text else "()", {"torch": torch})

    def run(x: Tensor) -> Any:
        return call(x, *(eval(f"({text},)", {"x": x}) if fixed is None else fixed))

    return run


def row(name: str) -> str:
    """The function's row: blob or not, stages, how far off; or the reason, in one line."""
    picture = functions.picture(*SIDES).astype(np.float32)[None] / 255
    module = Call(function(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.no_grad():
                result = module(torch.from_numpy(picture))
        except Exception as error:  # of another Kornia: its arguments are others
            return f"| {name} | | | | Kornia: {' '.join(str(error).split())[:150]} |"
        wanted = [r.numpy() for r in (result if isinstance(result, (tuple, list)) else [result])]
        try:
            made = oakwright.convert(
                module, example_input=(torch.from_numpy(picture),), options=OPTIONS
            )
            got = oakwright.run(made.blob, {"x": picture})
        except OakwrightError as error:
            reason = " ".join(error.message.split()).replace("|", "/")
            return f"| {name} | no | | | {reason[:150]} |"
    names = [output["name"] for output in made.manifest["outputs"]]
    off = max(
        float(np.abs(w - got[n].reshape(w.shape)).max() / max(np.abs(w).max(), 1e-6))
        for n, w in zip(names, wanted, strict=True)
    )
    return f"| {name} | yes | {len(made.blob.stages)} | {off:.0e} | |"


HEAD = """# Kornia's functions

Written by `python bench/kornia_functions.py` with Kornia {version}; a slow test keeps it true. Each
function takes a picture 1x3x48x64 of 0..1, and the fixed arguments in that script. `off` is
max |a - b| / max |b| of the blob, run on the CPU, against Kornia. {yes} of {all} become a blob.

| function | blob | stages | off | why not |
|---|---|---|---|---|
"""


def main() -> None:
    import kornia

    lines = []
    for name in sys.argv[1:] or FUNCTIONS:
        lines.append(row(name))
        print(lines[-1], flush=True)
    if not sys.argv[1:]:
        yes = sum("| yes |" in line for line in lines)
        head = HEAD.format(version=kornia.__version__, yes=yes, all=len(lines))
        page = ROOT / "docs" / "reference" / "kornia.md"
        page.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
