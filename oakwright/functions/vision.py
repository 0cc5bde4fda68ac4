"""What every vision function is: a module that knows what it is fed with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .picture import picture


class Vision(nn.Module):
    """A function of frames as a ``torch.nn.Module``, with sample inputs.

    A subclass gives its inputs' shapes by ``forward``'s argument names. ``precision`` is what the
    blob takes: U8 for frames (bytes 0..255, planar BGR), FP16 for anything else. ``largest`` is
    the greatest value an input can have; the least is 0.
    """

    precision: ClassVar[str] = "U8"
    largest: ClassVar[float] = 255.0

    def __init__(self, **shapes: Sequence[int]) -> None:
        super().__init__()
        self.example_input = {name: torch.ones(*shape) for name, shape in shapes.items()}

    def samples(self) -> dict[str, np.ndarray]:
        """Sample inputs by name, F32: made-up pictures, each of another moment."""
        made = {}
        for moment, (name, tensor) in enumerate(self.example_input.items()):
            shape = tuple(tensor.shape)
            count, (height, width) = int(np.prod(shape[:-2])), shape[-2:] if shape[1:] else (1, 1)
            if len(shape) < 2:
                count, height, width = 1, 1, shape[0]
            planes = [picture(height, width, moment + 3 * i) for i in range(-(-count // 3))]
            array = np.concatenate(planes)[:count].reshape(shape).astype(np.float32)
            made[name] = array * np.float32(self.largest / 255)
        return made


def windowed(input: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Each channel of NCHW ``input`` correlated with ``kernel`` [C,1,k,k], borders reflected.

    One pad and one depthwise convolution: how the vendor's own filters are built, and fewer
    stages than slices and sums.
    """
    border = kernel.shape[-1] // 2
    wide = functional.pad(input, [border] * 4, mode="reflect")
    return functional.conv2d(wide, kernel, groups=input.shape[1])


def odd(size: int, what: str = "size") -> int:
    """``size`` if a window can be that wide; raises UsageError."""
    from oakwright.errors import UsageError

    if size < 1 or size % 2 == 0:
        raise UsageError(
            f"{what} is {size}: a window has a pixel in its middle",
            remedy=f"give an odd {what}, 3 or more",
            key=what,
        )
    return size
