"""The legaliser: a model down to the opsets and forms the 2021.4 engine takes.

The order is part of the method, each step preparing the next:

1. OpenVINO's common (MOC) transformations and constant folding: batch norms and preprocessing go
   into convolutions.
2. Own folds: static ShapeOf, ConvertLike, and whatever else does not depend on an input.
3. Rules from ``table.py``, until none applies; constants are folded between sweeps.
4. Peephole: neighbours that cancel out.
5. Precisions: Convert where integers reach a layer that computes in FP16; constants in range,
   offsets small enough and weights large enough to be kept.
6. Names.

The common transformations never run afterwards: they would put new operations back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import openvino as ov
from openvino import Node, Output
from openvino._offline_transformations import apply_moc_transformations
from openvino.passes import ConstantFolding, Manager

from ..finding import Finding
from ..fold import fold
from ..graph import op_of, redirect
from .centre import centre_offsets
from .denominators import guard_denominators
from .names import PortNames, name_made_up, name_ports, number_made_up, port_names, unique_names
from .peephole import tidy
from .precision import clamp_constants, convert_integers, widen
from .quantise import join_quantise_pairs
from .rewrite import Refusal, Rule, as_output
from .small_weights import lift_small_weights
from .table import RULES

# More than any model has needed; a pair of rules that undo each other must not spin.
_MAX_SWEEPS = 6
# 2 bytes each; the whole memory of the chip is 512 MB.
_MAX_ELEMENTS = 1 << 28
_INPUT_TYPES = frozenset(
    (
        *("f16", "bf16", "f32", "f64", "boolean", "dynamic"),
        *("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"),
    )
)


# What keeps numbers that FP16 would lose; by the name in the report.
_FOR_STORING: dict[str, Callable[[ov.Model], list[Node]]] = {
    "denominators.guard_denominators": guard_denominators,
    "centre.centre_offsets": centre_offsets,
    "small_weights.lift_small_weights": lift_small_weights,
}


@dataclass(frozen=True)
class Applied:
    """One rewriting that took place."""

    op: str
    layer: str
    rule: str


@dataclass(frozen=True)
class Legalised:
    """The rewritten model and what was done to it.

    ``applied``: every rewriting, in order. ``refused``: layers that no rule could save, which the
    engine would refuse. ``warnings``: what compiles but may surprise. ``ports``: the names of the
    inputs and outputs.
    """

    model: ov.Model
    applied: tuple[Applied, ...]
    refused: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    ports: PortNames

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything to be said, what was refused first."""
        return (*self.refused, *self.warnings)


@dataclass
class _Journal:
    report: Callable[[Applied], None] | None
    applied: list[Applied] = field(default_factory=list)
    refused: dict[str, Finding] = field(default_factory=dict)

    def wrote(self, node: Node, rule: Rule) -> None:
        family = rule.__module__.rpartition(".")[2]
        entry = Applied(op_of(node), node.get_friendly_name(), f"{family}.{_rule_name(rule)}")
        self.applied.append(entry)
        if self.report is not None:
            self.report(entry)

    def refuse(self, node: Node, refusal: Refusal) -> None:
        name = node.get_friendly_name()
        self.refused[name] = Finding(name, op_of(node), name, refusal.reason, refusal.remedy)


def legalise(model: ov.Model, *, report: Callable[[Applied], None] | None = None) -> Legalised:
    """Rewrite ``model`` into opset 1..7 and the forms the engine accepts.

    The caller's model is left as it is. ``report`` is called with every rewriting as it happens.
    What could not be rewritten stands in the result's ``refused``; nothing is raised for it, so
    that it can be shown with what `check` finds in the result.
    """
    work = model.clone()
    given = number_made_up(model, work)
    ports = port_names(work)
    hopeless = [*_too_large(work), *_unknown_types(work)]
    if hopeless:
        # Folding would compute tensors no machine can hold, or numbers no rule knows.
        return Legalised(work, (), tuple(hopeless), (), ports)
    join_quantise_pairs(work)
    try:
        widen(work)
    except RuntimeError as error:
        return Legalised(work, (), (_mixed_types(work, error),), (), ports)
    apply_moc_transformations(work, cf=True)
    # Weights that were kept compressed come back as f16 with a Convert behind.
    widen(work)
    fold(work)
    name_made_up(work, given)
    journal = _Journal(report)
    for _ in range(_MAX_SWEEPS):
        if not _sweep(work, journal):
            break
        _fold_constants(work)
        fold(work)
    tidy(work)
    _fold_constants(work)
    convert_integers(work)
    warnings = [_clamped(name, largest) for name, largest in clamp_constants(work)]
    for rule, run in _FOR_STORING.items():
        journal.applied += [Applied(op_of(n), n.get_friendly_name(), rule) for n in run(work)]
    name_ports(work, ports)
    unique_names(work, ports, given)
    # A fresh model drops the graph-wide rt_info of the source (its IR version among them).
    name = "model" if model.get_friendly_name() == model.get_name() else model.get_friendly_name()
    result = ov.Model(work.get_results(), work.get_parameters(), name)
    result.validate_nodes_and_infer_types()
    refused = tuple(journal.refused.values())
    return Legalised(result, tuple(journal.applied), refused, tuple(warnings), ports)


def _too_large(model: ov.Model) -> list[Finding]:
    findings = []
    for node in model.get_ordered_ops():
        for output in node.outputs():
            shape = output.get_partial_shape()
            if shape.is_static and math.prod(shape.to_shape()) > _MAX_ELEMENTS:
                name = node.get_friendly_name()
                reason = f"a tensor of shape {shape} does not fit into the 512 MB of the chip"
                findings.append(Finding(name, op_of(node), name, reason, "use a smaller shape"))
    return findings


def _unknown_types(model: ov.Model) -> list[Finding]:
    """Inputs of types that are none on the chip and that nothing here turns into one."""
    findings = []
    for parameter in model.get_parameters():
        kind = parameter.get_element_type().to_string()
        if kind not in _INPUT_TYPES:
            name = parameter.get_friendly_name()
            reason = f"an input of type {kind}; the chip has FP16, I32 and U8"
            remedy = "give it as a float, or make it a constant"
            findings.append(Finding(name, op_of(parameter), name, reason, remedy))
    return findings


def _mixed_types(model: ov.Model, error: RuntimeError) -> Finding:
    """A layer whose inputs are of one type only as long as they are of an unusual one."""
    named = re.search(r"friendly_name '(.*?)'", str(error))
    name = named[1] if named else model.get_friendly_name()
    reason = "it computes in a float type of 8 bits or less"
    return Finding(name, "Model", name, reason, "store the model's numbers as FP16 or FP32")


def _sweep(model: ov.Model, journal: _Journal) -> bool:
    """Ask the rules of every layer once, in topological order; True where one applied."""
    changed = False
    journal.refused.clear()
    order = model.get_ordered_ops()
    known = {node.get_name() for node in order}
    for node in order:
        for rule in RULES.get(node.get_type_name(), ()):
            try:
                replacement = rule(node)
            except Refusal as refusal:
                journal.refuse(node, refusal)
                break
            except RuntimeError as error:
                # OpenVINO refuses what the rule made of a case nobody has thought of.
                journal.refuse(node, _failed(rule, error))
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


def _clamped(name: str, largest: float) -> Finding:
    return Finding(
        name,
        "Constant-1",
        name,
        f"holds finite values up to {largest:.4g}, beyond +-65504, the range of FP16; they are set "
        "to that bound",
        "scale the layer down and the next one up",
        "warning",
    )


def _failed(rule: Rule, error: RuntimeError) -> Refusal:
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    reason = f"the rule {_rule_name(rule)} fails: {lines[-1].strip()[:300]}"
    return Refusal(reason, "please report this layer; until then cut the model before it")


def _rule_name(rule: Rule) -> str:
    return getattr(rule, "__name__", type(rule).__name__)
