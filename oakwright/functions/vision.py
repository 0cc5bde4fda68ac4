"""What every vision function is: a module that knows what it is fed with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from oakwright.errors import UsageError

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
        for name, shape in shapes.items():
            if min(shape) < 1:
                raise UsageError(
                    f"{name} would have the shape {'x'.join(map(str, shape))}",
                    remedy="give sizes of 1 or more",
                    key=name,
                )
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

    def fits(self, size: int) -> int:
        """``size``, if a window so wide has a middle and its border can be reflected."""
        sides = min(min(tensor.shape[-2:]) for tensor in self.example_input.values())
        if odd(size) // 2 >= sides:
            raise UsageError(
                f"a window of {size} pixels does not fit into a picture whose side is {sides}",
                remedy=f"half a window is less than a side: {2 * sides - 1} at most",
                key="size",
            )
        return size


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
    if size < 1 or size % 2 == 0:
        raise UsageError(
            f"{what} is {size}: a window has a pixel in its middle",
            remedy=f"give an odd {what}, 3 or more",
            key=what,
        )
    return size
