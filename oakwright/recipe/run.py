"""Carry a recipe out: each stage converted, its result written in the form asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from oakwright.archive import (
    ArchiveConfig,
    ArchiveInput,
    ArchiveOutput,
    Head,
    Preprocessing,
    default_layout,
    is_archive,
    make_superblob,
    write_archive,
)
from oakwright.conversion import Converted, ConvertOptions, convert, parse_shaves, read_model
from oakwright.errors import UsageError
from oakwright.files import write_aside
from oakwright.tensor import Precision

from .modelconverter import finish
from .recipe import FORMS, Recipe, Stage

_DTYPES = {
    Precision.U8: "uint8",
    Precision.I8: "int8",
    Precision.FP16: "float16",
    Precision.FP32: "float32",
    Precision.I32: "int32",
}


@dataclass(frozen=True)
class Made:
    """A stage's result: ``notes`` say what was applied unasked."""

    stage: Stage
    form: str
    converted: Converted
    notes: tuple[str, ...]


def run_recipe(
    recipe: Recipe, base: str | Path, *, form: str | None = None, cache: bool = True
) -> Iterator[Made]:
    """Convert the stages one by one; paths in the recipe start at ``base``.

    ``form`` stands in place of what the recipe says: blob, superblob, archive or ir. Raises
    UsageError for what a recipe says wrongly, and what ``convert`` raises.
    """
    for stage in recipe.stages:
        yield _run(stage, Path(base), form, cache)


def _run(stage: Stage, base: Path, form: str | None, cache: bool) -> Made:
    chosen = form or stage.form
    if chosen not in FORMS:
        raise UsageError(
            f"form '{chosen}' is not known", remedy=f"use one of {', '.join(FORMS)}", key="form"
        )
    path = _path(stage, base)
    options, notes = stage.options, list(stage.notes)
    if stage.wanted is not None:
        shapes = tuple(entry for wanted in stage.wanted if (entry := _shape_of(wanted)) is not None)
        reading = read_model(path, options=ConvertOptions(inputs=shapes))
        inputs = _inputs_of(reading.model)
        options, applied = finish(stage, inputs, is_ir=reading.kind == "ir")
        notes += applied
    options = with_form(options, chosen, said=form is not None)
    converted = replace(convert(path, options=options, cache=cache), name=stage.name)
    return Made(stage, chosen, converted, tuple(notes))


def with_form(options: ConvertOptions, form: str, *, said: bool) -> ConvertOptions:
    """Options that make what a form needs; ``said``: the form is not the recipe's own."""
    if form == "ir":
        return replace(options, to="ir")
    if form == "superblob":
        return replace(options, to="blob", shaves=parse_shaves("all"))
    if said and form == "blob" and len(options.shaves) == 16:  # one blob of a superblob
        return replace(options, to="blob", shaves=(8,))
    return replace(options, to="blob")


def _path(stage: Stage, base: Path) -> Path:
    if not stage.model:
        raise UsageError(
            f"stage {stage.name} names no model",
            remedy="say it with --set input_model=FILE (--set model=FILE in our own shape)",
            key="input_model",
        )
    if "://" in stage.model:
        raise UsageError(
            f"{stage.model}: oakwright downloads nothing by itself",
            remedy="fetch the file and say --set input_model=FILE",
            key="input_model",
        )
    path = Path(stage.model).expanduser()
    path = path if path.is_absolute() else base / path
    return path.with_suffix(".xml") if path.suffix.lower() == ".bin" else path


def _shape_of(wanted: Any) -> Any:
    from oakwright.conversion import InputOptions

    return InputOptions(wanted.name, shape=wanted.shape) if wanted.shape else None


def _inputs_of(model: Any) -> list[tuple[str, tuple[int, ...]]]:
    from oakwright.ir import port_names

    names = port_names(model).inputs
    return [
        (name, tuple(int(d) for d in port.shape))
        for name, port in zip(names, model.inputs, strict=True)
    ]


def save_made(made: Made, folder: str | Path, *, keep_ir: bool = False) -> list[Path]:
    """Write a stage's result into a folder; gives the paths, the main one first."""
    place = Path(folder)
    if made.form == "archive":
        return [archive_of(made.converted, place / made.converted.name, heads=made.stage.heads)]
    if made.form == "superblob":
        return [superblob_of(made.converted, place / f"{made.converted.name}.superblob")]
    return made.converted.save(place, keep_ir=keep_ir)


def superblob_of(converted: Converted, path: str | Path) -> Path:
    """Write the blobs for 1 to 16 shaves as a superblob."""
    return write_aside(path, make_superblob(converted.blobs))


def archive_of(converted: Converted, path: str | Path, *, heads: Sequence[Head] = ()) -> Path:
    """Write an NN Archive of the blob (or superblob, of 16) with a description of its ends.

    ``path`` gets ``.rvc2.tar.xz`` where it has no archive's suffix. Raises UsageError for blobs
    of several, but not all, shave counts.
    """
    from oakwright.blob import Blob

    blobs = converted.blobs
    if len(blobs) not in (1, 16):
        raise UsageError(
            f"an archive holds one blob or a superblob; there are {len(blobs)} blobs",
            remedy="give one number of shaves, or --shaves all",
            key="shaves",
        )
    is_super = len(blobs) == 16
    data = make_superblob(blobs) if is_super else next(iter(blobs.values()))
    file = f"{converted.name}.{'superblob' if is_super else 'blob'}"
    blob = Blob.from_bytes(next(iter(blobs.values())))
    facts = {entry["name"]: entry for entry in converted.manifest["inputs"]}
    outputs = [entry.name for entry in blob.outputs]
    for head in heads:
        unknown = sorted(set(head.outputs or ()) - set(outputs))
        if unknown:
            raise UsageError(
                f"the head {head.parser} reads {', '.join(unknown)}, which the model does not give",
                remedy=f"its outputs are {', '.join(outputs)}",
                key="head",
            )
    config = ArchiveConfig(
        name=converted.name,
        path=file,
        inputs=tuple(_archive_input(entry.spec, facts.get(entry.name)) for entry in blob.inputs),
        outputs=tuple(
            ArchiveOutput(
                entry.name,
                _DTYPES[entry.spec.precision],
                tuple(entry.spec.shape),
                default_layout(entry.spec.shape),
            )
            for entry in blob.outputs
        ),
        heads=tuple(heads),
        precision="float16",
    )
    target = Path(path)
    if not is_archive(target):
        target = target.with_name(f"{target.name}.rvc2.tar.xz")
    return write_archive(target, config, {file: data})


def _archive_input(spec: Any, facts: Any) -> ArchiveInput:
    shape = tuple(spec.shape)
    layout = (facts or {}).get("layout") or default_layout(shape)
    channels = shape[layout.index("C")] if "C" in layout and len(shape) == 4 else 0
    dtype = _DTYPES[spec.precision]
    if channels not in (1, 3) or dtype not in ("uint8", "float16"):
        return ArchiveInput(spec.name, dtype, "raw", shape, layout)
    frames = (facts or {}).get("color") or ["", "BGR"]
    order = "GRAY" if channels == 1 else frames[1]
    depth = "8" if channels == 1 else "888"
    if dtype == "float16":
        depth = "F16" if channels == 1 else "F16F16F16"
    ending = "" if channels == 1 else ("i" if layout == "NHWC" else "p")
    said = Preprocessing(
        mean=(0.0,) * channels,  # done inside the blob
        scale=(1.0,) * channels,
        reverse_channels=order == "RGB",
        interleaved_to_planar=layout == "NHWC",
        dai_type=f"{order}{depth}{ending}",
    )
    return ArchiveInput(spec.name, dtype, "image", shape, layout, said)
