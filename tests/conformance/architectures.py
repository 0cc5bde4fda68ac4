"""The architectures every version must convert: one row each.

Same kinds as people bring: classifiers, segmentation, detection, transformers, recurrent layers,
classic vision, and the functions of torch that need rewriting. Weights are random but seeded.
``expected`` is ``ok``, or the word that must stand in the reason for refusing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from tests.conformance import nets_classifiers as classifiers
from tests.conformance import nets_dense as dense
from tests.conformance.nets_functions import (
    FUNCTIONS,
    PAIRS,
    Call,
    Call2,
    ConstantWarp,
    Embedding,
    Encoder,
    Recurrent,
    SelfAttention,
    SliceAssign,
    kornia_function,
)


@dataclass(frozen=True)
class Architecture:
    """One row: ``make`` gives the module; ``inputs`` its example inputs."""

    name: str
    make: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]
    expected: str = "ok"
    fast: bool = False  # in the normal run; the others are marked slow
    integers: int = 0  # inputs are integers below this number

    def module(self) -> nn.Module:
        """The module with seeded weights, in evaluation mode."""
        torch.manual_seed(0)
        module = self.make()
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                # A fresh one is the identity and would hide mistakes in folding it.
                nn.init.normal_(layer.running_mean, std=0.1)
                nn.init.uniform_(layer.running_var, 0.6, 1.4)
                nn.init.uniform_(layer.weight, 0.6, 1.4)
                nn.init.normal_(layer.bias, std=0.1)
        return module.eval()

    def inputs(self) -> tuple[Tensor, ...]:
        """Example inputs in 0..1."""
        torch.manual_seed(1)
        if self.integers:
            return tuple(torch.randint(self.integers, shape) for shape in self.shapes)
        return tuple(torch.rand(shape) for shape in self.shapes)


_PICTURE = ((1, 3, 32, 40),)
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "pixel_shuffle": ((1, 12, 16, 16),),
    "top_k": ((1, 100),),
    "sort": ((1, 64),),
    "cumulative_sum": ((1, 16, 8, 8),),
    "spectrogram": ((1, 512),),
    "antialiased": ((1, 3, 29, 31),),
    "odd_scale": ((1, 3, 31, 33),),
    "glu": ((1, 8, 16, 16),),
    "triangle": ((1, 2, 16, 16),),
    "nonzero": ((1, 64),),
    "cosine_distance": ((1, 256), (1, 256)),
    "einsum": ((2, 8, 16), (2, 12, 16)),
    "batched_product": ((2, 8, 16), (2, 12, 16)),
    "correlation": ((1, 16, 8, 8), (1, 16, 8, 8)),
    "grid_sample_runtime": ((1, 3, 16, 16), (1, 16, 16, 2)),
}
_REFUSED = {"nonzero": "depends on the data", "grid_sample_runtime": "grid"}
_KORNIA = (
    *("gaussian", "laplacian", "sobel", "canny", "harris", "gray", "hsv", "lab"),
    *("median", "unsharp", "warp", "rotate", "erode", "ssim"),
)
_FAST = {
    *("half", "pixel_shuffle", "fft_magnitude", "top_k", "cumulative_sum", "roll", "fold"),
    *("bicubic", "adaptive_pool", "trigonometry", "logic", "nonzero", "grid_sample_runtime"),
    *("concat", "cosine_distance", "einsum", "k_gaussian", "k_warp"),
}


def _network(
    name: str, make: Callable[[], nn.Module], *shapes: tuple[int, ...], fast: bool = False
) -> Architecture:
    return Architecture(name, make, shapes, fast=fast)


_NETWORKS = (
    _network("mobilenet_v2", classifiers.mobilenet_v2, (1, 3, 224, 224)),
    _network("mobilenet_v3_small", classifiers.mobilenet_v3_small, (1, 3, 224, 224)),
    _network("efficientnet_b0", classifiers.efficientnet_b0, (1, 3, 224, 224)),
    _network("resnet18", classifiers.resnet18, (1, 3, 224, 224)),
    _network("resnet50", classifiers.resnet50, (1, 3, 224, 224)),
    _network("shufflenet_v2", classifiers.shufflenet_v2, (1, 3, 224, 224)),
    _network("squeezenet", classifiers.SqueezeNet, (1, 3, 128, 128), fast=True),
    _network("densenet", classifiers.DenseNet, (1, 3, 64, 64), fast=True),
    _network("repvgg", classifiers.repvgg, (1, 3, 64, 64), fast=True),
    _network("convnext", classifiers.ConvNeXt, (1, 3, 64, 64)),
    _network("vision_transformer", classifiers.VisionTransformer, (1, 3, 112, 112)),
    _network("unet_deconvolution", lambda: dense.UNet(True), (1, 3, 128, 128)),
    _network("unet_bilinear", lambda: dense.UNet(False), (1, 3, 64, 64), fast=True),
    _network("deeplab_argmax", dense.DeepLab, (1, 3, 128, 128)),
    _network("feature_pyramid", dense.FPN, (1, 3, 128, 128)),
    _network("yolov8n_heads", lambda: dense.YoloV8(False), (1, 3, 416, 416)),
    _network("yolov8n_decoded", lambda: dense.YoloV8(True), (1, 3, 416, 416)),
    _network("yolov8n_640", lambda: dense.YoloV8(False, size=640), (1, 3, 640, 640)),
    _network("yolov5_decoded_in_place", dense.YoloV5Head, (1, 3, 128, 128), fast=True),
    _network("ssd_head", dense.SSDHead, (1, 3, 96, 96)),
    _network("style", dense.StyleNet, (1, 3, 64, 64)),
    _network("attention", SelfAttention, (1, 12, 32), fast=True),
    _network("transformer_encoder", Encoder, (1, 12, 32)),
    _network("gru_2_layers", lambda: Recurrent("gru", 2), (1, 10, 16)),
    _network("gru_both_ways", lambda: Recurrent("gru", 1, True), (1, 10, 16)),
    _network("lstm_2_layers", lambda: Recurrent("lstm", 2), (1, 10, 16)),
    _network("lstm_both_ways", lambda: Recurrent("lstm", 1, True), (1, 10, 16), fast=True),
    _network("rnn_2_layers", lambda: Recurrent("rnn", 2), (1, 10, 16)),
    _network("rnn_both_ways", lambda: Recurrent("rnn", 1, True), (1, 10, 16)),
    _network("grid_sample_constant", ConstantWarp, (1, 3, 32, 40)),
    _network("deconvolution", lambda: nn.ConvTranspose2d(8, 4, 4, 2, 1), (1, 8, 16, 16)),
    _network(
        "deconvolution_dilated",
        lambda: nn.ConvTranspose2d(8, 4, 3, 1, 2, dilation=2),
        (1, 8, 16, 16),
    ),
    _network(
        "convolution_1d",
        lambda: nn.Sequential(nn.Conv1d(8, 16, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2)),
        (1, 8, 64),
    ),
    _network(
        "convolution_3d",
        lambda: nn.Sequential(nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)),
        (1, 3, 8, 16, 16),
    ),
    _network("group_norm", lambda: nn.GroupNorm(4, 16), (1, 16, 12, 12)),
    _network("instance_norm_1d", lambda: nn.InstanceNorm1d(8), (1, 8, 32)),
    _network("prelu", lambda: nn.PReLU(8), (1, 8, 16, 16)),
    _network("slice_assign", SliceAssign, (1, 3, 16, 16)),
    Architecture("embedding", Embedding, ((1, 7),), integers=50),
)


def _functions() -> list[Architecture]:
    rows = []
    for names, wrap, plain in ((FUNCTIONS, Call, _PICTURE), (PAIRS, Call2, _PICTURE * 2)):
        for name, function in names.items():
            rows.append(
                Architecture(
                    name,
                    lambda wrap=wrap, function=function: wrap(function),
                    _SHAPES.get(name, plain),
                    expected=_REFUSED.get(name, "ok"),
                    fast=name in _FAST,
                )
            )
    for name in _KORNIA:
        shape = (1, 1, 32, 40) if name == "harris" else _PICTURE[0]
        row = _network(f"k_{name}", lambda name=name: Call(kornia_function(name)), shape)
        rows.append(replace(row, fast=row.name in _FAST))
    return rows


ARCHITECTURES: tuple[Architecture, ...] = (*_NETWORKS, *_functions())
