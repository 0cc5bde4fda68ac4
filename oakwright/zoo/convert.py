"""A zoo's model to a blob, by its manifest, from files that are here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from oakwright.conversion import Converted, ConvertOptions, convert, from_arguments
from oakwright.errors import UnreadableModel, UsageError
from oakwright.files import write_aside

from .download import require_precision
from .manifest import ZooModel
from .shelf import Shelf

# How Model Optimizer is told which model; what stands there is found, not passed on.
_MODEL_FLAGS = ("--input_model", "--saved_model_dir", "--input_meta_graph")
_SUFFIXES = (".xml", ".onnx", ".tflite", ".pb", ".caffemodel", ".pdmodel")


def convert_model(
    shelf: Shelf,
    model: ZooModel,
    *,
    precision: str = "FP16",
    shaves: int = 6,
    input_precision: str = "U8",
    cache: bool = True,
) -> Converted:
    """Convert a model whose files are here; nothing is downloaded.

    ``input_precision``: of every input, U8 as the zoos' own tools have it. Raises UnreadableModel
    with what is missing, UsageError for arguments that have no counterpart here.
    """
    require_precision(model, precision)
    missing = [f.name for f in model.files_for(precision) if shelf.locate(model, f) is None]
    path = _model_path(shelf, model, precision)
    if path is None or (missing and model.framework != "pytorch"):
        raise _absent(shelf, model, missing)
    options = plan_arguments(model, shaves=shaves, input_precision=input_precision)
    return replace(convert(path, options=options, cache=cache), name=model.name)


def plan_arguments(
    model: ZooModel, *, shaves: int = 6, input_precision: str = "U8"
) -> ConvertOptions:
    """The options that a manifest's Model Optimizer arguments mean.

    Raises UsageError for an argument that has no counterpart here.
    """
    arguments = [argument for argument in model.arguments if not _names_model(argument)]
    left = [argument for argument in arguments if "$" in argument]
    if left:
        raise UsageError(
            f"{model.name} is converted with {' '.join(left)}, which has no counterpart here",
            remedy="for YOLO detectors use `oakwright yolo` on the file; else convert the file"
            " itself with `oakwright convert`",
            key="model_optimizer_args",
        )
    return from_arguments(arguments, [f"-ip {input_precision}"], shaves=shaves)[0]


def _names_model(argument: str) -> bool:
    return argument.partition("=")[0] in _MODEL_FLAGS


def _model_path(shelf: Shelf, model: ZooModel, precision: str) -> Path | None:
    """The file or folder that is converted: the arguments say it, else the files do."""
    for argument in model.arguments:
        if _names_model(argument):
            name = argument.partition("=")[2]
            for variable in ("$dl_dir/", "$conv_dir/", "$config_dir/"):
                name = name.replace(variable, "")
            if name.startswith("/") or ".." in Path(name).parts or "$" in name:
                return None
            return next((p for p in shelf.places(model, name) if p.exists()), None)
    for file in model.files_for(precision):
        if Path(file.name).suffix in _SUFFIXES:
            found = shelf.locate(model, file)
            return _with_weights(shelf, model, found) if found else None
    return None


def _with_weights(shelf: Shelf, model: ZooModel, xml: Path) -> Path:
    """An IR whose two files lie in one folder; the zoo's clone has only the .xml beside it."""
    if xml.suffix != ".xml" or xml.with_suffix(".bin").is_file():
        return xml
    for file in model.files:
        if file.name.endswith(f"/{xml.stem}.bin"):
            weights = shelf.locate(model, file)
            if weights is not None:
                joined = weights.with_suffix(".xml")
                if not joined.exists():
                    write_aside(joined, xml.read_bytes())
                return joined
    return xml


def _absent(shelf: Shelf, model: ZooModel, missing: list[str]) -> UnreadableModel:
    if model.framework == "pytorch":
        made = [a.partition("=")[2] for a in model.arguments if _names_model(a)]
        name = Path(made[0]).name if made else f"{model.name}.onnx"
        return UnreadableModel(
            f"{model.name} is PyTorch code, which oakwright does not run",
            remedy=f"export it with the zoo's own tools and put {name} into"
            f" {shelf.cache / model.name}",
            path=str(model.folder),
        )
    return UnreadableModel(
        f"{model.name} is not here: {', '.join(missing) or 'its model file'} missing",
        remedy=f"`oakwright zoo download {model.name}` fetches it, or put the files into"
        f" {shelf.cache / model.name}",
        path=str(model.folder),
    )
