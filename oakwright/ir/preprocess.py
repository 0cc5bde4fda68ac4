"""Mean, scale, colour order and layout, put in front of a model.

The one rule: a value x of the new input reaches the model as ``(x - mean) / scale``, where mean
and scale stand in the model's own channel order (the order it was trained in), because reversing
the channels happens first. The first convolution takes the reversal into its weights, and later
the common transformations fold the scale into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import openvino as ov
from openvino import Layout, Type
from openvino.preprocess import PrePostProcessor

from oakwright.errors import UsageError

from .channels import CHANNELS, reverse_channels
from .legalise import port_names


@dataclass(frozen=True)
class InputPreprocess:
    """What happens to one input before the model sees it.

    ``mean`` and ``scale``: one number per channel, or one for all. ``model_layout`` is what the
    model wants (``NHWC``), ``tensor_layout`` what the new input has (``NCHW``); both empty where
    nothing is known, which does for a single mean and scale.
    """

    name: str
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    reverse_channels: bool = False
    model_layout: str = ""
    tensor_layout: str = ""


def preprocess(model: ov.Model, specs: Sequence[InputPreprocess]) -> ov.Model:
    """A copy of ``model`` with these steps before its inputs; the caller's stays as it is.

    Raises UsageError for an input the model does not have, a number of means or scales that is
    not its number of channels, a scale of 0, and reversing what has not 1 or 3 channels.
    """
    work = model.clone()
    names = port_names(work).inputs
    if not specs:
        return work
    steps = PrePostProcessor(work)
    reversed_axes: list[tuple[int, int]] = []
    for spec in specs:
        if spec.name not in names:
            raise UsageError(
                f"the model has no input '{spec.name}'", remedy=f"it has {', '.join(names)}"
            )
        index = names.index(spec.name)
        if spec.reverse_channels and _channels(work.inputs[index], spec) == CHANNELS:
            layout = spec.tensor_layout or spec.model_layout
            reversed_axes.append((index, layout.index("C")))
        _add_steps(steps.input(index), work.inputs[index], spec)
    built = steps.build()
    for parameter, name in zip(built.get_parameters(), names, strict=True):
        parameter.set_friendly_name(name)
    for index, axis in reversed_axes:
        reverse_channels(built.inputs[index], axis)
    built.validate_nodes_and_infer_types()
    return built


def _add_steps(steps: ov.preprocess.InputInfo, port: ov.Output, spec: InputPreprocess) -> None:
    channels = _channels(port, spec)
    if spec.model_layout:
        steps.model().set_layout(Layout(spec.model_layout))
        steps.tensor().set_layout(Layout(spec.tensor_layout or spec.model_layout))
    if not port.get_element_type().is_real() and (spec.mean or spec.scale):
        steps.preprocess().convert_element_type(Type.f32)
    if spec.reverse_channels and channels not in (1, CHANNELS):
        raise UsageError(
            f"input {spec.name}: the channels of an image with {channels} channels have no "
            "reverse order",
            remedy="reverse_channels is for RGB and BGR, 3 channels",
        )
    if spec.mean:
        steps.preprocess().mean(_per_channel(spec, "mean", spec.mean, channels))
    if spec.scale:
        if any(value == 0 for value in spec.scale):
            raise UsageError(f"input {spec.name}: a scale of 0", remedy="scale divides: use 1")
        steps.preprocess().scale(_per_channel(spec, "scale", spec.scale, channels))


def _channels(port: ov.Output, spec: InputPreprocess) -> int | None:
    """Length of the channel axis of the model's input; None where no layout names it."""
    axis = spec.model_layout.find("C")
    rank = port.get_partial_shape().rank
    if spec.model_layout and rank.is_static and len(spec.model_layout) != rank.get_length():
        raise UsageError(
            f"input {spec.name} has {rank.get_length()} dimensions, its layout "
            f"'{spec.model_layout}' has {len(spec.model_layout)}",
            remedy="give a layout with one letter per dimension",
        )
    if axis < 0 or not port.get_partial_shape()[axis].is_static:
        return None
    return int(port.get_partial_shape()[axis].get_length())


def _per_channel(
    spec: InputPreprocess, what: str, values: tuple[float, ...], channels: int | None
) -> float | list[float]:
    if len(values) == 1:
        return float(values[0])
    if len(values) != channels:
        have = "an unknown number of" if channels is None else str(channels)
        raise UsageError(
            f"input {spec.name}: {len(values)} values of {what} for {have} channels",
            remedy="give one value per channel, in the model's own channel order, or one for all",
        )
    return [float(value) for value in values]
