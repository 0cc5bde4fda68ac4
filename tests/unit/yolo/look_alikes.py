"""Small networks with the heads of published YOLO families, written for the tests.

The backbone is three convolutions to strides 8, 16 and 32; the ends do what the families' exports
do: the same raw tensors, the same arithmetic to boxes, written as their exporters write it.
Sizes are tiny, weights random.
"""

import warnings

import numpy as np
import torch
from torch import nn

CLASSES = 3
ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
PICTURE = (96, 64)  # width, height


class Backbone(nn.Module):
    def __init__(self, strides=(8, 16, 32)):
        super().__init__()
        self.strides = strides
        steps, before, channels = [], 1, 3
        for stride in strides:
            factor = stride // before
            steps.append(nn.Conv2d(channels, 8, factor, factor))
            before, channels = stride, 8
        self.steps = nn.ModuleList(steps)

    def forward(self, x):
        found = []
        for step in self.steps:
            x = torch.tanh(step(x)) * 2
            found.append(x)
        return found


def grid_of(height, width):
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y], -1).float()


class Anchored(nn.Module):
    """One convolution a scale. ``rule``: squares (v5, v7), exponents (v3, v4), odd (nobody's)."""

    def __init__(self, rule="squares", anchors=ANCHORS, strides=(8, 16, 32), stretch=1.0,
                 implicit=False, raw=False, separate=False):  # fmt: skip
        super().__init__()
        self.backbone = Backbone(strides)
        self.rule, self.stretch, self.raw, self.separate = rule, stretch, raw, separate
        self.anchors = [torch.tensor(a, dtype=torch.float32).view(-1, 2) for a in anchors]
        self.size = 5 + CLASSES
        self.heads = nn.ModuleList(nn.Conv2d(8, len(a) * self.size, 1) for a in self.anchors)
        # v7 multiplies each channel by a learned number after the convolution.
        self.implicit = nn.ParameterList(
            nn.Parameter(torch.linspace(0.9, 1.1, len(a) * self.size).view(1, -1, 1, 1))
            if implicit
            else nn.Parameter(torch.ones(1, 1, 1, 1))
            for a in self.anchors
        )

    def forward(self, x):
        rows, raws = [], []
        features = self.backbone(x)
        for i, feature in enumerate(features):
            t = self.heads[i](feature) * self.implicit[i]
            _, _, height, width = t.shape
            raws.append(t)
            t = t.view(1, len(self.anchors[i]), self.size, height, width).permute(0, 1, 3, 4, 2)
            stride, grid = self.backbone.strides[i], grid_of(height, width)
            if self.rule == "squares":
                y = t.sigmoid()
                xy = (y[..., :2] * 2 - 0.5 + grid) * stride
                wh = (y[..., 2:4] * 2) ** 2 * self.anchors[i].view(1, -1, 1, 1, 2)
                rest = y[..., 4:]
            else:
                b = self.stretch
                xy = (t[..., :2].sigmoid() * b - (b - 1) / 2 + grid) * stride
                grow = nn.functional.softplus if self.rule == "odd" else torch.exp
                wh = grow(t[..., 2:4]) * self.anchors[i].view(1, -1, 1, 1, 2)
                rest = t[..., 4:].sigmoid()
            rows.append(torch.cat([xy, wh, rest], -1).reshape(1, -1, self.size))
        found = torch.cat(rows, 1)
        if self.raw:
            return tuple(raws)
        if self.separate:  # corners of the unit square, and scores times objectness
            low = (found[..., :2] - found[..., 2:4] / 2) / torch.tensor(PICTURE)
            high = (found[..., :2] + found[..., 2:4] / 2) / torch.tensor(PICTURE)
            return torch.cat([low, high], -1).unsqueeze(2), found[..., 5:] * found[..., 4:5]
        return found


class Distances(nn.Module):
    """Two convolutions a scale: v6 (plain or with bins), v8 and its kin, v10 with its top boxes."""

    def __init__(self, bins=16, order="v8", top=0, raw=False):
        super().__init__()
        self.backbone = Backbone()
        self.bins, self.order, self.top, self.raw = bins, order, top, raw
        self.box = nn.ModuleList(nn.Conv2d(8, 4 * bins, 1) for _ in range(3))
        self.classes = nn.ModuleList(nn.Conv2d(8, CLASSES, 1) for _ in range(3))
        self.mean = nn.Conv2d(bins, 1, 1, bias=False)
        self.mean.weight.data[:] = torch.arange(bins).view(1, -1, 1, 1).float()

    def forward(self, x):
        features = self.backbone(x)
        maps = [torch.cat([b(f), c(f)], 1) for b, c, f in
                zip(self.box, self.classes, features, strict=True)]  # fmt: skip
        if self.raw:
            return tuple(maps)
        flat = torch.cat([m.view(1, 4 * self.bins + CLASSES, -1) for m in maps], 2)
        box, scores = flat.split((4 * self.bins, CLASSES), 1)
        points = torch.cat([grid_of(*f.shape[2:]).view(-1, 2) for f in features]) + 0.5
        counts = torch.tensor([f.shape[2] * f.shape[3] for f in features])
        strides = torch.tensor(self.backbone.strides).float().repeat_interleave(counts)[:, None]
        if self.bins > 1:
            box = self.mean(box.view(1, 4, self.bins, -1).transpose(2, 1).softmax(1))
            box = box.view(1, 4, -1)
        low = (points.T - box[:, :2]) * strides.T
        high = (points.T + box[:, 2:]) * strides.T
        if self.top:
            both = torch.cat([low, high, scores.sigmoid()], 1).transpose(1, 2)
            best = both[..., 4:].amax(-1).topk(self.top)[1]
            return both[:, best[0]]
        xywh = torch.cat([(low + high) / 2, high - low], 1)
        if self.order == "v8":
            return torch.cat([xywh, scores.sigmoid()], 1)
        ones = torch.ones(1, 1, xywh.shape[2])  # v6 writes rows, and an objectness of one
        return torch.cat([xywh, ones, scores.sigmoid()], 1).transpose(1, 2)


class Exponents(nn.Module):
    """Three convolutions a scale: YOLOX and v6's first release."""

    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.box = nn.ModuleList(nn.Conv2d(8, 4, 1) for _ in range(3))
        self.sure = nn.ModuleList(nn.Conv2d(8, 1, 1) for _ in range(3))
        self.classes = nn.ModuleList(nn.Conv2d(8, CLASSES, 1) for _ in range(3))

    def forward(self, x):
        maps, grids, strides = [], [], []
        for i, f in enumerate(self.backbone(x)):
            parts = [self.box[i](f), self.sure[i](f).sigmoid(), self.classes[i](f).sigmoid()]
            maps.append(torch.cat(parts, 1).flatten(2))
            grids.append(grid_of(*f.shape[2:]).view(-1, 2))
            strides += [float(self.backbone.strides[i])] * len(grids[-1])
        found = torch.cat(maps, 2).transpose(1, 2)
        stride = torch.tensor(strides).view(1, -1, 1)
        xy = (found[..., :2] + torch.cat(grids)) * stride
        return torch.cat([xy, found[..., 2:4].exp() * stride, found[..., 4:]], -1)


def export(net, path, *, names=("cat", "dog", "owl"), seed=0):
    """The network as an ONNX file, with class names as exporters leave them."""
    import onnx

    torch.manual_seed(seed)
    for parameter in net.modules():
        if isinstance(parameter, nn.Conv2d) and parameter is not getattr(net, "mean", None):
            nn.init.normal_(parameter.weight, 0, 0.5)
            nn.init.normal_(parameter.bias, 0.5, 0.8)
    picture = torch.zeros(1, 3, PICTURE[1], PICTURE[0])
    with warnings.catch_warnings():  # the tracer's: shapes here are fixed on purpose
        warnings.simplefilter("ignore")
        torch.onnx.export(net.eval(), (picture,), str(path), dynamo=False, opset_version=13,
                          input_names=["images"])  # fmt: skip
    model = onnx.load(path)
    if names:
        onnx.helper.set_model_props(model, {"names": str(dict(enumerate(names)))})
        onnx.save(model, path)
    return path


def picture(seed=0):
    """A picture as a camera gives it: bytes, BGR, planar, [1,3,height,width]."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (1, 3, PICTURE[1], PICTURE[0]), np.uint8)
