"""Open a recipe, whatever it is: modelconverter's YAML, our own, or an NN Archive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oakwright.archive import Archive, ArchiveInput
from oakwright.conversion import ConvertOptions, parse_shaves
from oakwright.errors import UnreadableModel, UsageError

from .content import override, read_yaml
from .modelconverter import read_modelconverter
from .own import read_own
from .recipe import Recipe, Stage, WantedInput

_COMPILED = (".blob", ".superblob", ".dlc", ".hef", ".har")


def read_recipe(path: str | Path, changes: Iterable[tuple[str, str]] = ()) -> Recipe:
    """Read a YAML recipe, with dotted ``changes`` (key, YAML text) put over it.

    A file that says ``input_model`` is modelconverter's, one that says ``model`` is ours. Raises
    UnreadableModel for a file that is no YAML, UsageError naming a key that is wrong.
    """
    return parse_recipe(read_yaml(path), changes)


def parse_recipe(tree: Any, changes: Iterable[tuple[str, str]] = ()) -> Recipe:
    """As :func:`read_recipe`, of content that was parsed already."""
    if not isinstance(tree, dict):
        raise UsageError("a recipe is a mapping", remedy="it says at least model: FILE")
    override(tree, changes)
    try:
        return read_own(tree) if _is_own(tree) else read_modelconverter(tree)
    except RecursionError as error:
        raise UsageError("the recipe contains itself", key="") from error


def _is_own(tree: dict[str, Any]) -> bool:
    stages = tree.get("stages")
    parts = [tree, *(stages.values() if isinstance(stages, dict) else ())]
    return any(isinstance(part, dict) and "model" in part for part in parts)


def archive_recipe(archive: Archive, *, where: str = "the archive") -> Recipe:
    """What an NN Archive asks for: its model, by its inputs' preprocessing, with its heads.

    Raises UnreadableModel where the model inside is compiled already.
    """
    config = archive.config
    if config.path.lower().endswith(_COMPILED):
        raise UnreadableModel(
            f"{where} holds {config.path}: it is compiled already",
            remedy="use it with DepthAI 3 as it is; its source model would convert",
            path=where,
        )
    notes: list[str] = []
    for head in config.heads:
        if head.metadata.get("postprocessor_path"):
            raise UnreadableModel(
                f"{where} has a second model for its outputs"
                f" ({head.metadata['postprocessor_path']})",
                remedy="unpack it and write a recipe with two stages",
                path=where,
            )
    wanted = tuple(_wanted(entry, notes) for entry in config.inputs)
    names = {output for head in config.heads for output in head.outputs or ()}
    outputs = tuple(output.name for output in config.outputs)
    unknown = sorted(names - set(outputs))
    if unknown:
        notes.append(f"heads read {', '.join(unknown)}, which are no outputs")
    options = ConvertOptions(outputs=outputs, shaves=parse_shaves("all"))
    stage = Stage(
        config.name, config.path, options, "superblob", wanted, config.heads, tuple(notes)
    )
    return Recipe(config.name, "archive", (stage,))


def _wanted(entry: ArchiveInput, notes: list[str]) -> WantedInput:
    said = entry.preprocessing
    if entry.kind == "raw":
        return WantedInput(
            entry.name, entry.shape, entry.layout, said.mean, said.scale, ("NONE", "NONE")
        )
    layout, frames = entry.layout, said.dai_type
    if frames:
        order = next((word for word in ("RGB", "BGR", "GRAY") if frames.startswith(word)), None)
        if order is None:
            notes.append(f"{entry.name}: dai_type {frames} is not known, RGB888p is taken")
        order = order or "RGB"
        is_interleaved = frames.endswith("i")
    else:
        order = "BGR" if said.reverse_channels is False else "RGB"
        if said.reverse_channels is None:
            notes.append(f"{entry.name}: no dai_type, the model is taken for RGB")
        is_interleaved = bool(said.interleaved_to_planar)
    if (frames or said.interleaved_to_planar is not None) and len(entry.shape) == 4:
        layout = "NHWC" if is_interleaved else "NCHW"
    encoding = ("GRAY", "GRAY") if order == "GRAY" else (order, "BGR")
    return WantedInput(entry.name, entry.shape, layout, said.mean, said.scale, encoding)
