"""Parameters and floating point operations of a detector, layer by layer.

There is no one way to count; a number is told with the name of its counter. ``conv+norm+act`` is
the rule of the counter in mmcv, which gave OTE's published figures: for each convolution its
multiply-accumulates and one for each bias, two for each element of a batch norm, one for each of
an activation; all of it twice, as a multiply-accumulate is two operations. Additions of residuals,
reshapes and the softmax are not counted. ``exported graph`` counts what an inference engine gets:
convolutions and matrix products, batch norms folded into them, twice the multiply-accumulates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .template import Model

TORCH_COUNTER = "conv+norm+act"
GRAPH_COUNTER = "exported graph"


@dataclass(frozen=True)
class Layer:
    """One layer: its name and kind, floating point operations, parameters."""

    name: str
    kind: str
    flops: int
    parameters: int


@dataclass(frozen=True)
class Complexity:
    """What ``counter`` found; ``layers`` in the network's order."""

    counter: str
    layers: tuple[Layer, ...]

    @property
    def flops(self) -> int:
        """Floating point operations for one picture."""
        return sum(layer.flops for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Learned numbers; the running statistics of batch norms are none."""
        return sum(layer.parameters for layer in self.layers)

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Operations and parameters of each kind of layer."""
        kinds: dict[str, tuple[int, int]] = {}
        for layer in self.layers:
            flops, parameters = kinds.get(layer.kind, (0, 0))
            kinds[layer.kind] = flops + layer.flops, parameters + layer.parameters
        return kinds


def of_template(model: Model, classes: int) -> Complexity:
    """Of the network that a template describes; nothing is computed, sizes only."""
    import torch

    from .ssd import Ssd

    with torch.device("meta"):
        network = Ssd(model, classes)
        return of_module(network.eval(), torch.empty(1, 3, model.height, model.width))


def of_module(network: Any, example: Any) -> Complexity:
    """Of a torch module by what runs through it for ``example`` [1, 3, h, w]."""
    import torch
    from torch import nn

    layers: list[Layer] = []

    def count(name: str) -> Any:
        def hook(module: Any, given: Any, output: Any) -> None:
            size = math.prod(output.shape[1:])
            parameters = sum(p.numel() for p in module.parameters())
            if isinstance(module, nn.Conv2d):
                taps = math.prod(module.kernel_size) * module.in_channels // module.groups
                work, kind = size * (taps + (module.bias is not None)), _kind(module)
            elif isinstance(module, nn.BatchNorm2d):
                work, kind = 2 * size, "batch norm"
            else:
                work, kind = size, "activation"
            layers.append(Layer(name, kind, 2 * work, parameters))

        return hook

    counted = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.ReLU6)
    handles = [
        module.register_forward_hook(count(name))
        for name, module in network.named_modules()
        if isinstance(module, counted)
    ]
    unknown = [
        name
        for name, module in network.named_modules()
        if not isinstance(module, counted) and list(module.parameters(recurse=False))
    ]
    assert not unknown, f"layers that are not counted: {unknown}"
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
    return Complexity(TORCH_COUNTER, tuple(layers))


def _kind(convolution: Any) -> str:
    if convolution.groups > 1:
        return "depthwise convolution"
    side = convolution.kernel_size[0]
    return f"{side}x{side} convolution"


def of_graph(network: Any) -> Complexity:
    """Of an ``openvino.Model`` with static shapes; parameters are all its float constants."""
    layers = []
    for op in network.get_ordered_ops():
        kind = op.get_type_name()
        if kind in ("Convolution", "GroupConvolution"):
            weights = list(op.input(1).get_shape())
            outputs = math.prod(op.output(0).get_shape())
            # [out, in, kh, kw], or [groups, out / groups, in / groups, kh, kw].
            taps = math.prod(weights[1:] if kind == "Convolution" else weights[2:])
            name = "depthwise convolution" if kind == "GroupConvolution" else (
                f"{weights[-2]}x{weights[-1]} convolution")  # fmt: skip
            layers.append(Layer(op.get_friendly_name(), name, 2 * outputs * taps, 0))
        elif kind == "MatMul":
            inner = op.input(0).get_shape()[-2 if op.get_attributes().get("transpose_a") else -1]
            work = 2 * math.prod(op.output(0).get_shape()) * inner
            layers.append(Layer(op.get_friendly_name(), "matrix product", work, 0))
        elif kind == "Constant" and op.get_element_type().is_real():
            size = math.prod(op.output(0).get_shape())
            # Single numbers are limits and exponents, not learned.
            if size > 1:
                layers.append(Layer(op.get_friendly_name(), "constants", 0, size))
    return Complexity(GRAPH_COUNTER, tuple(layers))
