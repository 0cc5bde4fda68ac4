"""Image classifiers, written out from their papers: same structure, random weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    act: type = nn.ReLU,
) -> nn.Sequential:
    """Convolution, batch norm and (unless ``act`` is Identity) an activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), act())


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, squeezed: int, act: type, gate: type) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.reduce, self.act = nn.Conv2d(channels, squeezed, 1), act()
        self.expand, self.gate = nn.Conv2d(squeezed, channels, 1), gate()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.act(self.reduce(self.squeeze(x)))))


class InvertedResidual(nn.Module):
    """The block of MobileNetV2, V3 and EfficientNet: wide, depthwise, (squeeze), narrow."""

    def __init__(
        self,
        inputs: int,
        wide: int,
        outputs: int,
        kernel: int,
        stride: int,
        act: type,
        squeeze: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.skip = stride == 1 and inputs == outputs
        layers: list[nn.Module] = []
        if wide != inputs:
            layers.append(conv_bn(inputs, wide, 1, act=act))
        layers.append(conv_bn(wide, wide, kernel, stride, wide, act))
        if squeeze is not None:
            layers.append(squeeze)
        layers.append(conv_bn(wide, outputs, 1, act=nn.Identity))
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.skip else self.block(x)


class Classifier(nn.Module):
    def __init__(self, features: nn.Module, channels: int, head: nn.Module) -> None:
        super().__init__()
        self.features, self.pool, self.head = features, nn.AdaptiveAvgPool2d(1), head
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.features(x)).flatten(1))


def mobilenet_v2(classes: int = 1000) -> nn.Module:
    layers: list[nn.Module] = [conv_bn(3, 32, 3, 2, act=nn.ReLU6)]
    channels = 32
    plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
    for expand, outputs, repeats, stride in (*plan, (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(repeats):
            step = stride if i == 0 else 1
            layers.append(InvertedResidual(channels, channels * expand, outputs, 3, step, nn.ReLU6))
            channels = outputs
    layers.append(conv_bn(channels, 1280, 1, act=nn.ReLU6))
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))
    return Classifier(nn.Sequential(*layers), 1280, head)


def mobilenet_v3_small(classes: int = 1000) -> nn.Module:
    layers: list[nn.Module] = [conv_bn(3, 16, 3, 2, act=nn.Hardswish)]
    plan = (
        (16, 3, 16, 16, True, nn.ReLU, 2),
        (16, 3, 72, 24, False, nn.ReLU, 2),
        (24, 3, 88, 24, False, nn.ReLU, 1),
        (24, 5, 96, 40, True, nn.Hardswish, 2),
        (40, 5, 240, 40, True, nn.Hardswish, 1),
        (40, 5, 240, 40, True, nn.Hardswish, 1),
        (40, 5, 120, 48, True, nn.Hardswish, 1),
        (48, 5, 144, 48, True, nn.Hardswish, 1),
        (48, 5, 288, 96, True, nn.Hardswish, 2),
        (96, 5, 576, 96, True, nn.Hardswish, 1),
        (96, 5, 576, 96, True, nn.Hardswish, 1),
    )
    for inputs, kernel, wide, outputs, squeezed, act, stride in plan:
        squeeze = None
        if squeezed:
            squeeze = SqueezeExcite(wide, max(8, wide // 32 * 8), nn.ReLU, nn.Hardsigmoid)
        layers.append(InvertedResidual(inputs, wide, outputs, kernel, stride, act, squeeze))
    layers.append(conv_bn(96, 576, 1, act=nn.Hardswish))
    head = nn.Sequential(nn.Linear(576, 1024), nn.Hardswish(), nn.Linear(1024, classes))
    return Classifier(nn.Sequential(*layers), 576, head)


def efficientnet_b0(classes: int = 1000) -> nn.Module:
    layers: list[nn.Module] = [conv_bn(3, 32, 3, 2, act=nn.SiLU)]
    channels = 32
    plan = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3))
    for expand, outputs, repeats, stride, kernel in (
        *plan,
        (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ):
        for i in range(repeats):
            wide = channels * expand
            squeeze = SqueezeExcite(wide, max(1, channels // 4), nn.SiLU, nn.Sigmoid)
            step = stride if i == 0 else 1
            layers.append(InvertedResidual(channels, wide, outputs, kernel, step, nn.SiLU, squeeze))
            channels = outputs
    layers.append(conv_bn(channels, 1280, 1, act=nn.SiLU))
    return Classifier(nn.Sequential(*layers), 1280, nn.Linear(1280, classes))


class Residual(nn.Module):
    """ResNet's block: two 3x3 (basic) or 1x1, 3x3, 1x1 (bottleneck)."""

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = width * 4 if bottleneck else width
        if bottleneck:
            self.body = nn.Sequential(
                conv_bn(inputs, width, 1),
                conv_bn(width, width, 3, stride),
                conv_bn(width, outputs, 1, act=nn.Identity),
            )
        else:
            self.body = nn.Sequential(
                conv_bn(inputs, width, 3, stride), conv_bn(width, outputs, 3, act=nn.Identity)
            )
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = conv_bn(inputs, outputs, 1, stride, act=nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.skip(x))


def resnet_stages(repeats: tuple[int, ...], bottleneck: bool, width: int = 64) -> list[nn.Module]:
    """Stem and stages; the stages' outputs are strides 4, 8, 16, 32."""
    stages: list[nn.Module] = [nn.Sequential(conv_bn(3, width, 7, 2), nn.MaxPool2d(3, 2, 1))]
    channels = width
    for index, count in enumerate(repeats):
        blocks = []
        for i in range(count):
            stride = 2 if i == 0 and index > 0 else 1
            blocks.append(Residual(channels, width << index, stride, bottleneck))
            channels = (width << index) * (4 if bottleneck else 1)
        stages.append(nn.Sequential(*blocks))
    return stages


def resnet18(classes: int = 1000) -> nn.Module:
    features = nn.Sequential(*resnet_stages((2, 2, 2, 2), bottleneck=False))
    return Classifier(features, 512, nn.Linear(512, classes))


def resnet50(classes: int = 1000) -> nn.Module:
    features = nn.Sequential(*resnet_stages((3, 4, 6, 3), bottleneck=True))
    return Classifier(features, 2048, nn.Linear(2048, classes))


class ShuffleUnit(nn.Module):
    """ShuffleNetV2: half of the channels pass, the others are convolved, then all are mixed."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, half = stride, outputs // 2
        start = inputs if stride > 1 else half
        self.main = nn.Sequential(
            conv_bn(start, half, 1),
            conv_bn(half, half, 3, stride, half, nn.Identity),
            conv_bn(half, half, 1),
        )
        self.side: nn.Module = nn.Identity()
        if stride > 1:
            self.side = nn.Sequential(
                conv_bn(inputs, inputs, 3, stride, inputs, nn.Identity), conv_bn(inputs, half, 1)
            )

    def forward(self, x: Tensor) -> Tensor:
        left, right = (x, x) if self.stride > 1 else x.chunk(2, 1)
        y = torch.cat([self.side(left), self.main(right)], 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def shufflenet_v2(classes: int = 1000) -> nn.Module:
    layers: list[nn.Module] = [conv_bn(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)]
    channels = 24
    for outputs, repeats in ((116, 4), (232, 8), (464, 4)):
        for i in range(repeats):
            layers.append(ShuffleUnit(channels, outputs, 2 if i == 0 else 1))
            channels = outputs
    layers.append(conv_bn(channels, 1024, 1))
    return Classifier(nn.Sequential(*layers), 1024, nn.Linear(1024, classes))


class Fire(nn.Module):
    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.one = nn.Conv2d(squeezed, expanded, 1)
        self.three = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.one(x)), torch.relu(self.three(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self, classes: int = 100) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(128, 32, 128),
            Fire(256, 48, 192),
        )
        self.last = nn.Conv2d(384, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.relu(self.last(self.features(x)))
        return torch.softmax(scores.mean((2, 3)), 1)


class DenseNet(nn.Module):
    """Four dense layers, a transition, four more: every layer sees all before it."""

    def __init__(self, growth: int = 16) -> None:
        super().__init__()
        self.stem = conv_bn(3, 32, 3, 2)
        self.first = nn.ModuleList(self._layer(32 + i * growth, growth) for i in range(4))
        self.transition = nn.Sequential(nn.Conv2d(96, 48, 1), nn.AvgPool2d(2))
        self.second = nn.ModuleList(self._layer(48 + i * growth, growth) for i in range(4))
        self.head = nn.Linear(112, 10)

    @staticmethod
    def _layer(inputs: int, growth: int) -> nn.Module:
        return nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, growth, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.first:
            x = torch.cat([x, layer(x)], 1)
        x = self.transition(x)
        for layer in self.second:
            x = torch.cat([x, layer(x)], 1)
        return self.head(x.mean((2, 3)))


class RepVGGBlock(nn.Module):
    """Three branches that training sees and deployment merges; here unmerged."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.three = conv_bn(inputs, outputs, 3, stride, act=nn.Identity)
        self.one = conv_bn(inputs, outputs, 1, stride, act=nn.Identity)
        same = stride == 1 and inputs == outputs
        self.identity = nn.BatchNorm2d(inputs) if same else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.three(x) + self.one(x)
        return torch.relu(y if self.identity is None else y + self.identity(x))


def repvgg() -> nn.Module:
    plan = ((3, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1))
    features = nn.Sequential(*(RepVGGBlock(*row) for row in plan))
    return Classifier(features, 64, nn.Linear(64, 10))


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.wide, self.narrow = (
            nn.Linear(channels, 4 * channels),
            nn.Linear(4 * channels, channels),
        )
        self.scale = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(nn.functional.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 4, 4)
        self.blocks = nn.Sequential(ConvNeXtBlock(channels), ConvNeXtBlock(channels))
        self.norm, self.head = nn.LayerNorm(channels), nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.stem(x)).mean((2, 3))))


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(y.transpose(1, 2).reshape(n, t, c))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self, width: int = 64, patches: int = 49) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = nn.Parameter(torch.randn(1, patches + 1, width) * 0.02)
        self.blocks = nn.Sequential(TransformerBlock(width, 4), TransformerBlock(width, 4))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.blocks(x)[:, 0])
