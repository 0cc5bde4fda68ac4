"""Draw what PyTorch's export makes of Kornia's blur, before and after it was simplified.

python bench/simplified_graphs.py        writes docs/pictures/simplified.png
"""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import kornia
import matplotlib as mpl
import onnx
import torch

from oakwright.files import write_aside
from oakwright.functions import to_onnx

mpl.use("Agg")
import matplotlib.pyplot as plt

# Rows of the picture.
DEEPEST = 27
PAGE = ROOT / "docs" / "pictures" / "simplified.png"


class Blur(torch.nn.Module):
    """The vision-function tutorial's: Gaussian, 9x9, sigma 2.5."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Float [1, 3, 300, 300] to the same."""
        result: torch.Tensor = kornia.filters.gaussian_blur2d(image, (9, 9), (2.5, 2.5))
        return result


def placed(graph: Any) -> tuple[dict[int, tuple[float, float]], list[tuple[int, int]]]:
    """Each node's place, a row for each step from the inputs, and which feeds which.

    Constants are left out.
    """
    shown = [i for i, node in enumerate(graph.node) if node.op_type != "Constant"]
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output}
    feeds = [
        (maker[name], i) for i, node in enumerate(graph.node) for name in node.input
        if name in maker and maker[name] in shown
    ]  # fmt: skip
    depth: dict[int, int] = defaultdict(int)
    for source, target in feeds:
        depth[target] = max(depth[target], depth[source] + 1)
    rows: dict[int, list[int]] = defaultdict(list)
    for i in shown:
        rows[depth[i]].append(i)
    places = {
        i: ((k - (len(row) - 1) / 2) * 1.6, -float(y))
        for y, row in rows.items()
        for k, i in enumerate(row)
    }
    return places, feeds


def draw(axes: Any, graph: Any, title: str) -> None:
    """One graph: a box for each layer, arrows down."""
    places, feeds = placed(graph)
    for source, target in feeds:
        axes.annotate(
            "", places[target], places[source],
            arrowprops={"arrowstyle": "-", "color": "#9aa5b1", "lw": 0.8, "shrinkA": 5},
        )  # fmt: skip
    for i, (x, y) in places.items():
        axes.text(
            x, y, graph.node[i].op_type, ha="center", va="center", fontsize=6.5,
            bbox={"boxstyle": "round,pad=0.3", "fc": "#e8f0fe", "ec": "#4a6fa5", "lw": 0.8},
        )  # fmt: skip
    constants = len(graph.node) - len(places)
    told = f"{title}: {len(graph.node)} layers"
    told += f", {constants} of them constants, not drawn" if constants else ""
    axes.set(xlim=(-3, 3), ylim=(-DEEPEST, 1), title=told)
    axes.axis("off")


def main() -> None:
    """Draw both, side by side."""
    example = {"image": torch.ones(1, 3, 300, 300)}
    graphs = [
        onnx.load_model_from_string(to_onnx(Blur(), example, simplify=wanted).data).graph
        for wanted in (False, True)
    ]
    figure, sides = plt.subplots(1, 2, figsize=(9, 8))
    for axes, graph, title in zip(sides, graphs, ("as exported", "simplified"), strict=True):
        draw(axes, graph, title)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=70, bbox_inches="tight")
    write_aside(PAGE, buffer.getvalue())
    print(f"{len(graphs[0].node)} layers, then {len(graphs[1].node)}: {PAGE}")


if __name__ == "__main__":
    main()
