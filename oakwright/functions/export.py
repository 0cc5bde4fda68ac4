"""A function to ONNX, IR or blob, with what was found on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright import conversion
from oakwright.errors import UsageError
from oakwright.files import write_aside

from .make import function_class, make, options_of
from .onnx_export import to_onnx
from .overflow import made_safe
from .table import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oakwright.conversion import Converted

# An OAK has 512 MB, an FP16 number two bytes.
_LARGEST = 1 << 28


@dataclass(frozen=True)
class Exported:
    """Files written, the main one first, and what there is to say of them, a line each."""

    files: tuple[Path, ...]
    facts: tuple[str, ...]


def convert_function(
    name: str, options: Mapping[str, Any] | None = None, **settings: Any
) -> Converted:
    """A function of the table to a blob: ``oakwright.convert`` of its module.

    ``settings`` are those of ``oakwright.convert``; the input precision is the function's own
    unless it is among them.
    """
    module = make(name, **dict(options or {}))
    settings.setdefault("input_precision", getattr(module, "precision", "U8"))
    return conversion.convert(module, **settings)


def export(
    name: str,
    target: str | Path,
    options: Mapping[str, Any] | None = None,
    *,
    precision: str = "",
    shaves: int = 6,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    opset: int = 12,
    rescale: bool = True,
) -> Exported:
    """Write a function to ``target``: ``.onnx``, ``.xml`` (IR, weights beside it) or ``.blob``.

    ``name``: of the table, or the user's own ``file.py:Class``. ``options`` are the class's.
    ``precision`` of the inputs: the function's own, U8 if it says nothing. ``shapes`` by argument
    name, for classes without sample inputs ("" for the only one). ``rescale``: a function of
    bytes that would leave FP16 is rewritten where it can be (see ``made_safe``).

    Raises UsageError for names and options, ModelError for what cannot be exported or overflows.
    """
    target = Path(target)
    if target.suffix not in (".onnx", ".xml", ".blob"):
        raise UsageError(
            f"{target} is neither .onnx, .xml nor .blob", remedy="say what is to be made", key="out"
        )
    module = make(name, **dict(options or {}))
    _give_samples(module, name, shapes)
    precision = (precision or getattr(module, "precision", "U8")).upper()
    facts = []
    if rescale and precision == "U8":
        module, fact = made_safe(module)
        facts.append(fact)
    if target.suffix == ".onnx":
        made = to_onnx(module, opset=opset)
        by = made.simplified_by or "as PyTorch wrote it: onnxslim is not installed"
        facts.append(f"opset {made.opset}, {made.layers_before} layers, then {made.layers} ({by})")
        facts += made.notes
        return Exported((write_aside(target, made.data),), tuple(facts))
    done = conversion.convert(
        module,
        shaves=shaves,
        input_precision=precision,
        to="ir" if target.suffix == ".xml" else "blob",
    )
    facts += [f"input  {line}" for line in done.manifest["applied"]]
    facts += [f"note   {line}" for line in done.manifest["notes"]]
    agreement = done.manifest["agreement"]
    if agreement:
        facts.append(f"agrees with {agreement['against']} to {agreement['difference']:.1e}")
    if done.blobs:
        facts.append(f"{len(done.blob.stages)} stages, {len(done.blob.data)} bytes")
    return Exported(tuple(done.save(target)), tuple(facts))


def describe(name: str) -> str:
    """What a function is, in text: its line, its docstring and its options with defaults."""
    import inspect

    torch, found = conversion.require_torch(), function_class(name)
    # A module that is made already has no options.
    kind, options = (
        (type(found), {}) if isinstance(found, torch.nn.Module) else (found, options_of(found))
    )
    lines = [f"{name}: {FUNCTIONS[name].line}" if name in FUNCTIONS else name, ""]
    if isinstance(kind, type):
        lines[0] += f", forward({', '.join(_arguments(kind))})" if ":" in name else ""
        # PyTorch's own text on modules is nobody's here.
        kinds = [k for k in kind.__mro__ if k.__module__.partition(".")[0] != "torch"]
        text = next((inspect.cleandoc(k.__doc__) for k in kinds[:-1] if k.__doc__), "")
    else:
        text = inspect.getdoc(kind) or ""
    lines += [text or "It has no docstring.", "", "Options"]
    lines += [
        f"  {key}=" + ("..., needed" if value is inspect.Parameter.empty else str(value))
        for key, value in options.items()
    ] or ["  none"]
    return "\n".join(lines)


def _arguments(kind: Any) -> list[str]:
    """What ``forward`` takes, by name."""
    import inspect

    return list(inspect.signature(kind.forward).parameters)[1:]


def _give_samples(module: Any, name: str, shapes: Mapping[str, tuple[int, ...]] | None) -> None:
    import inspect

    import torch

    if not shapes:
        if getattr(module, "example_input", None) is None:
            raise UsageError(
                f"{name} does not say what shapes it takes",
                remedy="give --shape 1,3,300,300 (or NAME=... for each argument of forward), or"
                " set self.example_input = {'name': torch.ones(1, 3, 300, 300)} in it",
                key="shape",
            )
        return
    parameters = inspect.signature(module.forward).parameters
    arguments = list(parameters)
    if not arguments:
        raise UsageError(f"forward() of {name} takes nothing", key="shape")
    named = {key or arguments[0]: shape for key, shape in shapes.items()}
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    missing = [
        key
        for key, entry in parameters.items()
        if entry.kind in plain and entry.default is entry.empty and key not in named
    ]
    unknown = [key for key in named if key not in arguments]
    if unknown:
        raise UsageError(
            f"forward() of {name} has no argument '{unknown[0]}'",
            remedy=f"it has {', '.join(arguments)}",
            key="shape",
        )
    if missing:
        raise UsageError(
            f"forward() of {name} takes {', '.join(arguments)}, and there is no shape for"
            f" {missing[0]}",
            remedy=" ".join(f"--shape {key}=1,3,300,300" for key in missing),
            key="shape",
        )
    for key, shape in named.items():
        if math.prod(shape) > _LARGEST:
            raise UsageError(
                f"{key} would be {math.prod(shape)} numbers, more than a camera's memory",
                remedy="give a smaller --shape",
                key="shape",
            )
    module.example_input = {key: torch.ones(*shape) for key, shape in named.items()}
