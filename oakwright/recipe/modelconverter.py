"""modelconverter's YAML, whole: its keys, its implicit defaults, what of it concerns the Myriad X.

Defaults of theirs that are applied here and said: frames are BGR and the model is taken for RGB;
every input is U8; a superblob is made of blobs for 1 to 16 shaves; weights are FP16; an IR is
compiled as it is. Keys that speak of other chips, calibration, uploads or their ONNX passes are
checked for their name and named in a note. Where oakwright differs stands in
docs/tasks/move-from-modelconverter.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from oakwright.archive import default_layout
from oakwright.conversion import (
    ConvertOptions,
    InputOptions,
    channel_values,
    from_arguments,
    parse_shaves,
)
from oakwright.errors import UsageError
from oakwright.tensor import Precision

from .content import Content
from .recipe import Recipe, Stage, WantedInput

ENCODINGS = ("RGB", "BGR", "GRAY", "NONE")
_DEFAULT_ENCODING = ("RGB", "BGR")
_INPUT = {
    "name", "shape", "layout", "data_type", "mean_values", "scale_values", "encoding",
    "calibration", "frozen_value", "freeze_value",
}  # fmt: skip
_OUTPUT = {"name", "shape", "layout", "data_type"}
_CALIBRATION = {"path", "max_images", "resize_method", "stage", "output", "script", "min_value",
                "max_value", "mean", "std", "data_type"}  # fmt: skip
_RVC2 = {"number_of_shaves", "superblob", "mo_args", "compile_tool_args", "compress_to_fp16",
         "n_workers", "disable_calibration"}  # fmt: skip
_OTHER_CHIPS = ("hailo", "rvc3", "rvc4")
_PASSES = {"onnx_simplification", "onnx_optimizations", "disable_onnx_simplification",
           "disable_onnx_optimizations"}  # fmt: skip
_UPLOADS = {"output_remote_url", "intermediate_outputs_remote_url", "put_file_plugin"}
_GENERAL = {"mean_values", "scale_values", "encoding", "data_type", "shape", "layout"}
STAGE_KEYS = sorted(
    {"input_model", "input_bin", "inputs", "outputs", "calibration", "keep_intermediate_outputs",
     "disable_calibration", "yolo_input_shape", "rvc2", *_OTHER_CHIPS, *_PASSES, *_UPLOADS,
     *_GENERAL}
)  # fmt: skip
_TOP = {"name", "stages", "rich_logging"}


def read_modelconverter(tree: Any) -> Recipe:
    """A recipe of a parsed YAML. Raises UsageError naming the key that is wrong."""
    top = Content.of("", tree).only([*sorted(_TOP), *STAGE_KEYS])
    name = top.get("name", (str, int, float))
    if not top.has("stages"):
        own = {key: value for key, value in top.tree.items() if key not in _TOP}
        model = str(own.get("input_model") or "")
        name = str(name) if name is not None else PurePosixPath(model).stem or "model"
        return Recipe(name, "modelconverter", (_stage(name, Content("", own)),))
    shared = {key: value for key, value in top.tree.items() if key not in _TOP}
    stages = []
    for key, content in top.part("stages").tree.items():
        inner = Content.of(f"stages.{key}", content)
        stages.append(_stage(key, Content(inner.place, {**shared, **inner.tree})))
    if not stages:
        raise UsageError("stages is empty", key="stages")
    joined = "-".join(stage.name for stage in stages)
    return Recipe(str(name) if name is not None else joined, "modelconverter", tuple(stages))


def _stage(name: str, content: Content) -> Stage:
    content.only(STAGE_KEYS)
    chip = content.part("rvc2").only(sorted(_RVC2))
    superblob = chip.get("superblob", bool, True)
    shaves = chip.get("number_of_shaves", int, 8)
    options, ignored = from_arguments(
        chip.texts("mo_args"), chip.texts("compile_tool_args"), shaves=shaves
    )
    notes = [f"{flag} changes nothing here" for flag in ignored]
    if superblob:
        options = replace(options, shaves=parse_shaves("all"))
        said = "as the file says" if chip.has("superblob") else "modelconverter's default"
        notes.append(f"a superblob of 1 to 16 shaves ({said})")
    else:
        notes.append(f"{shaves} shaves" + ("" if chip.has("number_of_shaves") else " (default)"))
    if not any(entry.precision for entry in options.inputs):
        notes.append("inputs are U8 (modelconverter's default: -ip U8)")
    if not chip.get("compress_to_fp16", bool, True):
        options = replace(options, compress_to_fp16=False)
    outputs = tuple(_name_of(entry.only(sorted(_OUTPUT))) for entry in content.parts("outputs"))
    if outputs and not options.outputs:
        options = replace(options, outputs=outputs)
    wanted = [_wanted("", content)]
    for entry in content.parts("inputs"):
        entry.only(sorted(_INPUT))
        _name_of(entry)
        wanted.append(_wanted(_name_of(entry), entry))
    _check_unused(content, notes)
    return Stage(
        name=name,
        model=str(content.get("input_model", str, "")),
        options=options,
        form="superblob" if superblob else "blob",
        wanted=tuple(wanted),
        notes=tuple(notes),
    )


def _check_unused(content: Content, notes: list[str]) -> None:
    for entry in (content, *content.parts("inputs")):
        calibration = entry.tree.get("calibration")
        if isinstance(calibration, dict):
            Content.of(entry.at("calibration"), calibration).only(sorted(_CALIBRATION))
        elif calibration not in (None, "random"):
            raise UsageError(
                f"{entry.at('calibration')} is neither a mapping nor 'random'",
                key=entry.at("calibration"),
            )
    if any(entry.has("calibration") for entry in (content, *content.parts("inputs"))):
        notes.append("calibration is left out: nothing is quantised for the Myriad X")
    for chip in _OTHER_CHIPS:
        if content.has(chip):
            content.part(chip)
            notes.append(f"{chip} is left out: another chip")
    if any(content.tree.get(key) not in (None, False) for key in _PASSES):
        notes.append("ONNX simplification is left out: oakwright's own passes do it, checked")
    if any(content.has(key) for key in _UPLOADS):
        notes.append("nothing is uploaded")
    if content.has("yolo_input_shape"):
        notes.append("yolo_input_shape is for pickled models, which oakwright never loads")


def _name_of(entry: Content) -> str:
    name = entry.get("name", (str, int))
    if name is None:
        raise UsageError(f"{entry.place} has no name", key=entry.place)
    return str(name)


def _wanted(name: str, entry: Content) -> WantedInput:
    values = {}
    for key in ("mean", "scale"):
        told = entry.get(f"{key}_values", (int, float, list, str))
        if told is not None:
            try:
                values[key] = channel_values(told, key)
            except (TypeError, ValueError):
                raise UsageError(
                    f"{entry.at(f'{key}_values')} is no number, list of numbers or 'imagenet'",
                    key=entry.at(f"{key}_values"),
                ) from None
    frozen = entry.tree.get("frozen_value", entry.tree.get("freeze_value"))
    freeze = None
    if frozen is not None:
        numbers = frozen if isinstance(frozen, list) else [frozen]
        try:
            freeze = tuple(float(n) for n in numbers)
        except (TypeError, ValueError):
            raise UsageError(
                f"{entry.at('frozen_value')} is no number or list of numbers",
                key=entry.at("frozen_value"),
            ) from None
    shape = entry.shape("shape")
    layout = entry.get("layout", str)
    if shape and layout and len(shape) != len(layout):
        raise UsageError(
            f"{entry.at('layout')} '{layout}' does not name the {len(shape)} axes of the shape",
            key=entry.at("layout"),
        )
    return WantedInput(
        name=name,
        shape=(1, *shape[1:]) if shape and shape[0] == 0 else shape,
        layout=layout.upper() if layout else None,
        encoding=_encoding(entry),
        freeze=freeze,
        **values,
    )


def _encoding(entry: Content) -> tuple[str, str] | None:
    told = entry.get("encoding", (str, dict))
    if not told:
        return None
    if isinstance(told, str):
        pair = (told, told)
    else:
        inner = entry.part("encoding").only(["from", "to"])
        pair = (inner.get("from", str, "RGB"), inner.get("to", str, "BGR"))
        if "GRAY" in pair:
            pair = ("GRAY", "GRAY")
    if any(word not in ENCODINGS for word in pair):
        raise UsageError(
            f"{entry.at('encoding')} {'->'.join(pair)} is not made of {', '.join(ENCODINGS)}",
            key=entry.at("encoding"),
        )
    return pair


# -- with the model at hand


def finish(
    stage: Stage, inputs: Sequence[tuple[str, tuple[int, ...]]], *, is_ir: bool
) -> tuple[ConvertOptions, list[str]]:
    """The stage's options for a model's inputs (name, shape), and what was applied unasked.

    Raises UsageError where the file names an input that the model does not have.
    """
    wanted = {entry.name: entry for entry in stage.wanted or ()}
    unknown = sorted(set(wanted) - {"", *(name for name, _ in inputs)})
    if unknown:
        raise UsageError(
            f"the model has no input '{unknown[0]}'",
            remedy=f"its inputs are {', '.join(name for name, _ in inputs)}; tensors inside the"
            " model cannot be inputs here",
            key="inputs",
        )
    general = wanted.get("", WantedInput())
    entries, notes = [], []
    for name, shape in inputs:
        own = wanted.get(name, WantedInput(name))
        entry, said = _input(name, shape, own, general, is_ir=is_ir)
        asked = stage.options.for_input(name)
        entries.append(entry.overlaid(replace(asked, name=name)))
        notes += [f"{name}: {note}" for note in said]
    return replace(stage.options, inputs=tuple(entries)), notes


def _input(
    name: str,
    shape: tuple[int, ...],
    own: WantedInput,
    general: WantedInput,
    *,
    is_ir: bool,
) -> tuple[InputOptions, list[str]]:
    if own.freeze is not None:
        return InputOptions(name, freeze=own.freeze), []
    notes: list[str] = []
    told = own.shape or general.shape
    shape = told or shape
    layout = own.layout or (general.layout if not own.shape else None) or default_layout(shape)
    if len(layout) != len(shape):
        raise UsageError(f"layout {layout} does not fit {name}'s shape {list(shape)}", key="layout")
    channels = shape[layout.index("C")] if "C" in layout and len(shape) > 2 else None
    encoding = own.encoding or general.encoding
    made = InputOptions(name, shape=told, precision=Precision.U8)
    mean, scale = own.mean or general.mean, own.scale or general.scale
    if is_ir:
        if mean or scale or encoding:
            notes.append(
                "an IR is compiled as it is, as modelconverter does: mean, scale and encoding of"
                " the file are NOT applied; give them to `oakwright convert MODEL.xml` if they are"
                " not in the IR already"
            )
        return made, notes
    if encoding is None:
        encoding = _DEFAULT_ENCODING
        if channels == 3:
            notes.append("encoding RGB -> BGR (modelconverter's default)")
    if channels == 1 and encoding != ("NONE", "NONE"):
        encoding = ("GRAY", "GRAY")
    if encoding == ("NONE", "NONE"):
        if mean or scale:
            notes.append("encoding NONE: mean and scale are not applied")
        return made, notes
    if channels is None:
        mean = scale = None  # no picture: neither colours nor statistics of colours
    if encoding == ("GRAY", "GRAY"):
        mean, scale = _one(mean), _one(scale)
    if mean and not any(mean):
        mean = None
    if scale and all(n == 1 for n in scale):
        scale = None
    is_reversed = encoding[0] != encoding[1] and channels == 3
    axes = (layout, layout.replace("NHWC", "NCHW").replace("HWC", "CHW"))
    needs_axes = mean or scale or is_reversed or axes[0] != axes[1]
    return replace(
        made,
        mean=mean,
        scale=scale,
        color=(encoding[0], encoding[1]) if channels == 3 and "NONE" not in encoding else None,
        layout=axes if needs_axes and set(layout) <= set("NCDHW") else None,
    ), notes


def _one(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return values[:1] if values and len(set(values)) == 1 else values
