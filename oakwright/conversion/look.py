"""What a model is, and how its layers hang together: for those who want to see it first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oakwright.errors import ModelError, UsageError

from .options import ConvertOptions

if TYPE_CHECKING:
    from oakwright.ir import Layer


@dataclass(frozen=True)
class Look:
    """A model looked at. ``facts``: as `describe_model`, of the model as its file has it.

    ``layers``: at fixed shapes where those are known, so that what only computes shapes is gone;
    ``notes`` say what was set, or what must be given.
    """

    name: str
    facts: dict[str, Any]
    layers: tuple[Layer, ...]
    notes: tuple[str, ...]


def look(source: Any) -> Look:
    """Read a model and list its layers; nothing is converted.

    Raises UnreadableModel and its kin.
    """
    from openvino import passes

    from oakwright import ir

    from .plan import require_static
    from .sources import open_source

    opened = open_source(source)
    facts = {"kind": opened.kind, "front_end": opened.front_end, **ir.describe(opened.model)}
    model, notes = opened.model.clone(), list(opened.notes)
    try:
        notes += require_static(model, ConvertOptions())
        passes.ConstantFolding().run_on_model(model)
    except (UsageError, ModelError) as error:
        notes.append(f"{error.message}; {error.remedy}")
    return Look(opened.name, facts, tuple(ir.layers(model)), tuple(notes))
