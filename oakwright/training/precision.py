"""In what numbers a step is computed, and the part of the trunk that is not trained."""

from __future__ import annotations

import contextlib
import copy
import time
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# bfloat16 is less exact: worth it only where it is clearly faster. CPUs without instructions for
# it are slower with it; what one can do is measured, not looked up.
_WORTH = 0.85
_PROBES = 3


def choose(network: nn.Module, device: torch.device, size: tuple[int, int], start: int) -> str:
    """float32 or bfloat16 by a few steps of each on a CPU; on a GPU by what it can."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    probe = copy.deepcopy(network).train()
    x = torch.zeros(4, 3, *size).to(memory_format=torch.channels_last)
    seconds: dict[str, float] = {}
    for _ in range(_PROBES):
        for precision in ("float32", "bfloat16"):
            frozen = Frozen(probe, start, precision)
            before = time.process_time()
            with autocast(device, precision):
                offsets, logits = probe(frozen(x), start)
                total = offsets.float().square().mean() + logits.float().square().mean()
            total.backward()
            spent = time.process_time() - before
            seconds[precision] = min(seconds.get(precision, spent), spent)
    return "bfloat16" if seconds["bfloat16"] < _WORTH * seconds["float32"] else "float32"


def autocast(device: torch.device, precision: str) -> Any:
    """The context in which a step is computed."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, getattr(torch, precision))


class Frozen:
    """The first blocks of the trunk as they are now, norms folded in, without gradients.

    A copy in the numbers of the step: nothing is cast anew each time.
    """

    def __init__(self, network: Any, blocks: int, precision: str) -> None:
        self.kind = getattr(torch, precision)
        copied = copy.deepcopy(network.trunk.features[:blocks]).eval()
        for module in list(copied.modules()):
            if isinstance(module, nn.Sequential):
                _fold(module)
        self.blocks = copied.to(self.kind).to(memory_format=torch.channels_last)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The input of the first block that is trained."""
        if not len(self.blocks):
            return x
        with torch.no_grad():
            y: torch.Tensor = self.blocks(x.to(self.kind))
        return y


def _fold(layers: nn.Sequential) -> None:
    for i in range(len(layers) - 1):
        if isinstance(layers[i], nn.Conv2d) and isinstance(layers[i + 1], nn.BatchNorm2d):
            layers[i] = fuse_conv_bn_eval(layers[i], layers[i + 1])
            layers[i + 1] = nn.Identity()


def freeze(network: Any, blocks: int, norms: bool) -> None:
    """Take the first ``blocks`` out of training, and every norm's statistics if ``norms``."""
    network.train()
    for block in network.trunk.features[:blocks]:
        block.requires_grad_(False)
        block.eval()
    if norms:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
