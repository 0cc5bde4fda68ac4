"""Window arithmetic of convolutions and pools: sizes in the blob decide what the padding is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oakwright.errors import RunError

from ..graph import Value, make
from ..ops import pad, reshape, slice_box

# No plane is larger than the device's memory, and no padding than its largest plane.
MAX_EXTENT, MAX_PAD = 1 << 28, 1 << 12


@dataclass(frozen=True)
class Window:
    """One spatial axis: the window's geometry and the number of results."""

    kernel: int
    stride: int
    pad_begin: int
    results: int
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Input positions from the first to the last one a window touches."""
        return (self.kernel - 1) * self.dilation + 1

    def __post_init__(self) -> None:
        numbers = (self.kernel, self.stride, self.results, self.dilation)
        if min(numbers) < 1 or max(numbers) > MAX_EXTENT or not 0 <= self.pad_begin <= MAX_PAD:
            raise RunError(f"{self} is no window of a network")

    def needed(self) -> int:
        """Padded input positions that all windows together touch."""
        return (self.results - 1) * self.stride + self.reach


def planes(x: Value) -> Value:
    """``x`` as [N, C, H, W]; missing axes are 1."""
    if x.rank == 4:
        return x
    if x.rank == 3:
        return reshape(x, (1, *x.shape))
    if x.rank == 2:
        return reshape(x, (*x.shape, 1, 1))
    if x.rank == 1:
        return reshape(x, (1, *x.shape, 1, 1))
    raise RunError(f"a tensor of shape {x.shape} where planes belong")


def fit(x: Value, windows: list[Window]) -> tuple[Value, list[int], list[int]]:
    """``x`` cropped at its far ends to what the windows reach, and the pads, begin and end.

    The file gives the padding at the near end and the number of results; the far end follows.
    """
    ends, keep = [], list(x.shape)
    first = x.rank - len(windows)
    for axis, window in enumerate(windows, first):
        missing = window.needed() - window.pad_begin - x.shape[axis]
        if missing > MAX_PAD:
            raise RunError(f"{window} on a tensor of shape {x.shape}")
        # Fewer than a stride too many are ignored by rounding down. So an even padding may do
        # as well, and that is what networks have.
        end = max(missing, 0)
        if missing <= window.pad_begin < missing + window.stride:
            end = window.pad_begin
        ends.append(end)
        if -missing >= window.stride:
            keep[axis] += missing
        if keep[axis] <= 0:
            raise RunError(f"{window} on a tensor of shape {x.shape}")
    return slice_box(x, [0] * x.rank, keep), [w.pad_begin for w in windows], ends


def convolution(x: Value, weights: Value, windows: list[Window]) -> Value:
    """Convolution; weights [OC, IC, ...], or [G, OC/G, IC/G, ...] for a grouped one."""
    x, begin, end = fit(x, windows)
    grouped = weights.rank == x.rank + 1
    channels = weights.shape[0] * weights.shape[1] if grouped else weights.shape[0]
    inputs = weights.shape[0] * weights.shape[2] if grouped else weights.shape[1]
    if inputs != x.shape[1]:
        raise RunError(f"weights for {inputs} channels, the input has {x.shape[1]}")
    shape = (x.shape[0], channels, *(w.results for w in windows))
    return make(
        "GroupConvolution" if grouped else "Convolution",
        (x, weights),
        shape,
        strides=[w.stride for w in windows],
        pads_begin=begin,
        pads_end=end,
        dilations=[w.dilation for w in windows],
    )


def max_pool(x: Value, windows: list[Window]) -> Value:
    """Maximum over windows; padding never wins."""
    x, begin, end = fit(x, windows)
    # A window of nothing but padding has no maximum; repeating the edge gives it one.
    if any(e >= w.kernel or b >= w.kernel for b, e, w in zip(begin, end, windows, strict=True)):
        x = pad(x, [0, 0, *begin], [0, 0, *end], "edge")
        begin = end = [0] * len(windows)
    return _pool("MaxPool", x, windows, begin, end)


def average_pool(x: Value, windows: list[Window], exclude_pad: bool) -> Value:
    """Mean over windows; ``exclude_pad`` divides by the part inside the input."""
    x, begin, end = fit(x, windows)
    if not any(begin) and not any(end):
        exclude_pad = False
    return _pool("AvgPool", x, windows, begin, end, exclude_pad=exclude_pad)


def _pool(
    op: str, x: Value, windows: list[Window], begin: list[int], end: list[int], **more: Any
) -> Value:
    shape = (*x.shape[:2], *(w.results for w in windows))
    return make(
        op,
        (x,),
        shape,
        strides=[w.stride for w in windows],
        pads_begin=begin,
        pads_end=end,
        kernel_shape=[w.kernel for w in windows],
        **more,
    )


def transposed_convolution(x: Value, weights: Value, windows: list[Window]) -> Value:
    """Transposed convolution; weights [IC, OC, ...] or [G, IC/G, OC/G, ...].

    ``results`` and ``pad_begin`` of a window are the output's size and its crop.
    """
    grouped = weights.rank == x.rank + 1
    channels = weights.shape[0] * weights.shape[2] if grouped else weights.shape[1]
    ends = [
        (x.shape[axis] - 1) * w.stride + w.reach - w.pad_begin - w.results
        for axis, w in enumerate(windows, x.rank - len(windows))
    ]
    return make(
        "GroupConvolutionBackpropData" if grouped else "ConvolutionBackpropData",
        (x, weights),
        (x.shape[0], channels, *(w.results for w in windows)),
        strides=[w.stride for w in windows],
        pads_begin=[w.pad_begin for w in windows],
        pads_end=[max(e, 0) for e in ends],
        dilations=[w.dilation for w in windows],
        output_padding=[max(-e, 0) for e in ends],
    )
