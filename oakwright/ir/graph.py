"""Reading and changing an openvino graph: the few verbs the passes of this room share."""

from __future__ import annotations

from collections.abc import Iterable

import openvino as ov
from openvino import Node, Output


def op_of(node: Node) -> str:
    """Operation and opset as people write it: ``MaxPool-14``."""
    return f"{node.get_type_name()}-{opset_of(node)}"


def opset_of(node: Node) -> str:
    """The opset number as text, or the whole version id where it is no opset."""
    return str(node.type_info.version_id).removeprefix("opset")


def depends_on_input(model: ov.Model) -> set[str]:
    """Unique names of all nodes whose value depends on a Parameter or on state."""
    dependent: set[str] = set()
    for node in model.get_ordered_ops():
        if node.get_type_name() in _SOURCES or any(
            value.get_node().get_name() in dependent for value in node.input_values()
        ):
            dependent.add(node.get_name())
    return dependent


# Their value is not known before run time although they may have no inputs.
_SOURCES = frozenset({"Parameter", "ReadValue", "RandomUniform", "RandomPoisson", "Multinomial"})


def redirect(old: Output, new: Output, *, keep: Iterable[str] = ()) -> None:
    """Let every consumer of ``old`` read ``new``, except nodes whose unique name is in ``keep``."""
    kept = set(keep)
    for target in old.get_target_inputs():
        if target.get_node().get_name() not in kept:
            target.replace_source_output(new)
