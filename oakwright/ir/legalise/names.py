"""Names: of inputs and outputs as DepthAI will show them, and one of a kind for every layer.

An IR v10 names an input after its Parameter and an output after the layer that produces it. So the
producer of a Result takes the output's name; where that is impossible (it is an input or a constant
itself, has several outputs or feeds two Results) a layer that changes nothing is put between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import openvino as ov
from openvino import Node, Output, Type

from .rewrite import op

_LONG_NAME = 200


@dataclass(frozen=True)
class PortNames:
    """Names of all inputs and outputs, in the order of the model."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def port_names(model: ov.Model) -> PortNames:
    """The names a user knows the ports by: tensor names first, then layer names."""
    inputs = tuple(_input_name(parameter) for parameter in model.get_parameters())
    outputs = tuple(map(_output_name, model.get_results()))
    # One name for an input and an output would be one name for two layers.
    every = _unlike((*inputs, *outputs))
    return PortNames(every[: len(inputs)], every[len(inputs) :])


def name_ports(model: ov.Model, names: PortNames) -> None:
    """Give Parameters and the producers of Results their names, in place."""
    for parameter, name in zip(model.get_parameters(), names.inputs, strict=True):
        parameter.set_friendly_name(name)
        parameter.output(0).get_tensor().set_names({name})
    taken = set(names.inputs)
    for result, name in zip(model.get_results(), names.outputs, strict=True):
        producer = result.input_value(0).get_node()
        if _needs_own_layer(result.input_value(0)) or producer.get_name() in taken:
            producer = _unchanged(result.input_value(0))
            result.input(0).replace_source_output(producer.output(0))
        taken.add(producer.get_name())
        producer.set_friendly_name(name)
        producer.output(0).get_tensor().set_names({name})
        result.set_friendly_name(f"{name}/result")


def number_made_up(original: ov.Model, copy: ov.Model) -> set[str]:
    """Number the layers nobody named, in place in ``copy``, which is a clone of ``original``.

    Returns the names of all layers as they are afterwards.

    OpenVINO names such layers by a counter of the process, and a clone keeps these names as if
    somebody had given them.
    """
    made_up = {
        n.get_friendly_name() for n in original.get_ops() if n.get_friendly_name() == n.get_name()
    }
    taken = {n.get_friendly_name() for n in original.get_ops()} - made_up
    counts: dict[str, int] = {}
    for node in copy.get_ordered_ops():
        if node.get_friendly_name() not in made_up:
            continue
        stem = node.get_type_name()
        while True:
            number = counts.get(stem, 0)
            counts[stem] = number + 1
            if f"{stem}_{number}" not in taken:
                break
        node.set_friendly_name(f"{stem}_{number}")
    return {node.get_friendly_name() for node in copy.get_ops()}


def name_made_up(model: ov.Model, given: set[str]) -> None:
    """One name per layer, and none that depends on how many layers the process made before.

    Names that OpenVINO made up meanwhile (``Multiply_11888``) carry a counter of the process;
    such a layer is named after the one that reads it, so that the same model gives the same IR
    and a convolution that swallowed its batch norm can still be told from others. To be done
    before rules derive names from these.
    """
    _rename(model, set(), set(), given)


def unique_names(model: ov.Model, ports: PortNames, given: set[str]) -> None:
    """The same once more at the end, where inputs and outputs have their names already."""
    fixed = {p.get_name() for p in model.get_parameters()}
    fixed |= {r.input_value(0).get_node().get_name() for r in model.get_results()}
    _rename(model, {*ports.inputs, *ports.outputs}, fixed, given)


def _rename(model: ov.Model, taken: set[str], fixed: set[str], given: set[str]) -> None:
    # Readers first: they have their final names when it comes to what they read.
    for node in reversed(model.get_ordered_ops()):
        if node.get_name() in fixed:
            continue
        stem = _after_reader(node) if _is_made_up(node, given) else node.get_friendly_name()
        name, count = stem, 0
        while not taken.isdisjoint(_names_in_ir(node, name)):
            count += 1
            name = f"{stem}_{count}"
        taken.update(_names_in_ir(node, name))
        node.set_friendly_name(name)


def _after_reader(node: Node) -> str:
    readers = [
        target.get_node().get_friendly_name()
        for output in node.outputs()
        for target in output.get_target_inputs()
    ]
    kind = str(node.get_type_name())
    # A long chain of unnamed layers would grow names without end.
    return f"{min(readers)}/{kind}" if readers and len(min(readers)) < _LONG_NAME else kind


def _names_in_ir(node: Node, name: str) -> set[str]:
    """The engine calls the tensors of a layer with several outputs layer.0, layer.1, ...

    A layer that has such a name itself makes it see a loop.
    """
    count = node.get_output_size()
    return {name, *(f"{name}.{index}" for index in range(count) if count > 1)}


def _is_made_up(node: Node, given: set[str]) -> bool:
    """Has OpenVINO named the layer, by its counter or by that of a layer it has replaced?

    A Convolution that swallowed a Multiply_11888 is called so; a front end may have done that
    already. What was there before and speaks of its own kind (a Relu called Relu_12) is kept:
    somebody may have named it so.
    """
    name, kind = node.get_friendly_name(), node.get_type_name()
    if name == node.get_name():
        return True
    counted = re.fullmatch(r"([A-Z][A-Za-z0-9]*)(_\d+)+", name)
    if counted is None:
        return False
    fused = counted[1] != kind and counted[1] in _FUSED_KINDS
    return name not in given or fused or kind in ("Constant", "Result")


_WORDS = (
    "Add Broadcast Concat Constant Convert ConvertLike Divide Gather MatMul Maximum Minimum "
    "Multiply Power ReduceMax ReduceMean ReduceSum Reshape Select ShapeOf Slice Sqrt Squeeze "
    "StridedSlice Subtract Tile Transpose Unsqueeze VariadicSplit"
)
# Operations whose names fused layers inherit in OpenVINO's own passes.
_FUSED_KINDS = frozenset(_WORDS.split())


def _needs_own_layer(value: Output) -> bool:
    producer = value.get_node()
    if producer.get_type_name() in ("Parameter", "Constant") or producer.get_output_size() > 1:
        return True
    # The engine settles on a type for boolean outputs that most layers cannot give.
    return bool(value.get_element_type() == Type.boolean)


def _unchanged(value: Output) -> Node:
    """A layer that passes ``value`` on: x * 1, or what does the same for other types.

    Booleans become the numbers 0 and 1.
    """
    dtype = value.get_element_type()
    if dtype.is_real():
        return op("Multiply", [value, 1.0])
    wanted = "f32" if dtype == Type.boolean else dtype.to_string()
    return op("Convert", [value], {"destination_type": wanted})


def _producer_name(result: Node) -> str:
    value = result.input_value(0)
    name = value.get_node().get_friendly_name()
    several = len(value.get_node().outputs()) > 1
    return f"{name}.{value.get_index()}" if several else name


def _output_name(result: Node) -> str:
    value = result.input_value(0)
    producer = value.get_node()
    if producer.get_type_name() == "Parameter":
        # Layers between the two were dropped; the tensor has the names of both ends.
        own = _input_name(producer)
        others = [name for name in value.get_names() if name.removesuffix(":0") != own]
        named = [name for name in others if not re.fullmatch(r"Result_\d+", name)]
        if named:
            return str(min(named, key=lambda name: (name.isdigit(), len(name), name)))
    return _port_name(value, _producer_name(result))


def _input_name(parameter: Node) -> str:
    layer = parameter.get_friendly_name()
    readers = {t.get_node().get_type_name() for t in parameter.output(0).get_target_inputs()}
    if "Result" in readers and not re.fullmatch(r"Parameter_\d+", layer):
        # Its tensor may have the output's name, where layers between the two have been dropped.
        return str(layer.removesuffix(":0"))
    return _port_name(parameter.output(0), layer)


def _port_name(port: Output, layer: str) -> str:
    # A Result without a name of its own lends the tensor the one OpenVINO made up for it, and a
    # clone of the model keeps that of the first Result.
    names = {name for name in port.get_names() if not re.fullmatch(r"Result_\d+", name)}
    if layer in names or not names:
        chosen = layer
    else:
        # A traced torch model calls one tensor "65" and "input.3": words before numbers.
        chosen = min(names, key=lambda name: (name.isdigit(), len(name), name))
    # TensorFlow's ":0" is the number of the output, no part of the name.
    return chosen.removesuffix(":0")


def _unlike(names: tuple[str, ...]) -> tuple[str, ...]:
    taken, result = set(names), []
    seen: set[str] = set()
    for name in names:
        unlike, count = name, 0
        while unlike in seen or (count and unlike in taken):
            count += 1
            unlike = f"{name}_{count}"
        seen.add(unlike)
        result.append(unlike)
    return tuple(result)
