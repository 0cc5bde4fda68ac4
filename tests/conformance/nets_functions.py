"""Small modules: recurrent layers, classic vision, and single functions of torch.

Those of kornia need the package; `kornia_functions` is called only where it is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class Call2(Call):
    """A function of two tensors as a module."""

    def forward(self, a: Tensor, b: Tensor) -> Any:  # type: ignore[override]
        return self.function(a, b)


class Recurrent(nn.Module):
    """A recurrent layer and a dense one on its last output."""

    def __init__(self, kind: str, layers: int = 1, bidirectional: bool = False) -> None:
        super().__init__()
        make = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}[kind]
        self.layer = make(16, 32, num_layers=layers, bidirectional=bidirectional, batch_first=True)
        self.last = nn.Linear(64 if bidirectional else 32, 5)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.layer(x)
        return self.last(y[:, -1])


class SelfAttention(nn.Module):
    """torch's own MultiheadAttention with a mask of keys."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, weights = self.attention(x, x, x)
        return y + weights.mean()


class Encoder(nn.Module):
    """torch's own transformer encoder layer, whose fast path a tracer cannot see into."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(width, 4, 64, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class ConstantWarp(nn.Module):
    """grid_sample with a grid that does not depend on the input: a fixed rotation."""

    def __init__(self, height: int = 32, width: int = 40) -> None:
        super().__init__()
        angle = math.radians(20)
        matrix = torch.tensor(
            [[[math.cos(angle), -math.sin(angle), 0.1], [math.sin(angle), math.cos(angle), 0.0]]]
        )
        grid = F.affine_grid(matrix, [1, 3, height, width], align_corners=False)
        self.register_buffer("grid", grid)

    def forward(self, x: Tensor) -> Tensor:
        return F.grid_sample(x, self.grid, align_corners=False)


class Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.last = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.table(x).mean(1))


class SliceAssign(nn.Module):
    """Writing into a part of a tensor."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        y[:, 0] = y[:, 0] * 2 + 1
        y[:, :, 2:6, 1:4] = 0
        return y


def edge_by_hand(x: Tensor) -> Tensor:
    """The Laplacian as kornia up to 0.6 wrote it: reflected border, depthwise convolution."""
    kernel = torch.ones(1, 1, 3, 3)
    kernel[..., 1, 1] = -8
    padded = F.pad(x, [1, 1, 1, 1], mode="reflect")
    return F.conv2d(padded, (kernel / 16).repeat(3, 1, 1, 1), groups=3)


def fft_magnitude(x: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(x, norm="ortho")
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-6)


def spectrogram(x: Tensor) -> Tensor:
    window = torch.hann_window(64)
    parts = torch.stft(x, 64, 32, window=window, center=False, return_complex=True)
    return torch.log(parts.real**2 + parts.imag**2 + 1e-3)


def patches_and_back(x: Tensor) -> Tensor:
    columns = F.unfold(x, 2, stride=2)
    return F.fold(columns * 0.5, x.shape[2:], 2, stride=2)


def kornia_function(name: str) -> Callable[[Tensor], Any]:
    """One vision function of kornia by a short name."""
    import kornia as k

    matrix = torch.tensor([[[0.9, 0.1, 1.0], [-0.05, 1.0, 2.0], [0.001, 0.0, 1.0]]])
    cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
    functions: dict[str, Callable[[Tensor], Any]] = {
        "gaussian": lambda x: k.filters.gaussian_blur2d(x, (9, 9), (2.0, 2.0)),
        "laplacian": lambda x: k.filters.laplacian(x, 3),
        "sobel": k.filters.sobel,
        "canny": lambda x: k.filters.canny(x)[0],
        "harris": lambda x: k.feature.harris_response(x),
        "gray": k.color.rgb_to_grayscale,
        "hsv": k.color.rgb_to_hsv,
        "lab": k.color.rgb_to_lab,
        "median": lambda x: k.filters.median_blur(x, (3, 3)),
        "unsharp": lambda x: k.filters.unsharp_mask(x, (5, 5), (1.5, 1.5)),
        "warp": lambda x: k.geometry.warp_perspective(x, matrix, (32, 40)),
        "rotate": lambda x: k.geometry.rotate(x, torch.tensor([15.0])),
        "erode": lambda x: k.morphology.erosion(x, cross),
        "ssim": lambda x: k.metrics.ssim(x, x * 0.9 + 0.02, 5),
    }
    return functions[name]


def standardise(x: Tensor) -> Tensor:
    return (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1e-3)


FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "half": lambda x: x * 0.5,
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "fft_magnitude": fft_magnitude,
    "spectrogram": spectrogram,
    "top_k": lambda x: torch.topk(x, 5, dim=1)[0],
    "argmax": lambda x: x.argmax(1),
    "sort": lambda x: torch.sort(x, dim=1)[0],
    "cumulative_sum": lambda x: torch.cumsum(x, 1),
    "roll": lambda x: torch.roll(x, (2, -3), (2, 3)),
    "unfold": lambda x: F.unfold(x, 3, padding=1),
    "fold": patches_and_back,
    "nonzero": torch.nonzero,
    "where": lambda x: torch.where(x >= 0.5, x, -x),
    "masked_fill": lambda x: x.masked_fill(x > 0.75, 0.0),
    "standard_deviation": standardise,
    "norm": lambda x: x / torch.linalg.vector_norm(x, dim=1, keepdim=True),
    "normalize": lambda x: F.normalize(x, dim=1),
    "bicubic": lambda x: F.interpolate(x, scale_factor=2.0, mode="bicubic"),
    "antialiased": lambda x: F.interpolate(x, size=(14, 15), mode="bilinear", antialias=True),
    "odd_scale": lambda x: F.interpolate(x, scale_factor=0.7, mode="bilinear"),
    "area": lambda x: F.interpolate(x, size=(8, 8), mode="area"),
    "adaptive_pool": lambda x: F.adaptive_avg_pool2d(x, (7, 5)),
    "adaptive_max": lambda x: F.adaptive_max_pool2d(x, (4, 4)),
    "atan2": lambda x: torch.atan2(x[:, :1] - 0.5, x[:, 1:2] - 0.4),
    "trigonometry": lambda x: torch.sin(9 * x) * torch.cos(7 * x) + torch.tan(x),
    "hyperbolic": lambda x: torch.sinh(x) - torch.cosh(x) + torch.asinh(4 * x),
    "inverse_trigonometry": lambda x: torch.asin(x) + torch.acos(x * 0.9) + torch.atan(3 * x),
    "gelu_tanh": lambda x: F.gelu(4 * x - 2, approximate="tanh"),
    "log_softmax": lambda x: F.log_softmax(x * 20, 1),
    "selu_softsign": lambda x: F.selu(x - 0.5) + F.softsign(x - 0.2),
    "remainder": lambda x: torch.remainder(x * 8, 3.0) + torch.fmod(x * -8, 2.0),
    "logic": lambda x: ((x > 0.2) & (x <= 0.8) | (x != x.flip(3))).float(),
    "stack_depth": lambda x: torch.stack([x, x * 2, x + 1], 2).flatten(1, 2),
    "glu": lambda x: F.glu(x, 1),
    "flip": lambda x: x.flip((2, 3)),
    "tile": lambda x: x.repeat(1, 2, 1, 3),
    "triangle": lambda x: torch.tril(x) + torch.triu(x, 2),
    "clamp_round": lambda x: torch.round(torch.clamp(x * 8, 1, 7)) + torch.floor(x * 4),
    "sign_abs": lambda x: torch.sign(x - 0.5) * torch.abs(x - 0.3),
    "log_sum_exp": lambda x: torch.logsumexp(x * 8, 1),
    "product": lambda x: torch.prod(x + 0.5, 1),
    "softmax2d": lambda x: torch.softmax(x.flatten(2), 2).view_as(x),
    "edge_by_hand": edge_by_hand,
}
PAIRS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "concat": lambda a, b: torch.cat([a, b], 1),
    "cosine_distance": lambda a, b: F.cosine_similarity(a, b, dim=-1),
    "absolute_difference": lambda a, b: torch.abs(a - b),
    "mean_squared_difference": lambda a, b: torch.mean((a - b) ** 2, dim=(1, 2, 3)),
    "difference": lambda a, b: a - b,
    "einsum": lambda a, b: torch.einsum("bij,bkj->bik", a, b),
    "batched_product": lambda a, b: torch.matmul(a, b.transpose(1, 2)),
    "correlation": lambda a, b: torch.matmul(
        F.normalize(a.flatten(2), dim=1).transpose(1, 2), F.normalize(b.flatten(2), dim=1)
    ),
    "grid_sample_runtime": lambda a, b: F.grid_sample(a, b, align_corners=False),
}
