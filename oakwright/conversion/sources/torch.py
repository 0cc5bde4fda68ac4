"""PyTorch: live modules, factories, TorchScript and torch.export archives.

A module is traced; where the tracing front end fails it is exported with torch.export and
decomposed, which knows more operators. No pickle is ever loaded: see :func:`_check_archive`.
"""

from __future__ import annotations

import inspect
import io
import json
import logging
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import ModelError, OakwrightError, UnreadableModel, UsageError

from ..own_code import frozen_branches, import_place, require_torch
from .errors_text import reason_of, unsupported_by_front_end
from .model import Reference, Source

if TYPE_CHECKING:
    import numpy as np
    import openvino as ov

_LARGEST_ENTRY = 1 << 33

# Shapes by argument name; "" speaks of the only input, "#1" of the second.
Shapes = Mapping[str, Sequence[int]]


def from_module(
    module: Any,
    example_input: Any,
    *,
    name: str = "",
    output_names: Sequence[str] = (),
    shapes: Shapes | None = None,
) -> Source:
    """Read a ``torch.nn.Module``.

    ``example_input``: a tensor, a tuple of them or a dict by argument name; without it,
    ``shapes`` gives random float inputs, and a module may carry its own ``example_input``.
    """
    torch = require_torch()
    given = example_input if example_input is not None else getattr(module, "example_input", None)
    if given is None and shapes:
        given = _random_inputs(torch, module, shapes)
    if given is None:
        raise UsageError(
            f"{type(module).__name__} needs an example input: PyTorch modules do not say what"
            " shapes they take",
            remedy="pass example_input=torch.rand(1, 3, 224, 224), or --shape 1,3,224,224 on the"
            " command line",
            key="example_input",
        )
    names, tensors = _arguments(module, given)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                flat, labels = _flatten(module(*tensors))
            except Exception as error:
                raise ModelError(
                    f"{type(module).__name__} does not run on its example input: {error}",
                    remedy="check the shapes and types of example_input, or give --shape"
                    " NAME=... for each argument",
                ) from error
            model, front_end, notes = _to_openvino(module, tensors)
    finally:
        module.train(was_training)
    if len(model.inputs) != len(tensors):
        raise ModelError(
            f"{type(module).__name__} uses {len(model.inputs)} of its {len(tensors)} inputs",
            remedy="leave out of example_input what does not change the result",
        )
    for port, label, tensor in zip(model.inputs, names, tensors, strict=True):
        port.get_tensor().set_names({label})
        port.node.set_friendly_name(label)
        _set_type_and_shape(port.node, tensor)
    model.validate_nodes_and_infer_types()
    notes += frozen_branches(told)
    wanted = len(flat)
    if output_names and len(output_names) != wanted:
        raise UsageError(
            f"{type(module).__name__} has {wanted} outputs, {len(output_names)} names were given",
            key="output_names",
        )
    for port, label in zip(model.outputs, list(output_names) or labels, strict=True):
        port.get_tensor().set_names({label})

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        inputs = [
            torch.from_numpy(a.copy()).to(t.dtype) for a, t in zip(arrays, tensors, strict=True)
        ]
        was = module.training
        module.eval()
        try:
            with torch.no_grad():
                results, _ = _flatten(module(*inputs))
        finally:
            module.train(was)
        return [r.detach().cpu().numpy() for r in results[:wanted]]

    return Source(
        model=model,
        kind="torch",
        name=name or type(module).__name__.lower(),
        front_end=front_end,
        reference=Reference("torch", run, seconds_per_gmac=0.05),
        notes=tuple(notes),
    )


def from_factory(text: str, example_input: Any, shapes: Shapes | None) -> Source:
    """Read ``package.module:factory`` or ``file.py:factory``.

    The factory is a Module class or a function giving a module or ``(module, example_input)``.
    It is the user's own code and is run.
    """
    place, _, attribute = text.rpartition(":")
    owner = import_place(place)
    try:
        for part in attribute.split("."):
            owner = getattr(owner, part)
    except AttributeError:
        raise UnreadableModel(
            f"{place} has no '{attribute}'", remedy="check the name after the colon", path=text
        ) from None
    torch = require_torch()
    made = owner
    if not isinstance(owner, torch.nn.Module):
        try:
            made = owner()
        except OakwrightError:
            raise
        except Exception as error:
            raise UnreadableModel(
                f"{text} failed: {type(error).__name__}: {error}",
                remedy="the factory is called without arguments and gives a torch.nn.Module",
                path=text,
            ) from error
    if isinstance(made, tuple) and len(made) == 2:
        made, own_example = made
        example_input = own_example if example_input is None and not shapes else example_input
    if not isinstance(made, torch.nn.Module):
        raise UnreadableModel(
            f"{text} gives a {type(made).__name__}, not a torch.nn.Module", path=text
        )
    name = attribute.rpartition(".")[2].lower()
    return from_module(made, example_input, name=name, shapes=shapes)


def from_torchscript(path: Path, example_input: Any, shapes: Shapes | None) -> Source:
    """Read a TorchScript archive; it holds no pickled code, but needs shapes."""
    torch = require_torch()
    _check_sizes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated, its files are not gone
            module = torch.jit.load(str(path), map_location="cpu")
    except Exception as error:
        raise UnreadableModel(
            f"{path} is a damaged TorchScript file: {_first_line(error)}",
            remedy="save it again",
            path=str(path),
        ) from error
    return from_module(module, example_input, name=path.stem, shapes=shapes)


def from_exported(program: Any, name: str = "model") -> Source:
    """Read a live ``torch.export.ExportedProgram``."""
    torch = require_torch()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = program.module()
        placeholders = [
            node.meta["val"]
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
        ]
        try:
            model = _converted(program.run_decompositions())
        except Exception as error:
            raise unsupported_by_front_end(error, name) from error
    labels = [str(n) for n in program.graph_signature.user_inputs]
    for port, label, tensor in zip(model.inputs, labels, placeholders, strict=True):
        port.get_tensor().set_names({label})
        port.node.set_friendly_name(label)
        _set_type_and_shape(port.node, tensor)
    model.validate_nodes_and_infer_types()
    outputs = _names_of(len(model.outputs))
    for port, label in zip(model.outputs, outputs, strict=True):
        port.get_tensor().set_names({label})

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        inputs = [
            torch.from_numpy(a.copy()).to(t.dtype)
            for a, t in zip(arrays, placeholders, strict=True)
        ]
        with torch.no_grad():
            return [r.detach().cpu().numpy() for r in _flatten(module(*inputs))[0]]

    return Source(model, "pt2", name, "torch.export", Reference("torch", run, 0.05))


def from_pt2(path: Path) -> Source:
    """Read a torch.export archive (``.pt2``) that holds tensors and a graph, but no pickles."""
    torch = require_torch()
    _check_sizes(path)
    _check_archive(path, torch)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.load(str(path))
    except Exception as error:
        raise UnreadableModel(
            f"{path} is a damaged .pt2 archive, or of another PyTorch: {_first_line(error)}",
            remedy=f"save it again with PyTorch {torch.__version__}",
            path=str(path),
        ) from error
    return from_exported(program, name=path.stem)


def _check_archive(path: Path, torch: Any) -> None:
    """Refuse every pickle that ``torch.export.load`` would otherwise load without asking.

    It falls back to unrestricted unpickling for sample inputs, for weights whose entry says
    ``use_pickle`` and for constants that are objects. So: all tables must say plain tensors, and
    whatever is in torch.save's form must load with ``weights_only``.
    """
    refuse = UnreadableModel(
        f"{path} holds pickled objects, which could run any code",
        remedy="save it again with torch.export.save from plain tensors, or export it to ONNX",
        path=str(path),
    )
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                if entry.endswith("_config.json") and "/data/" in f"/{entry}":
                    table = json.loads(archive.read(entry)).get("config", {})
                    for meta in table.values():
                        plain = str(meta.get("path_name", "")).startswith(("weight_", "tensor_"))
                        if meta.get("use_pickle") or not plain:
                            raise refuse
                elif entry.endswith((".pt", ".pkl")):
                    content = archive.read(entry)
                    if content:
                        torch.load(io.BytesIO(content), weights_only=True)
    except OakwrightError:
        raise
    except Exception as error:
        raise refuse from error


def _check_sizes(path: Path) -> None:
    """Refuse archives that would unpack to far more than their own size: zip bombs."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.file_size > max(_LARGEST_ENTRY, 0) or (
                info.file_size > (1 << 26) and info.file_size > 200 * max(info.compress_size, 1)
            ):
                raise UnreadableModel(
                    f"{path}: '{info.filename}' unpacks to {info.file_size} bytes from"
                    f" {info.compress_size}",
                    remedy="PyTorch does not compress its archives; do not trust this file",
                    path=str(path),
                )


def _to_openvino(module: Any, tensors: tuple[Any, ...]) -> tuple[ov.Model, str, list[str]]:
    torch = require_torch()

    attempts: list[tuple[str, Callable[[], Any]]] = [
        ("torch.jit.trace", lambda: _converted(module, example_input=tensors)),
    ]
    if not isinstance(module, torch.jit.ScriptModule):
        attempts.append(
            (
                "torch.export",
                lambda: _converted(torch.export.export(module, tensors).run_decompositions()),
            )
        )
    first: Exception | None = None
    for label, attempt in attempts:
        try:
            note = f"read by {label}; {attempts[0][0]} failed: {reason_of(first)}" if first else ""
            return attempt(), label, [note] if note else []
        except Exception as error:
            first = first or error
    assert first is not None
    raise unsupported_by_front_end(first, type(module).__name__)


def _converted(module: Any, **options: Any) -> ov.Model:
    """``ov.convert_model``, which where it fails leaves the whole program's logging quiet."""
    import openvino as ov

    root = logging.getLogger()
    level, filters, handlers = root.level, list(root.filters), list(root.handlers)
    try:
        return ov.convert_model(module, **options)
    finally:
        root.setLevel(level)
        root.filters[:], root.handlers[:] = filters, handlers


def _set_type_and_shape(parameter: Any, tensor: Any) -> None:
    import openvino as ov

    kinds = {
        "torch.float32": ov.Type.f32,
        "torch.float64": ov.Type.f64,
        "torch.float16": ov.Type.f16,
        "torch.int64": ov.Type.i64,
        "torch.int32": ov.Type.i32,
        "torch.uint8": ov.Type.u8,
        "torch.int8": ov.Type.i8,
        "torch.bool": ov.Type.boolean,
    }
    kind = kinds.get(str(tensor.dtype))
    if kind is None:
        raise ModelError(f"an input of type {tensor.dtype} has no place in a blob")
    parameter.set_element_type(kind)
    parameter.set_partial_shape(ov.PartialShape([int(d) for d in tensor.shape]))


def _random_inputs(torch: Any, module: Any, shapes: Shapes) -> Any:
    """Random tensors for ``forward``'s arguments, by name where the shapes have names."""
    if set(shapes) == {""}:
        return (torch.rand(*shapes[""]),)
    if all(name.startswith("#") for name in shapes):
        return tuple(torch.rand(*shapes[name]) for name in sorted(shapes))
    if "" in shapes:
        raise UsageError(
            "one shape has a name, another has none",
            remedy="write --shape NAME=1,3,224,224 for each input",
            key="shape",
        )
    return {name: torch.rand(*shape) for name, shape in shapes.items()}


def _arguments(module: Any, given: Any) -> tuple[list[str], tuple[Any, ...]]:
    """Names and tensors of the positional arguments."""
    torch = require_torch()
    try:
        parameters = list(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        parameters = []
    if isinstance(module, torch.jit.ScriptModule):
        parameters = [a.debugName() for a in module.graph.inputs()][1:]
        parameters = [p.partition(".")[0] for p in parameters]
    if isinstance(given, dict):
        unknown = [key for key in given if key not in parameters]
        if unknown:
            raise UsageError(
                f"forward() has no argument '{unknown[0]}'",
                remedy=f"it has {', '.join(parameters)}" if parameters else "it takes none",
                key="example_input",
            )
        ordered = [p for p in parameters if p in given]
        return ordered, tuple(given[p] for p in ordered)
    tensors = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor):
            raise UsageError(
                f"example_input holds a {type(tensor).__name__}, not a tensor",
                remedy="give tensors only; wrap the module where forward() takes other things",
                key="example_input",
            )
    names = [parameters[i] if i < len(parameters) else f"input_{i}" for i in range(len(tensors))]
    if len(set(names)) != len(names) or (len(tensors) > len(parameters) and parameters):
        names = [f"input_{i}" for i in range(len(tensors))]  # forward(*args)
    return names, tensors


def _names_of(count: int) -> list[str]:
    return ["output"] if count == 1 else [f"output_{i}" for i in range(count)]


def _tensors(torch: Any, arrays: Sequence[np.ndarray], like: Sequence[Any]) -> list[Any]:
    pairs = zip(arrays, like, strict=True)
    return [torch.from_numpy(array.copy()).to(tensor.dtype) for array, tensor in pairs]


def _flatten(result: Any) -> tuple[list[Any], list[str]]:
    """Tensors of a module's result in the order the front end lists them, with names."""
    torch = require_torch()
    if isinstance(result, torch.Tensor):
        return [result], ["output"]
    if isinstance(result, dict):
        return list(result.values()), [str(key) for key in result]
    if not isinstance(result, (tuple, list)):
        raise TypeError(f"forward() gives {type(result).__name__} where a tensor is wanted")
    flat: list[Any] = []
    for item in result:
        flat += _flatten(item)[0]
    return flat, _names_of(len(flat))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
