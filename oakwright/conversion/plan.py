"""What will be done to each input, decided in one place and said aloud.

Nothing is guessed silently: whatever a plan infers (a layout, a batch of one) carries a note.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oakwright.errors import ModelError, UsageError
from oakwright.ir import InputPreprocess, port_names
from oakwright.tensor import Precision

from .options import ConvertOptions, InputOptions

if TYPE_CHECKING:
    import numpy as np
    import openvino as ov

_IMAGE_CHANNELS = (1, 3, 4)
DEVICE_MEMORY = 512 << 20  # bytes of DDR beside the chip on every RVC2 camera


@dataclass(frozen=True)
class PlannedInput:
    """One input of the blob, and how its values reach the model.

    ``model_shape``, ``model_layout``: what the source model has. ``shape``, ``layout``: what the
    host sends, outermost dimension first. ``mean`` and ``scale`` are in the model's channel order
    and applied after ``is_reversed``.
    """

    name: str
    precision: Precision
    model_shape: tuple[int, ...]
    model_layout: str
    layout: str
    mean: tuple[float, ...] | None
    scale: tuple[float, ...] | None
    is_reversed: bool
    color: tuple[str, str] | None
    notes: tuple[str, ...] = ()
    is_planar: bool = True  # the IR's own input; an interleaved blob is the engine's doing

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the blob's input in ``layout``."""
        if not self.layout or self.layout == self.model_layout:
            return self.model_shape
        size = dict(zip(self.model_layout, self.model_shape, strict=True))
        return tuple(size[axis] for axis in self.layout)

    @property
    def ir_shape(self) -> tuple[int, ...]:
        """Shape of the IR's input: planar where the axes are known."""
        if not self.layout:
            return self.model_shape
        size = dict(zip(self.model_layout, self.model_shape, strict=True))
        return tuple(size[axis] for axis in self.planar_layout)

    @property
    def planar_layout(self) -> str:
        """The layout of the IR's input: channels before height and width, unless kept."""
        if not self.layout or not self.is_planar:
            return self.layout
        return self.model_layout.replace("NHWC", "NCHW")

    def preprocess(self) -> InputPreprocess | None:
        """What the IR has to do before the model's first layer, or None."""
        keeps_values = self.mean is None and self.scale is None and not self.is_reversed
        if keeps_values and self.planar_layout == self.model_layout:
            return None
        return InputPreprocess(
            name=self.name,
            mean=self.mean,
            scale=self.scale,
            reverse_channels=self.is_reversed,
            model_layout=self.model_layout,
            tensor_layout=self.planar_layout,
        )

    def apply(self, planar: np.ndarray) -> np.ndarray:
        """The same in numpy: what the source model has to be fed for this input of the IR.

        ``planar`` has the IR's shape and real type; so has the result, in the model's layout.
        """
        values = planar
        if self.layout:
            order = [self.planar_layout.index(axis) for axis in self.model_layout]
            values = values.transpose(order)
        if self.is_reversed:
            import numpy as np

            values = np.flip(values, self.model_layout.index("C"))
        for numbers, operation in ((self.mean, "subtract"), (self.scale, "divide")):
            if numbers is None:
                continue
            import numpy as np

            spread = np.asarray(numbers, values.dtype)
            if len(numbers) > 1:
                shape = [1] * values.ndim
                shape[self.model_layout.index("C")] = len(numbers)
                spread = spread.reshape(shape)
            values = getattr(np, operation)(values, spread)
        return values

    def describe(self) -> str:
        """One line for people: everything that was applied."""
        parts = [f"{self.precision.value} {'x'.join(map(str, self.shape)) or 'scalar'}"]
        if self.layout:
            moved = f" (model: {self.model_layout})" if self.layout != self.model_layout else ""
            parts.append(self.layout + moved)
        if self.color:
            parts.append(f"{self.color[1]} frames, {self.color[0]} model")
        elif self.is_reversed:
            parts.append("channels reversed")
        if self.mean is not None or self.scale is not None:
            mean = _short(self.mean) if self.mean else "0"
            scale = _short(self.scale) if self.scale else "1"
            parts.append(f"(x - {mean}) / {scale}")
        return f"{self.name}: " + ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values for the manifest."""
        return {
            "name": self.name,
            "precision": self.precision.value,
            "shape": list(self.shape),
            "layout": self.layout,
            "model_shape": list(self.model_shape),
            "model_layout": self.model_layout,
            "mean": list(self.mean) if self.mean else None,
            "scale": list(self.scale) if self.scale else None,
            "channels_reversed": self.is_reversed,
            "color": list(self.color) if self.color else None,
            "notes": list(self.notes),
        }


def _short(numbers: tuple[float, ...]) -> str:
    text = ", ".join(f"{n:g}" for n in numbers)
    return text if len(numbers) == 1 else f"[{text}]"


def plan_inputs(
    model: ov.Model, options: ConvertOptions, *, channels_last: bool = False
) -> list[PlannedInput]:
    """Plan every input of a static model.

    ``channels_last``: a shape that could be NCHW or NHWC is NHWC, as in TensorFlow.
    Raises UsageError for options that name no input or do not fit the shape.
    """
    names = port_names(model).inputs
    for entry in options.inputs:
        known = [*names, "", *(f"#{i}" for i in range(len(names))), *options.of_either]
        if entry.freeze is not None and (entry.takes_frames or entry.precision):
            raise UsageError(
                f"input '{entry.name}' is frozen: nothing else can be said of it", key="freeze"
            )
        if entry.name.removesuffix(":0") not in known and entry.freeze is None:
            raise UsageError(
                f"the model has no input '{entry.name}'",
                remedy=f"its inputs are {', '.join(names)}",
                key="inputs",
            )
    planned = []
    for i, (name, port) in enumerate(zip(names, model.inputs, strict=True)):
        wanted, shape = options.for_input(name, i), tuple(port.shape)
        own = any(e.name.removesuffix(":0") in (name, f"#{i}") for e in options.inputs)
        if wanted.reverse_channels and not own and 3 not in shape[1:]:
            # Said of every input at once, it means those with three channels.
            wanted = replace(wanted, reverse_channels=False)
        made = _plan(name, shape, port.element_type.to_string(), wanted, channels_last)
        # An IR has no engine behind it that could turn the axes: it gets what was asked for.
        planned.append(replace(made, is_planar=options.to != "ir"))
    return planned


def _plan(
    name: str, shape: tuple[int, ...], kind: str, wanted: InputOptions, channels_last: bool
) -> PlannedInput:
    notes: list[str] = []
    if wanted.layout:
        model_layout, layout = wanted.layout
        if len(model_layout) != len(shape):
            raise UsageError(
                f"layout {model_layout} has {len(model_layout)} axes, input '{name}' has"
                f" {len(shape)} dimensions {list(shape)}",
                key="layout",
            )
    elif wanted.takes_frames:
        model_layout = _infer_layout(name, shape, wanted, channels_last)
        layout = model_layout.replace("NHWC", "NCHW")
        if model_layout:
            notes.append(f"layout {model_layout} inferred from shape {list(shape)}")
    else:
        model_layout = layout = ""
        planar = shape[1:2] and shape[1] in _IMAGE_CHANNELS and not channels_last
        if len(shape) == 4 and shape[3] in _IMAGE_CHANNELS and not planar:
            notes.append(
                f"shape {list(shape)} looks like NHWC; it is kept. For planar camera frames say"
                " --layout NHWC"
            )
    _check_channels(name, shape, model_layout, wanted)
    is_real = kind in ("f32", "f16", "f64", "bf16")
    if kind == "u8" and channels_last and (wanted.mean or wanted.scale):
        raise UsageError(
            f"input '{name}' takes bytes as they are: the model itself brings them into its range",
            remedy="leave range, mean and scale out; --layout NHWC makes the input planar",
            key="mean",
        )
    if not is_real and (wanted.mean or wanted.scale) and kind != "u8":
        raise UsageError(f"input '{name}' takes integers ({kind}); mean and scale make no sense")
    if wanted.precision:
        precision = wanted.precision
    elif wanted.takes_frames or kind in ("u8", "boolean"):
        precision = Precision.U8
    else:
        precision = Precision.FP16 if is_real else Precision.I32
    if precision is Precision.I8:
        raise UsageError(
            f"input '{name}': the engine has no I8 inputs",
            remedy="use U8, FP16, FP32 or I32",
            key="precision",
        )
    return PlannedInput(
        name=name,
        precision=precision,
        model_shape=shape,
        model_layout=model_layout,
        layout=layout,
        mean=wanted.mean,
        scale=wanted.scale,
        is_reversed=wanted.is_reversed,
        color=wanted.color,
        notes=tuple(notes),
    )


def _infer_layout(
    name: str, shape: tuple[int, ...], wanted: InputOptions, channels_last: bool
) -> str:
    lengths = {len(v) for v in (wanted.mean, wanted.scale) if v and len(v) > 1}
    if len(lengths) > 1:
        raise UsageError(f"input '{name}': mean and scale have {sorted(lengths)} values")
    wants_color = wanted.is_reversed
    channels = lengths or ({3} if wants_color else set(_IMAGE_CHANNELS))
    planar, interleaved = {4: ("NCHW", "NHWC"), 3: ("CHW", "HWC")}.get(len(shape), ("", ""))
    order = (interleaved, planar) if channels_last else (planar, interleaved)
    for layout in order:
        if layout and shape[layout.index("C")] in channels:
            return layout
    if lengths:
        raise UsageError(
            f"{lengths.pop()} values of mean or scale fit no axis of input '{name}' {list(shape)}",
            remedy="give one number, or one per channel; name the axes with"
            f" --layout {name}=NCHW if they are unusual",
            key="mean",
        )
    if wants_color:
        raise UsageError(
            f"input '{name}' of shape {list(shape)} has no three channels to turn round",
            remedy=f"say which input is meant: --color {name}=...",
            key="color",
        )
    return order[0]  # one mean and one scale fit any axis


def _check_channels(name: str, shape: tuple[int, ...], layout: str, wanted: InputOptions) -> None:
    channels = shape[layout.index("C")] if "C" in layout else None
    for key, values in (("mean", wanted.mean), ("scale", wanted.scale)):
        if values and len(values) > 1 and len(values) != channels:
            raise UsageError(
                f"{key} has {len(values)} values, input '{name}' {list(shape)} has"
                f" {channels if channels is not None else 'no named'} channels",
                remedy="give one number, or one per channel in the model's own order",
                key=key,
            )
    if wanted.is_reversed and channels != 3:
        raise UsageError(
            f"channels of input '{name}' cannot be reversed: it has {channels}, not 3",
            remedy="colour order is for three-channel inputs",
            key="color",
        )


def require_static(model: ov.Model, options: ConvertOptions) -> list[str]:
    """Give ``model`` static input shapes in place; notes say what was set to 1.

    Raises UsageError where a shape must be asked for, ModelError where one does not fit.
    """
    notes, missing, shapes = [], [], {}
    names = port_names(model).inputs
    for index, (name, port) in enumerate(zip(names, model.inputs, strict=True)):
        given = options.for_input(name, index).shape
        partial = port.get_partial_shape()
        if given is not None:
            shapes[port] = list(given)
        elif partial.is_dynamic:
            text = str(partial)
            rank_known = partial.rank.is_static
            others = list(partial)[1:] if rank_known and len(partial) else []
            if others and all(d.is_static for d in others):
                shapes[port] = [1, *(d.get_length() for d in others)]
                notes.append(f"{name}: batch of {text} set to 1")
            else:
                missing.append(f"{name}{text}")
    if missing:
        raise UsageError(
            f"the chip needs fixed shapes; unknown here: {', '.join(missing)}",
            remedy="give --shape 1,3,224,224, or --shape NAME=1,3,224,224 for each",
            key="shape",
        )
    if shapes:
        try:
            model.reshape(shapes)
        except Exception as error:
            sizes = dict(zip(names, model.inputs, strict=True))
            wanted = ", ".join(f"{n}={shapes[p]}" for n, p in sizes.items() if p in shapes)
            raise ModelError(
                f"the model cannot take the shape {wanted}: {str(error).strip().splitlines()[-1]}",
                remedy="give the shape the model was made for",
            ) from error
    _check_sizes(model)
    return notes


def _check_sizes(model: ov.Model) -> None:
    """Refuse tensors that no camera can hold, before anyone tries to make one."""
    for op in model.get_ordered_ops():
        for port in op.outputs():
            shape = port.get_partial_shape()
            if shape.is_dynamic:
                continue
            size = 2 * math.prod(int(d.get_length()) for d in shape)
            if size > DEVICE_MEMORY:
                raise ModelError(
                    f"layer '{op.get_friendly_name()}' makes a tensor of {list(port.shape)}:"
                    f" {size / 2**20:,.0f} MiB in FP16",
                    remedy=f"an OAK has {DEVICE_MEMORY >> 20} MiB of memory: give a smaller shape",
                    layer=op.get_friendly_name(),
                )
