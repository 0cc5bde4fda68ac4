"""Pre-flight: every layer the engine would refuse, all at once; and what a model will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import UnsupportedModel

from .convert import compile_plans, distinct
from .options import ConvertOptions
from .performance import Performance, performance

if TYPE_CHECKING:
    import openvino as ov

    from .plan import PlannedInput
    from .sources import Source


@dataclass(frozen=True)
class Checked:
    """What a check found. ``findings``: errors first, then warnings; empty means it converts.

    ``performance``: what it will cost, where that was asked for and no finding is an error.
    """

    name: str
    findings: tuple[Any, ...]
    notes: tuple[str, ...]
    rules: tuple[str, ...]
    performance: Performance | None = None

    @property
    def is_convertible(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)


def check(
    source: Any,
    *,
    example_input: Any = None,
    options: ConvertOptions | None = None,
    costs: bool = False,
) -> Checked:
    """Look for every layer of a model that the engine would refuse, without compiling it.

    Takes what :func:`convert` takes. With ``costs`` a model without such layers is compiled, for
    the first of the shave counts, and its stages are counted by the layers they come from.

    Raises UnreadableModel where there is no model to check; with ``costs`` CompileError.
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
    planned = plan_inputs(model, options, channels_last=opened.channels_last)
    notes += [note for entry in planned for note in entry.notes]
    prepared = ir.preprocess(model, [s for entry in planned if (s := entry.preprocess())])
    legal = ir.legalise(prepared)
    found = [*legal.findings, *ir.check(legal.model), *ir.scan_constants(legal.model)]
    rules = tuple(f"{a.layer}: {a.op} ({a.rule})" for a in legal.applied)
    findings = tuple(distinct(found, opened.origins))
    checked = Checked(opened.name, findings, tuple(notes), rules)
    if not costs or not checked.is_convertible:
        return checked
    counted = _costs(opened, legal.model, planned, options)
    return replace(checked, performance=counted)


def _costs(
    opened: Source, legal: ov.Model, planned: Sequence[PlannedInput], options: ConvertOptions
) -> Performance:
    from oakwright import ir
    from oakwright.blob import Blob
    from oakwright.compiler import compile_traced

    xml, weights = ir.serialise(legal, fp16=options.compress_to_fp16)
    data, origins = compile_traced(xml, weights, compile_plans(options, legal, planned)[0])
    # A source may name its layers otherwise than its outputs, after which OpenVINO names them.
    names = {node.get_friendly_name() for node in opened.model.get_ops()}
    named = {name: opened.origins.get(name, name) for name in names}
    return performance(Blob.from_bytes(data), origins, named)


def describe_model(source: Any) -> dict[str, Any]:
    """Facts about a model file: kind, inputs, outputs, operations, parameters, MACs."""
    from oakwright import ir

    from .sources import open_source

    opened = open_source(source)
    return {"kind": opened.kind, "front_end": opened.front_end, **ir.describe(opened.model)}
