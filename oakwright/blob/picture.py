"""A picture of the program: live memory over the stages, multiply-accumulates per stage.

SVG is written as text, with each stage's numbers as a tooltip; PNG needs matplotlib.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import UsageError
from oakwright.files import write_aside

from .describe import bytes_text, count_text
from .memory import MemoryProfile, memory_profile

if TYPE_CHECKING:
    from .reader import BlobReader

WIDTH = 960
PANEL = 170
LEFT = 80
TOP = 56
GAP = 64
BSS_COLOUR = "#3b6ea5"
CMX_COLOUR = "#d98032"
MACS_COLOUR = "#4d8f5b"


def draw_profile(blob: BlobReader, path: str | os.PathLike[str], title: str = "") -> Path:
    """Write the picture as ``.svg`` or ``.png``; raises UsageError for other endings."""
    suffix = Path(path).suffix.lower()
    profile = memory_profile(blob)
    heading = title or f"blob {blob.version}, {blob.shaves} SHAVEs, {len(profile.stages)} stages"
    if suffix == ".svg":
        return write_aside(path, profile_svg(profile, heading))
    if suffix == ".png":
        return write_aside(path, _profile_png(profile, heading))
    raise UsageError(f"cannot draw a picture as '{suffix}'", remedy="name it .svg or .png")


def _panels(profile: MemoryProfile) -> list[tuple[str, str, list[int], str]]:
    """Caption, colour, one value per stage and unit of each panel."""
    stages = profile.stages
    return [
        (
            f"BSS live, arena {bytes_text(profile.bss_bytes)}",
            BSS_COLOUR,
            [each.bss_live_bytes for each in stages],
            "bytes",
        ),
        (
            f"CMX live, arena {bytes_text(profile.cmx_bytes)}",
            CMX_COLOUR,
            [each.cmx_live_bytes for each in stages],
            "bytes",
        ),
        (
            f"MACs per stage, {count_text(profile.macs)} in all",
            MACS_COLOUR,
            [each.macs for each in stages],
            "count",
        ),
    ]


def _value_text(value: float, unit: str) -> str:
    return bytes_text(value) if unit == "bytes" else count_text(value)


def profile_svg(profile: MemoryProfile, title: str) -> str:
    """The picture as SVG text."""
    panels = _panels(profile)
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16">{escape(title)}</text>',
    ]
    names = [f"{each.index} {each.name}" for each in profile.stages]
    for number, (caption, colour, values, unit) in enumerate(panels):
        parts += _panel_svg(TOP + number * (PANEL + GAP), caption, colour, values, unit, names)
    return "\n".join([*parts, "</svg>\n"])


def _panel_svg(
    top: int, caption: str, colour: str, values: Sequence[int], unit: str, names: list[str]
) -> list[str]:
    highest = max([*values, 1])
    bottom = top + PANEL
    plot = WIDTH - LEFT - 20
    step = plot / max(len(values), 1)
    parts = [
        f'<text x="{LEFT}" y="{top - 6}">{escape(caption)}</text>',
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">'
        f"{_value_text(highest, unit)}</text>",
        f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">0</text>',
        f'<path d="M{LEFT} {top}V{bottom}H{LEFT + plot}" fill="none" stroke="#888"/>',
    ]
    for at, value in enumerate(values):
        tall = PANEL * value / highest
        parts.append(
            f'<rect x="{LEFT + at * step:.2f}" y="{bottom - tall:.2f}" '
            f'width="{max(step * 0.9, 0.5):.2f}" height="{tall:.2f}" fill="{colour}">'
            f"<title>stage {escape(names[at])}: {_value_text(value, unit)}</title></rect>"
        )
    marks = max(1, -(-len(values) // 10))
    parts += [
        f'<text x="{LEFT + (at + 0.45) * step:.2f}" y="{bottom + 16}" '
        f'text-anchor="middle">{at}</text>'
        for at in range(0, len(values), marks)
    ]
    return parts


def _profile_png(profile: MemoryProfile, title: str) -> bytes:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "a PNG picture needs matplotlib",
            remedy="name the picture .svg, or install oakwright[viewer]",
        ) from error
    figure: Any = Figure(figsize=(10, 8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = _panels(profile)
    for axes, (caption, colour, values, unit) in zip(
        figure.subplots(len(panels), 1, sharex=True), panels, strict=True
    ):
        axes.bar(range(len(values)), values, color=colour, width=0.9)
        axes.set_title(caption, loc="left", fontsize=10)
        axes.set_ylim(0, 1.05 * max([*values, 1]))
        axes.yaxis.set_major_formatter(lambda value, _, unit=unit: _value_text(value, unit))
    axes.set_xlabel("stage")
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
