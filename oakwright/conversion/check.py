"""Pre-flight: every layer the engine would refuse, all at once, without compiling."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oakwright.errors import UnsupportedModel

from .convert import distinct
from .options import ConvertOptions


@dataclass(frozen=True)
class Checked:
    """What a check found. ``findings``: errors first, then warnings; empty means it converts."""

    name: str
    findings: tuple[Any, ...]
    notes: tuple[str, ...]
    rules: tuple[str, ...]

    @property
    def is_convertible(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)


def check(
    source: Any,
    *,
    example_input: Any = None,
    options: ConvertOptions | None = None,
) -> Checked:
    """Look for every layer of a model that the engine would refuse, without compiling it.

    Takes what :func:`convert` takes. Raises UnreadableModel where there is no model to check.
    """
    from oakwright import ir

    from .plan import plan_inputs, require_static
    from .sources import open_source
    from .surgery import cut_outputs, freeze_inputs

    options = options or ConvertOptions()
    shapes = {entry.name: entry.shape for entry in options.inputs if entry.shape}
    try:
        opened = open_source(source, example_input=example_input, shapes=shapes)
    except UnsupportedModel as error:
        name = Path(source).stem if isinstance(source, (str, Path)) else "model"
        return Checked(name, tuple(error.findings), (error.remedy,), ())
    model = opened.model.clone()
    if options.outputs:
        model = cut_outputs(model, options.outputs)
    notes = [*opened.notes, *require_static(model, options)]
    freeze_inputs(model, options)
    planned = plan_inputs(model, options)
    notes += [note for entry in planned for note in entry.notes]
    prepared = ir.preprocess(model, [s for entry in planned if (s := entry.preprocess())])
    legal = ir.legalise(prepared)
    found = [*legal.findings, *ir.check(legal.model), *ir.scan_constants(legal.model)]
    rules = tuple(f"{a.layer}: {a.op} ({a.rule})" for a in legal.applied)
    return Checked(opened.name, tuple(distinct(found, opened.origins)), tuple(notes), rules)


def describe_model(source: Any) -> dict[str, Any]:
    """Facts about a model file: kind, inputs, outputs, operations, parameters, MACs."""
    from oakwright import ir

    from .sources import open_source

    opened = open_source(source)
    return {"kind": opened.kind, "front_end": opened.front_end, **ir.describe(opened.model)}
