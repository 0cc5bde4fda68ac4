"""A model as its front end reads it, at fixed shapes: for rooms that look into or rebuild one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .options import ConvertOptions

if TYPE_CHECKING:
    import openvino as ov


@dataclass(frozen=True)
class Reading:
    """``model`` belongs to the caller. ``metadata``: what the exporter wrote beside the graph."""

    model: ov.Model
    name: str
    kind: str
    notes: tuple[str, ...]
    metadata: Mapping[str, str]


def read_model(
    source: Any, *, example_input: Any = None, options: ConvertOptions | None = None
) -> Reading:
    """Read what :func:`convert` reads, with the shapes of ``options`` and constants folded.

    Raises UnreadableModel and its kin, UsageError where a shape must be given.
    """
    from openvino import passes

    from .plan import require_static
    from .sources import open_source

    options = options or ConvertOptions()
    shapes = {entry.name: entry.shape for entry in options.inputs if entry.shape}
    opened = open_source(source, example_input=example_input, shapes=shapes)
    model = opened.model.clone()
    notes = [*opened.notes, *require_static(model, options)]
    # Grids and shapes that exporters compute at run time become plain constants.
    passes.ConstantFolding().run_on_model(model)
    return Reading(model, opened.name, opened.kind, tuple(notes), _metadata(model))


def _metadata(model: ov.Model) -> dict[str, str]:
    """What an ONNX file carries as ``metadata_props``; OpenVINO keeps it under ``framework``."""
    if not model.has_rt_info(["framework"]):
        return {}
    entries = model.get_rt_info(["framework"]).value
    if not isinstance(entries, dict):
        return {}
    return {str(key): str(getattr(value, "value", value)) for key, value in entries.items()}
