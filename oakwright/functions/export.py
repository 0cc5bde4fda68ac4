"""A function to ONNX, IR or blob, with what was found on the way."""

from __future__ import annotations

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
        return Exported((write_aside(target, made.data),), tuple(facts))
    done = conversion.convert(
        module,
        shaves=shaves,
        input_precision=precision,
        to="ir" if target.suffix == ".xml" else "blob",
    )
    agreement = done.manifest["agreement"]
    if agreement:
        facts.append(f"agrees with {agreement['against']} to {agreement['difference']:.1e}")
    if done.blobs:
        facts.append(f"{len(done.blob.stages)} stages, {len(done.blob.data)} bytes")
    return Exported(tuple(done.save(target)), tuple(facts))


def describe(name: str) -> str:
    """What a function is, in text: its line, its docstring and its options with defaults."""
    import inspect

    kind = function_class(name)
    own = kind if isinstance(kind, type) or callable(kind) else type(kind)
    lines = [f"{name}: {FUNCTIONS[name].line}" if name in FUNCTIONS else name, ""]
    lines += [inspect.getdoc(own) or "It has no docstring.", "", "Options"]
    options = options_of(own)
    lines += [
        f"  {key}=" + ("..." if value is inspect.Parameter.empty else str(value))
        for key, value in options.items()
    ] or ["  none"]
    return "\n".join(lines)


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
    arguments = list(inspect.signature(module.forward).parameters)
    named = {key or arguments[0]: shape for key, shape in shapes.items()}
    unknown = [key for key in named if key not in arguments]
    if unknown:
        raise UsageError(
            f"forward() of {name} has no argument '{unknown[0]}'",
            remedy=f"it has {', '.join(arguments)}",
            key="shape",
        )
    module.example_input = {key: torch.ones(*shape) for key, shape in named.items()}
