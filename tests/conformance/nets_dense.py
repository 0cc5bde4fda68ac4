"""Networks whose output is a picture or boxes: segmentation, detection, style."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.conformance.nets_classifiers import conv_bn, resnet_stages


def double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv_bn(inputs, outputs), conv_bn(outputs, outputs))


class UNet(nn.Module):
    """Three levels; up by deconvolution or by bilinear resize with aligned corners."""

    def __init__(self, deconvolution: bool, width: int = 16) -> None:
        super().__init__()
        sizes = [width << i for i in range(4)]
        inputs = [3, *sizes[:-1]]
        self.down = nn.ModuleList(double(a, b) for a, b in zip(inputs, sizes, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList()
        self.join = nn.ModuleList()
        for small, large in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
            if deconvolution:
                self.up.append(nn.ConvTranspose2d(large, small, 2, 2))
            else:
                self.up.append(
                    nn.Sequential(
                        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                        nn.Conv2d(large, small, 1),
                    )
                )
            self.join.append(double(2 * small, small))
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else self.pool(x))
            skips.append(x)
        for up, join, skip in zip(self.up, self.join, skips[-2::-1], strict=True):
            x = join(torch.cat([skip, up(x)], 1))
        return torch.sigmoid(self.last(x))


class DeepLab(nn.Module):
    """Dilated convolutions at four rates beside a pooled branch; classes by argmax."""

    def __init__(self, width: int = 32, classes: int = 21) -> None:
        super().__init__()
        self.body = nn.Sequential(*resnet_stages((1, 1, 1), False, width))
        channels = width * 4
        self.rates = nn.ModuleList(
            nn.Conv2d(channels, 64, 3, padding=rate, dilation=rate) for rate in (1, 6, 12, 18)
        )
        self.pooled = nn.Conv2d(channels, 64, 1)
        self.project, self.last = conv_bn(320, 64, 1), nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        pooled = self.pooled(F.adaptive_avg_pool2d(y, 1))
        pooled = F.interpolate(pooled, size=y.shape[2:], mode="bilinear", align_corners=False)
        branches = [rate(y) for rate in self.rates]
        y = self.last(self.project(torch.cat([*branches, pooled], 1)))
        y = F.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=False)
        return y.argmax(1)


class FPN(nn.Module):
    """A feature pyramid over a ResNet: four maps out."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stages = nn.ModuleList(resnet_stages((1, 1, 1, 1), False, width))
        self.side = nn.ModuleList(nn.Conv2d(width << i, 64, 1) for i in range(4))
        self.smooth = nn.ModuleList(nn.Conv2d(64, 64, 3, padding=1) for _ in range(4))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.stages[0](x)
        maps = []
        for stage, side in zip(self.stages[1:], self.side, strict=True):
            x = stage(x)
            maps.append(side(x))
        top = maps[-1]
        merged = [top]
        for lower in maps[-2::-1]:
            top = lower + F.interpolate(top, size=lower.shape[2:], mode="nearest")
            merged.insert(0, top)
        return tuple(smooth(m) for smooth, m in zip(self.smooth, merged, strict=True))


def silu(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    return conv_bn(inputs, outputs, kernel, stride, act=nn.SiLU)


class Bottleneck(nn.Module):
    def __init__(self, channels: int, skip: bool) -> None:
        super().__init__()
        self.one, self.two = silu(channels, channels, 3), silu(channels, channels, 3)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(self.one(x))
        return x + y if self.skip else y


class C2f(nn.Module):
    """YOLOv8's block: split, a chain of bottlenecks, all parts joined."""

    def __init__(self, inputs: int, outputs: int, repeats: int, skip: bool) -> None:
        super().__init__()
        self.half = outputs // 2
        self.enter = silu(inputs, outputs)
        self.chain = nn.ModuleList(Bottleneck(self.half, skip) for _ in range(repeats))
        self.leave = silu((2 + repeats) * self.half, outputs)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.enter(x).chunk(2, 1))
        for block in self.chain:
            parts.append(block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class SPPF(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter, self.leave = silu(channels, channels // 2), silu(channels * 2, channels)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class YoloV8(nn.Module):
    """YOLOv8n: ``decoded`` adds boxes from the distributions, as its exports do."""

    def __init__(self, decoded: bool, classes: int = 80, size: int = 416) -> None:
        super().__init__()
        self.decoded, self.classes, self.bins = decoded, classes, 16
        c1, c2, c3, c4, c5 = 16, 32, 64, 128, 256
        self.stem = nn.Sequential(silu(3, c1, 3, 2), silu(c1, c2, 3, 2), C2f(c2, c2, 1, True))
        self.p3 = nn.Sequential(silu(c2, c3, 3, 2), C2f(c3, c3, 2, True))
        self.p4 = nn.Sequential(silu(c3, c4, 3, 2), C2f(c4, c4, 2, True))
        self.p5 = nn.Sequential(silu(c4, c5, 3, 2), C2f(c5, c5, 1, True), SPPF(c5))
        self.up4, self.up3 = C2f(c4 + c5, c4, 1, False), C2f(c3 + c4, c3, 1, False)
        self.to4, self.down4 = silu(c3, c3, 3, 2), C2f(c3 + c4, c4, 1, False)
        self.to5, self.down5 = silu(c4, c4, 3, 2), C2f(c4 + c5, c5, 1, False)
        self.boxes = nn.ModuleList(self._head(c, 64, 4 * self.bins) for c in (c3, c4, c5))
        self.scores = nn.ModuleList(self._head(c, 80, classes) for c in (c3, c4, c5))
        points, strides = [], []
        for stride in (8, 16, 32):
            side = torch.arange(size // stride) + 0.5
            y, x = torch.meshgrid(side, side, indexing="ij")
            points.append(torch.stack([x, y], -1).reshape(-1, 2))
            strides.append(torch.full((points[-1].shape[0],), float(stride)))
        self.register_buffer("points", torch.cat(points).T[None])
        self.register_buffer("strides", torch.cat(strides)[None, None])
        self.register_buffer("levels", torch.arange(self.bins, dtype=torch.float32))

    @staticmethod
    def _head(inputs: int, width: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            silu(inputs, width, 3), silu(width, width, 3), nn.Conv2d(width, outputs, 1)
        )

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        p4 = self.up4(torch.cat([F.interpolate(p5, scale_factor=2.0), p4], 1))
        p3 = self.up3(torch.cat([F.interpolate(p4, scale_factor=2.0), p3], 1))
        p4 = self.down4(torch.cat([self.to4(p3), p4], 1))
        p5 = self.down5(torch.cat([self.to5(p4), p5], 1))
        heads = [
            torch.cat([box(p), score(p)], 1)
            for box, score, p in zip(self.boxes, self.scores, (p3, p4, p5), strict=True)
        ]
        if not self.decoded:
            return tuple(heads)
        flat = torch.cat([head.flatten(2) for head in heads], 2)
        box, score = flat.split((4 * self.bins, self.classes), 1)
        spread = box.view(1, 4, self.bins, -1).softmax(2)
        sides = (spread * self.levels.view(1, 1, -1, 1)).sum(2)
        low, high = sides.chunk(2, 1)
        first, last = self.points - low, self.points + high
        boxes = torch.cat([(first + last) / 2, last - first], 1) * self.strides
        return torch.cat([boxes, score.sigmoid()], 1)


class YoloV5Head(nn.Module):
    """YOLOv5's decoding, which writes into slices of its tensor."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.outputs = classes + 5
        self.body = nn.Sequential(silu(3, 32, 3, 4), silu(32, 64, 3, 4))
        self.last = nn.Conv2d(64, 3 * self.outputs, 1)
        y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
        self.register_buffer("grid", torch.stack([x, y], -1).view(1, 1, 8, 8, 2) - 0.5)
        anchors = torch.tensor([[10.0, 13.0], [16.0, 30.0], [33.0, 23.0]])
        self.register_buffer("anchors", anchors.view(1, 3, 1, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.last(self.body(x))
        y = y.view(1, 3, self.outputs, 8, 8).permute(0, 1, 3, 4, 2).contiguous().sigmoid()
        y[..., 0:2] = (y[..., 0:2] * 2 + self.grid) * 16
        y[..., 2:4] = (y[..., 2:4] * 2) ** 2 * self.anchors
        return y.view(1, -1, self.outputs)


class SSDHead(nn.Module):
    """Two maps, boxes and class probabilities flattened as SSD lists them."""

    def __init__(self, classes: int = 5, anchors: int = 4) -> None:
        super().__init__()
        self.classes = classes
        self.one, self.two = silu(3, 32, 3, 8), silu(32, 64, 3, 2)
        self.boxes = nn.ModuleList(nn.Conv2d(c, anchors * 4, 3, padding=1) for c in (32, 64))
        self.scores = nn.ModuleList(nn.Conv2d(c, anchors * classes, 3, padding=1) for c in (32, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = [self.one(x)]
        maps.append(self.two(maps[0]))
        boxes = [b(m).permute(0, 2, 3, 1).flatten(1) for b, m in zip(self.boxes, maps, strict=True)]
        scores = [
            s(m).permute(0, 2, 3, 1).reshape(1, -1, self.classes)
            for s, m in zip(self.scores, maps, strict=True)
        ]
        return torch.cat(boxes, 1), torch.cat(scores, 1).softmax(-1).flatten(1)


class StyleNet(nn.Module):
    """Fast style transfer in small: reflection padding, instance norm, nearest upsampling."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()

        def layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(
                nn.ReflectionPad2d(1),
                nn.Conv2d(inputs, outputs, 3, stride),
                nn.InstanceNorm2d(outputs, affine=True),
                nn.ReLU(),
            )

        self.down = nn.Sequential(layer(3, width), layer(width, width * 2, 2))
        self.middle = layer(width * 2, width * 2)
        self.up = layer(width * 2, width)
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        x = x + self.middle(x)
        return torch.tanh(self.last(self.up(F.interpolate(x, scale_factor=2.0))))
