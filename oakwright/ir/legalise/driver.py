"""The legaliser: a model down to the opsets and forms the 2021.4 engine takes.

The order is part of the method, each step preparing the next:

1. OpenVINO's common (MOC) transformations and constant folding: batch norms and preprocessing go
   into convolutions.
2. Own folds: static ShapeOf, ConvertLike, and whatever else does not depend on an input.
3. Rules from ``table.py``, until none applies; constants are folded between sweeps.
4. Peephole: neighbours that cancel out.
5. Precisions: Convert where integers reach a layer that computes in FP16; constants in range.
6. Names.

The common transformations never run afterwards: they would put new operations back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import openvino as ov
from openvino import Node, Output
from openvino._offline_transformations import apply_moc_transformations
from openvino.passes import ConstantFolding, Manager

from ..finding import Finding
from ..fold import fold
from ..graph import op_of, redirect
from .names import PortNames, name_ports, port_names, unique_names
from .peephole import tidy
from .precision import clamp_constants, convert_integers, widen
from .rewrite import Refusal, Rule, as_output
from .table import RULES

# More than any model has needed; a pair of rules that undo each other must not spin.
_MAX_SWEEPS = 6


@dataclass(frozen=True)
class Applied:
    """One rewriting that took place."""

    op: str
    layer: str
    rule: str


@dataclass(frozen=True)
class Legalised:
    """The rewritten model and what was done to it.

    ``findings`` holds layers no rule could save (errors) and constants that were brought into
    range (warnings); ``applied`` every rewriting in order.
    """

    model: ov.Model
    applied: tuple[Applied, ...]
    findings: tuple[Finding, ...]
    ports: PortNames


@dataclass
class _Journal:
    report: Callable[[Applied], None] | None
    applied: list[Applied] = field(default_factory=list)
    findings: dict[str, Finding] = field(default_factory=dict)

    def wrote(self, node: Node, rule: Rule) -> None:
        family = rule.__module__.rpartition(".")[2]
        entry = Applied(op_of(node), node.get_friendly_name(), f"{family}.{_rule_name(rule)}")
        self.applied.append(entry)
        if self.report is not None:
            self.report(entry)

    def refused(self, node: Node, refusal: Refusal) -> None:
        name = node.get_friendly_name()
        self.findings[name] = Finding(name, op_of(node), name, refusal.reason, refusal.remedy)


def legalise(model: ov.Model, *, report: Callable[[Applied], None] | None = None) -> Legalised:
    """Rewrite ``model`` into opset 1..7 and the forms the engine accepts.

    The caller's model is left as it is. ``report`` is called with every rewriting as it happens.
    What could not be rewritten stands in the result's ``findings``; nothing is raised for it, so
    that `check` can list it with everything else.
    """
    ports = port_names(model)
    work = model.clone()
    widen(work)
    apply_moc_transformations(work, cf=True)
    # The common transformations may bring f16 constants with a Convert back from v11 IRs.
    widen(work)
    fold(work)
    journal = _Journal(report)
    for _ in range(_MAX_SWEEPS):
        if not _sweep(work, journal):
            break
        _fold_constants(work)
        fold(work)
    tidy(work)
    _fold_constants(work)
    convert_integers(work)
    for name in clamp_constants(work):
        journal.findings.setdefault(name, _clamped(name))
    name_ports(work, ports)
    unique_names(work, ports)
    # A fresh model drops the graph-wide rt_info of the source (its IR version among them).
    result = ov.Model(work.get_results(), work.get_parameters(), model.get_friendly_name())
    findings = tuple(journal.findings.values())
    return Legalised(result, tuple(journal.applied), findings, ports)


def _sweep(model: ov.Model, journal: _Journal) -> bool:
    """Ask the rules of every layer once, in topological order; True where one applied."""
    changed = False
    journal.findings.clear()
    order = model.get_ordered_ops()
    known = {node.get_name() for node in order}
    for node in order:
        for rule in RULES.get(node.get_type_name(), ()):
            try:
                replacement = rule(node)
            except Refusal as refusal:
                journal.refused(node, refusal)
                break
            if replacement is None:
                continue
            journal.wrote(node, rule)
            _replace(node, [as_output(value) for value in replacement], rule, known)
            changed = True
            break
    return changed


def _replace(node: Node, replacement: list[Output], rule: Rule, known: set[str]) -> None:
    old_outputs = node.outputs()
    if len(replacement) != len(old_outputs):
        raise AssertionError(
            f"{_rule_name(rule)} gave {len(replacement)} tensors for {len(old_outputs)}"
        )
    for old, new in zip(old_outputs, replacement, strict=True):
        if (
            old.get_element_type() != new.get_element_type()
            or not old.get_partial_shape().compatible(new.get_partial_shape())
        ) and old.get_target_inputs():
            raise AssertionError(
                f"{_rule_name(rule)} turned {old} of {node.get_friendly_name()} into {new}"
            )
    _name_after(node, replacement, known)
    for old, new in zip(old_outputs, replacement, strict=True):
        redirect(old, new)


def _name_after(node: Node, replacement: list[Output], known: set[str]) -> None:
    """New layers get the replaced layer's name: the last ones plain, those before with a tail."""
    layer = node.get_friendly_name()
    last = [value.get_node() for value in replacement]
    for index, end in enumerate(last):
        if end.get_name() not in known:
            known.add(end.get_name())
            end.set_friendly_name(layer if len(last) == 1 else f"{layer}.{index}")
    stack = [value.get_node() for end in last for value in end.input_values()]
    while stack:
        current = stack.pop()
        if current.get_name() in known:
            continue
        known.add(current.get_name())
        current.set_friendly_name(f"{layer}/{current.get_type_name()}")
        stack.extend(value.get_node() for value in current.input_values())


def _fold_constants(model: ov.Model) -> None:
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)


def _clamped(name: str) -> Finding:
    return Finding(
        name,
        "Constant-1",
        name,
        "holds values beyond +-65504, the range of FP16; they are set to that bound",
        "check that these are infinities meant as padding or masks, not weights",
        "warning",
    )


def _rule_name(rule: Rule) -> str:
    return getattr(rule, "__name__", type(rule).__name__)
