"""A picture of what a model costs: its dearest layers as bars."""

from __future__ import annotations

from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

from oakwright.errors import UsageError
from oakwright.files import write_aside

from .performance import Performance

SHOWN = 25
_COLOURS = {"hardware": "#4d8f5b", "both": "#b0a040", "SHAVEs": "#d98032"}


def draw_costs(costs: Performance, path: str | PathLike[str], title: str = "") -> Path:
    """Write the dearest layers' shares as ``.svg`` or ``.png``; colours say where they run.

    Raises UsageError for other endings and where matplotlib is missing.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in ("svg", "png"):
        raise UsageError(f"cannot draw a picture as '.{suffix}'", remedy="name it .svg or .png")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "the picture needs matplotlib, which is not installed",
            remedy="pip install 'oakwright[viewer]'",
        ) from error
    shown = costs.layers[:SHOWN]
    figure: Any = Figure(figsize=(10, 1.6 + 0.26 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for unit, colour in _COLOURS.items():
        rows = [(at, cost) for at, cost in enumerate(shown) if cost.unit == unit]
        if not rows:
            continue
        axes.barh(
            [at for at, _ in rows],
            [100 * cost.share for _, cost in rows],
            color=colour,
            label={"hardware": "on the hardware unit", "SHAVEs": "on SHAVEs"}.get(unit, unit),
        )
    axes.set_yticks(range(len(shown)), [_label(cost.layer) for cost in shown], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("estimated share of the run, %")
    axes.set_title(
        f"{title or 'model'}: {costs.stages} stages, {costs.macs / 1e6:,.0f} M MACs,"
        f" {costs.shaves} shaves",
        loc="left",
    )
    axes.legend(loc="lower right")
    picture = BytesIO()
    # Without a date the same model gives the same file.
    metadata = {"Date": None} if suffix == "svg" else {}
    figure.savefig(picture, format=suffix, dpi=100, metadata=metadata)
    return write_aside(path, picture.getvalue())


def _label(layer: str) -> str:
    # A $ would start a formula.
    short = layer if len(layer) <= 48 else f"...{layer[-45:]}"
    return short.replace("$", r"\$")
