"""What a conversion is asked to do: frozen values, checked once, where they are made.

The preprocessing inside the blob is ``(x - mean) / scale``, with mean and scale in the model's
own channel order (the one it was trained in): frames that arrive in another order are reversed
first. ``range`` is a shorthand for the three usual ranges of frames, which are bytes 0..255:

=============  =======  =======
range          mean     scale
=============  =======  =======
``0..1``       0        255
``-1..1``      127.5    127.5
``-0.5..0.5``  127.5    255
=============  =======  =======
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from oakwright.errors import UsageError
from oakwright.tensor import Precision

RANGES: dict[str, tuple[float, float]] = {
    "0..255": (0.0, 1.0),
    "0..1": (0.0, 255.0),
    "-1..1": (127.5, 127.5),
    "-0.5..0.5": (127.5, 255.0),
}

# ImageNet statistics in bytes, RGB: torchvision's 0.485 0.456 0.406 / 0.229 0.224 0.225 times 255.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_SCALE = (58.395, 57.12, 57.375)

# Two networks run on one chip at a time (DepthAI's two threads), and a camera pipeline leaves
# about 13 of the 16 shaves: half of those is what the firmware recommends.
DEFAULT_SHAVES = 6
SHAVES = range(1, 17)

COLORS = ("RGB", "BGR", "GRAY")
STAMPS = {
    "6.0": (6, 0),
    "2020.4": (2020, 4),
    "2021.1": (2021, 1),
    "2021.2": (2021, 2),
    "2021.3": (2021, 3),
    "2021.4": (2021, 4),
    "2022.1": (2022, 1),
}

Numbers = float | Sequence[float] | str


def channel_values(value: Numbers, what: str) -> tuple[float, ...]:
    """Read a mean or scale: a number, one per channel, text of them, or ``imagenet``."""
    if isinstance(value, str):
        if value.strip().lower() == "imagenet":
            return IMAGENET_MEAN if what == "mean" else IMAGENET_SCALE
        try:
            numbers = tuple(float(part) for part in value.strip(" []()").split(","))
        except ValueError:
            raise UsageError(
                f"{what} '{value}' is not a number, a list of numbers or 'imagenet'",
                remedy=f"write --{what} 127.5 or --{what} 123.675,116.28,103.53",
                key=what,
            ) from None
    elif isinstance(value, (int, float)):
        numbers = (float(value),)
    else:
        numbers = tuple(float(part) for part in value)
    if not numbers or not all(math.isfinite(n) for n in numbers):
        raise UsageError(f"{what} {value} must be finite numbers", key=what)
    if what == "scale" and any(n == 0 for n in numbers):
        raise UsageError(
            "scale 0 would divide by zero", remedy="(x - mean) / scale needs scale != 0", key=what
        )
    return numbers


def parse_shape(shape: str | Sequence[int]) -> tuple[int, ...]:
    """Read ``1,3,224,224`` or a sequence of whole numbers."""
    parts = shape.strip(" []()").replace("x", ",").split(",") if isinstance(shape, str) else shape
    try:
        return tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        raise UsageError(
            f"shape '{shape}' is not a list of whole numbers",
            remedy="write 1,3,224,224: the chip needs fixed shapes",
            key="shape",
        ) from None


def parse_layout(text: str) -> tuple[str, str]:
    """Read ``NHWC`` or ``NHWC->NCHW``: the model's layout and the blob's.

    The blob's is planar NCHW unless said otherwise: what a ColorCamera sends after
    ``setInterleaved(False)``.
    """
    model, arrow, blob = text.upper().replace(" ", "").partition("->")
    blob = blob or model.replace("NHWC", "NCHW").replace("HWC", "CHW")
    for side in (model, blob):
        if not re.fullmatch(r"[NCDHW]{1,5}", side) or len(set(side)) != len(side):
            raise UsageError(
                f"layout '{text}' is not understood",
                remedy="name each axis once, e.g. NCHW, NHWC or NHWC->NCHW",
                key="layout",
            )
    if arrow and sorted(model) != sorted(blob):
        raise UsageError(f"layout '{text}' names different axes on its two sides", key="layout")
    return model, blob


def parse_color(text: str | Sequence[str]) -> tuple[str, str]:
    """Read ``RGB->BGR``: the model's order, then the order of the frames it will be given."""
    if isinstance(text, str):
        model, _, frames = text.upper().replace(" ", "").replace(":", "->").partition("->")
        pair = (model, frames or model)
    else:
        pair = (str(text[0]).upper(), str(text[1]).upper())
    if any(color not in COLORS for color in pair) or ("GRAY" in pair and pair[0] != pair[1]):
        raise UsageError(
            f"colour order '{text}' is not understood",
            remedy="write MODEL->FRAMES, e.g. RGB->BGR for an RGB model fed by a BGR camera",
            key="color",
        )
    return pair


@dataclass(frozen=True)
class InputOptions:
    """What is done to one input; ``name`` empty means: to every input, field by field, where
    nothing else is said of it. ``#0`` names the first input by its position.

    ``mean``, ``scale``: a number or one per channel, in the model's channel order. ``range``: see
    the module. ``layout``: the model's, or ``model->blob``. ``color``: ``model->frames``.
    ``shape``: all dimensions, outermost first. ``precision``: what the blob takes (U8, FP16,
    FP32, I32); frames are U8. ``freeze``: a constant in place of the input.
    """

    name: str = ""
    shape: tuple[int, ...] | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    layout: tuple[str, str] | None = None
    color: tuple[str, str] | None = None
    reverse_channels: bool = False
    precision: Precision | None = None
    freeze: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.color and self.reverse_channels:
            raise UsageError(
                f"input '{self.name}': colour order and reversed channels are two ways to say one"
                " thing",
                remedy="give one of them",
                key="color",
            )
        if self.shape is not None and (
            len(self.shape) > 8 or any(not 1 <= d <= 1 << 20 for d in self.shape)
        ):
            raise UsageError(
                f"shape {list(self.shape)} of input '{self.name}' must be at most 8 dimensions of"
                " 1 to 1048576",
                key="shape",
            )

    @classmethod
    def of(
        cls,
        name: str = "",
        *,
        shape: Sequence[int] | str | None = None,
        mean: Numbers | None = None,
        scale: Numbers | None = None,
        range: str | None = None,
        layout: str | None = None,
        color: str | Sequence[str] | None = None,
        reverse_channels: bool = False,
        precision: str | Precision | None = None,
        freeze: float | Sequence[float] | None = None,
    ) -> InputOptions:
        """Make input options from what people write; raises UsageError with the key."""
        if range is not None:
            if mean is not None or scale is not None:
                raise UsageError(
                    "range is a shorthand for mean and scale", remedy="give one or the other"
                )
            if not isinstance(range, str) or range.replace(" ", "") not in RANGES:
                raise UsageError(
                    f"range '{range}' is not known",
                    remedy=f"use one of {', '.join(RANGES)}, or mean and scale",
                    key="range",
                )
            mean, scale = RANGES[range.replace(" ", "")]
        if isinstance(precision, str):
            precision = Precision.parse(precision)
        if isinstance(freeze, (int, float)):
            freeze = (float(freeze),)
        return cls(
            name=name,
            shape=parse_shape(shape) if shape is not None else None,
            mean=channel_values(mean, "mean") if mean is not None else None,
            scale=channel_values(scale, "scale") if scale is not None else None,
            layout=parse_layout(layout) if layout is not None else None,
            color=parse_color(color) if color is not None else None,
            reverse_channels=reverse_channels,
            precision=precision,
            freeze=tuple(float(v) for v in freeze) if freeze is not None else None,
        )

    def overlaid(self, other: InputOptions) -> InputOptions:
        """These options with whatever ``other`` says put over them."""
        said = {
            field.name: value
            for field in fields(other)
            if field.name != "name" and (value := getattr(other, field.name)) not in (None, False)
        }
        if "color" in said or "reverse_channels" in said:  # two ways to say one thing
            said.setdefault("color", None)
            said.setdefault("reverse_channels", False)
        return replace(self, **said)

    @property
    def is_reversed(self) -> bool:
        """Whether the frames' channels are turned round before the model sees them."""
        return self.reverse_channels or (self.color is not None and self.color[0] != self.color[1])

    @property
    def takes_frames(self) -> bool:
        """Whether anything asked for here says that this input is fed with camera frames."""
        return (
            self.mean is not None
            or self.scale is not None
            or self.color is not None
            or self.reverse_channels
        )


@dataclass(frozen=True)
class ConvertOptions:
    """All of a conversion. Made by :meth:`of` from what people write, or field by field.

    ``inputs``: one entry per input that is treated specially, plus at most one without a name for
    all others. ``outputs``: tensor or layer names to cut the model at (empty: its own outputs).
    ``shaves``: one blob is made for each. ``output_precision``: FP16 or FP32 for real outputs;
    integer results stay I32. ``of_either``: names in ``inputs`` and ``output_precision`` that are
    of one or the other, as the model has it (Compile Tool's -iop). ``stamp``: the version in the
    blob's header. ``verify``: ``auto`` compares the legalised model with the source on random
    input, with the source framework itself where that is quick; ``full`` always asks the framework;
    ``off`` skips it. ``compress_to_fp16``: FP16 weights in the IR, which is what the chip computes
    with.
    """

    inputs: tuple[InputOptions, ...] = ()
    outputs: tuple[str, ...] = ()
    shaves: tuple[int, ...] = (DEFAULT_SHAVES,)
    output_precision: tuple[tuple[str, Precision], ...] = ()
    of_either: tuple[str, ...] = ()
    stamp: str = "6.0"
    to: str = "blob"
    verify: str = "auto"
    tolerance: float = 1e-3
    timeout_s: float = 120.0
    memory_limit_mb: int | None = None
    compress_to_fp16: bool = True
    skip_device_wait: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= 7 * 86400:
            raise UsageError(
                f"timeout {self.timeout_s} s must be more than 0 and at most a week", key="timeout"
            )
        if not self.shaves or any(n not in SHAVES for n in self.shaves):
            raise UsageError(
                f"shaves {list(self.shaves)} must be 1 to 16 (the chip has 16)",
                remedy="leave it out for 6, or give e.g. 4,6,8, 1..16 or all",
                key="shaves",
            )
        names = [entry.name for entry in self.inputs]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise UsageError(f"options for input '{twice.pop()}' are given twice", key="inputs")
        for key, value, known in (
            ("stamp", self.stamp, tuple(STAMPS)),
            ("to", self.to, ("ir", "blob")),
            ("verify", self.verify, ("auto", "full", "off")),
        ):
            if value not in known:
                raise UsageError(
                    f"{key} '{value}' is not known",
                    remedy=f"use one of {', '.join(known)}",
                    key=key,
                )

    def for_input(self, name: str, index: int | None = None) -> InputOptions:
        """Options of an input: field by field its own, by position (``#0``), then the unnamed."""
        merged = InputOptions(name=name)
        for wanted in ("", f"#{index}", name):
            for entry in self.inputs:
                if entry.name.removesuffix(":0") == wanted:
                    merged = merged.overlaid(entry)
        return replace(merged, name=name)

    def as_json(self) -> dict[str, Any]:
        """The options as plain values, in a stable order: the manifest and the cache key."""
        plain = asdict(self)
        plain.pop("skip_device_wait")  # changes the time, never the bytes
        return json.loads(json.dumps(plain))  # type: ignore[no-any-return]


def parse_shaves(text: str | int | Sequence[int]) -> tuple[int, ...]:
    """Read ``6``, ``4,6,8``, ``1..16`` or ``all``."""
    if isinstance(text, int):
        return (text,)
    if isinstance(text, str) and text.strip().lower() == "all":
        return tuple(SHAVES)
    numbers: list[int] = []
    try:
        if not isinstance(text, str):
            return tuple(int(n) for n in text)
        for part in text.split(","):
            first, dots, last = part.partition("..")
            if dots and not SHAVES[0] <= int(first) <= int(last) <= SHAVES[-1]:
                raise ValueError(part)  # before a list of all between them is made
            numbers += range(int(first), int(last) + 1) if dots else [int(first)]
    except (TypeError, ValueError):
        raise UsageError(
            f"shaves '{text}' is not understood",
            remedy="write 6, 4,6,8, 1..16 or all",
            key="shaves",
        ) from None
    return tuple(dict.fromkeys(numbers))
