"""oakwright's own options file: the command line's words, in modelconverter's shape.

::

    model: mobilenet.onnx       # beside this file, or a whole path
    form: blob                  # or superblob, archive, ir
    shaves: 6                   # 4,6,8 / 1..16 / all
    range: -1..1                # speaks of every input: shape mean scale range layout color
    color: RGB->BGR             #   reverse_channels ip freeze
    outputs: [scores]
    inputs:                     # speaks of single ones
      extra: {freeze: 1.0}
    head:                       # for an archive: how its output is read
      kind: classification      # or ssd
      classes: [cat, dog]
      output: scores            # left out: the only one of `outputs`
      softmax: true             # ssd: confidence, iou
    stages: ...                 # several models; what stands above holds for each

Also ``name``, ``stamp``, ``verify``, ``timeout``, ``op`` (output precision).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from oakwright.archive import Head, classification_head, ssd_head
from oakwright.conversion import ConvertOptions, InputOptions, parse_shaves
from oakwright.errors import UsageError
from oakwright.tensor import Precision

from .content import Content
from .recipe import FORMS, Recipe, Stage

_INPUT = ("shape", "mean", "scale", "range", "layout", "color", "reverse_channels", "ip", "freeze")
STAGE_KEYS = ("model", "form", "shaves", "outputs", "inputs", "op", "stamp", "verify", "timeout",
              "head", *_INPUT)  # fmt: skip
_HEAD = ("kind", "classes", "output", "softmax", "confidence", "iou")
_NUMBERS = (int, float, list, str)


def read_own(tree: Any) -> Recipe:
    """A recipe of a parsed YAML. Raises UsageError naming the key that is wrong."""
    top = Content.of("", tree).only(["name", "stages", *STAGE_KEYS])
    shared = {key: value for key, value in top.tree.items() if key not in ("name", "stages")}
    name = top.get("name", (str, int, float))
    if not top.has("stages"):
        stem = PurePosixPath(str(shared.get("model") or "")).stem or "model"
        label = str(name) if name is not None else stem
        return Recipe(label, "oakwright", (_stage(label, Content("", shared)),))
    stages = tuple(
        _stage(key, Content(f"stages.{key}", {**shared, **Content.of(key, content).tree}))
        for key, content in top.part("stages").tree.items()
    )
    if not stages:
        raise UsageError("stages is empty", key="stages")
    label = str(name) if name is not None else "-".join(stage.name for stage in stages)
    return Recipe(label, "oakwright", stages)


def _stage(name: str, content: Content) -> Stage:
    content.only(STAGE_KEYS)
    form = content.get("form", str, "blob")
    if form not in FORMS:
        raise UsageError(
            f"{content.at('form')} '{form}' is not known",
            remedy=f"use one of {', '.join(FORMS)}",
            key="form",
        )
    inputs = [_input("", content)]
    for key, tree in content.part("inputs").tree.items():
        inputs.append(_input(key, Content.of(f"{content.at('inputs')}.{key}", tree).only(_INPUT)))
    shaves = content.get("shaves", (int, str, list), "all" if form == "superblob" else 6)
    precision = content.get("op", str)
    options = ConvertOptions(
        inputs=tuple(entry for entry in inputs if entry != InputOptions(entry.name)),
        outputs=content.texts("outputs"),
        shaves=parse_shaves(shaves),
        output_precision=(("", Precision.parse(precision)),) if precision else (),
        stamp=str(content.get("stamp", (str, float), "6.0")),
        to="ir" if form == "ir" else "blob",
        verify=content.get("verify", str, "auto"),
        timeout_s=float(content.get("timeout", (int, float), 120)),
    )
    heads = (_head(content, options.outputs),) if content.has("head") else ()
    return Stage(name, content.get("model", str, ""), options, form, heads=heads)


def _head(content: Content, outputs: tuple[str, ...]) -> Head:
    inner = content.part("head").only(_HEAD)
    kind = inner.get("kind", str, "")
    output = inner.get("output", str, outputs[0] if len(outputs) == 1 else None)
    classes = inner.texts("classes")
    if kind not in ("classification", "ssd") or output is None or not classes:
        raise UsageError(
            f"{content.at('head')} needs kind (classification or ssd), classes and output",
            remedy="for YOLO, `oakwright yolo --archive` describes the head itself",
            key="head",
        )
    if kind == "classification":
        return classification_head(classes, output, is_softmax=inner.get("softmax", bool, False))
    return ssd_head(
        classes,
        output,
        confidence=float(inner.get("confidence", (int, float), 0.5)),
        iou=float(inner.get("iou", (int, float), 0.5)),
    )


def _input(name: str, content: Content) -> InputOptions:
    freeze = content.get("freeze", (int, float, list))
    try:
        return InputOptions.of(
            name,
            shape=content.get("shape", (list, str)),
            mean=content.get("mean", _NUMBERS),
            scale=content.get("scale", _NUMBERS),
            range=content.get("range", str),
            layout=content.get("layout", str),
            color=content.get("color", (str, list)),
            reverse_channels=content.get("reverse_channels", bool, False),
            precision=content.get("ip", str),
            freeze=freeze if name else None,
        )
    except (TypeError, ValueError, IndexError) as error:
        raise UsageError(
            f"{content.place or 'the file'}: a value is not of its kind ({error})", key=name
        ) from error
