"""Parameters and operations of the detector templates, and where the published figures differ.

    python bench/detector_complexity.py            # prints docs/reference/detector-complexity.md

Published are those of the OpenVINO Training Extensions for 80 classes, read from the templates.
"""

from __future__ import annotations

from oakwright.training import names, read_template
from oakwright.training.complexity import Complexity, Layer, of_template

CLASSES = 80


def extra_layers(side: int) -> list[Layer]:
    """What pytorchcv's MobileNetV2 has beyond the paper's table: the first block widens by 1."""
    cells = (side // 2) ** 2 * 32
    return [
        Layer("features.1, widening by 1", "1x1 convolution", 2 * cells * 32, 32 * 32),
        Layer("features.1, its norm", "batch norm", 2 * 2 * cells, 64),
        Layer("features.1, its ReLU6", "activation", 2 * cells, 0),
    ]


def page() -> str:
    lines = [
        "# Complexity of the detector templates",
        "",
        f"Written by `python bench/detector_complexity.py`; {CLASSES} classes, one picture.",
        "The counter is `conv+norm+act`: of each convolution its multiply-accumulates and one for",
        "each bias, two for each element of a batch norm, one for each of an activation; all of it",
        "twice. That is the rule of mmcv, by which the OpenVINO Training Extensions counted.",
        "",
        "| template | parameters | GFLOPs | published | difference | with the layers below |",
        "|---|---|---|---|---|---|",
    ]
    details = []
    for name in names():
        template = read_template(name)
        counted = of_template(template.model, CLASSES)
        rows = {row["key"]: row["value"] for row in template.data.get("metrics") or ()}
        stated = rows.get("complexity") if "2s" in name else None
        flops = counted.flops / 1e9
        extra = extra_layers(template.model.width)
        more = (counted.flops + sum(layer.flops for layer in extra)) / 1e9
        against = (
            f"{stated:.2f} | {flops / stated - 1:+.1%} | {more:.3f} ({more / stated - 1:+.1%})"
            if stated
            else "- | - | -"
        )
        lines.append(f"| {name} | {counted.parameters:,} | {flops:.3f} | {against} |")
        if "256" in name:
            details = by_kind(counted, extra)
    lines += [
        "",
        "The rest is one convolution, by arithmetic: OTE took its trunk from pytorchcv, its first",
        "block has a 1x1 convolution from 32 to 32 channels at half the input's size. The paper's",
        "table, and the ImageNet weights that can be had, do not. For 256x256, by kind of layer:",
        "",
        "| layers | GFLOPs | parameters |",
        "|---|---|---|",
        *details,
        "",
        "The softmax, the additions of the residuals and DetectionOutput are not counted. A",
        "checkpoint of OTE has two parameters more, which balance its losses.",
        "",
        "`oakwright eval` counts an export by what its graph computes (`exported graph`):",
        "convolutions and matrix products, the norms folded into them.",
        "",
    ]
    return "\n".join(lines)


def by_kind(counted: Complexity, extra: list[Layer]) -> list[str]:
    rows = [
        f"| {kind} | {flops / 1e9:.4f} | {parameters:,} |"
        for kind, (flops, parameters) in counted.by_kind().items()
    ]
    rows.append(f"| **together** | **{counted.flops / 1e9:.4f}** | **{counted.parameters:,}** |")
    rows += [
        f"| not ours: {layer.name} | {layer.flops / 1e9:.4f} | {layer.parameters:,} |"
        for layer in extra
    ]
    return rows


if __name__ == "__main__":
    print(page(), end="")
