"""An IR that is already v10, compiled byte for byte as it is: what Compile Tool does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from oakwright.errors import UnreadableModel, UsageError
from oakwright.tensor import Precision

from .options import DEFAULT_SHAVES, parse_shaves

if TYPE_CHECKING:
    from oakwright.compiler import CompileOptions

    from .arguments import CompileArguments


def compile_ir_file(
    xml: str | Path,
    *,
    shaves: int | str | Sequence[int] = DEFAULT_SHAVES,
    input_precision: str | Mapping[str, str | Precision] | None = None,
    output_precision: str | Mapping[str, str | Precision] | None = None,
    input_layout: Mapping[str, str] | None = None,
    output_layout: Mapping[str, str] | None = None,
    options: CompileOptions | None = None,
) -> dict[int, bytes]:
    """Compile an IR that is already v10 of opset 1..7, byte for byte as it is.

    What Compile Tool does: nothing is legalised, nothing verified. Gives blobs by shaves.
    """
    from oakwright.compiler import CompileOptions, compile_many

    path = Path(xml)
    weights = path.with_suffix(".bin")
    if not path.is_file() or not weights.is_file():
        missing = weights if path.is_file() else path
        raise UnreadableModel(
            f"there is no file {missing}",
            remedy="an IR is an .xml and a .bin of the same name",
            path=str(missing),
        )
    text = path.read_bytes()
    names_in, names_out = _io_names(text, path)
    for table in (input_precision, output_precision, input_layout, output_layout):
        asked = table if isinstance(table, Mapping) else {}
        unknown = [name for name in asked if name and name not in (*names_in, *names_out)]
        if unknown:
            raise UsageError(
                f"{path} has no input or output '{unknown[0]}'",
                remedy=f"inputs: {', '.join(names_in)}; outputs: {', '.join(names_out)}",
            )
    base = options or CompileOptions()
    base = replace(
        base,
        input_precisions=_spread(input_precision, names_in) or base.input_precisions,
        output_precisions=_spread(output_precision, names_out) or base.output_precisions,
        input_layouts=_every(input_layout, names_in) or base.input_layouts,
        output_layouts=_every(output_layout, names_out) or base.output_layouts,
    )
    counts = parse_shaves(shaves)
    blobs = compile_many(text, weights.read_bytes(), [replace(base, shaves=n) for n in counts])
    return dict(zip(counts, blobs, strict=True))


def compile_as_asked(asked: CompileArguments) -> bytes:
    """Compile what Compile Tool's flags ask for; gives the blob's bytes."""
    from oakwright.compiler import CompileOptions

    shaves = asked.shaves or 4
    blobs = compile_ir_file(
        asked.model,
        shaves=shaves,
        input_precision=dict(asked.input_precisions),
        output_precision=dict(asked.output_precisions),
        input_layout=asked.input_layouts,
        output_layout=asked.output_layouts,
        options=CompileOptions(cmx_slices=asked.cmx_slices, config=asked.config)
        if asked.cmx_slices is None
        else CompileOptions(shaves, cmx_slices=asked.cmx_slices, config=asked.config),
    )
    return blobs[shaves]


def _io_names(xml: bytes, path: Path) -> tuple[list[str], list[str]]:
    """Names of an IR's inputs and of the layers its results come from."""
    try:
        root = ElementTree.fromstring(xml)
        if root.get("version", "10") != "10":
            raise UnreadableModel(
                f"{path} is an IR of version {root.get('version')}; the engine takes 10",
                remedy=f"use `oakwright convert {path}`, which brings it down",
                path=str(path),
            )
        layers = {layer.get("id"): layer for layer in root.iter("layer")}
        inputs = [
            str(layer.get("name")) for layer in layers.values() if layer.get("type") == "Parameter"
        ]
        results = {i for i, layer in layers.items() if layer.get("type") == "Result"}
        edges = [edge for edge in root.iter("edge") if edge.get("to-layer") in results]
        outputs = [str(layers[edge.get("from-layer")].get("name")) for edge in edges]
    except (ElementTree.ParseError, KeyError) as error:
        raise UnreadableModel(f"{path} is no OpenVINO IR: {error}", path=str(path)) from error
    return inputs, outputs


def _spread(
    value: str | Mapping[str, str | Precision] | None, names: Sequence[str]
) -> dict[str, Precision] | None:
    """Precisions by name; a bare one, or the name "", speaks of every name."""
    if value is None:
        return None
    table = {"": value} if isinstance(value, str) else value
    wanted = {
        name: kind if isinstance(kind, Precision) else Precision.parse(kind)
        for name, kind in table.items()
    }
    every = wanted.pop("", None)
    if every:
        wanted = {**dict.fromkeys(names, every), **wanted}
    return {name: kind for name, kind in wanted.items() if name in names}


def _every(table: Mapping[str, str] | None, names: Sequence[str]) -> dict[str, str]:
    wanted = dict(table or {})
    every = wanted.pop("", None)
    known = {name: text for name, text in wanted.items() if name in names}
    return {**dict.fromkeys(names, every), **known} if every else known
