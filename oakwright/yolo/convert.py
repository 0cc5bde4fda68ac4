"""A YOLO export to what a YoloDetectionNetwork decodes: the story.

read → find the heads → recognise the rule by the model's own decoding → new outputs → convert →
decoder settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright.archive import Head, yolo_head
from oakwright.conversion import (
    Converted,
    ConvertOptions,
    InputOptions,
    convert,
    read_model,
)
from oakwright.decode import Rule
from oakwright.errors import UnsupportedModel, UsageError

from .layout import COMMON_NAME, FAMILIES, TOLERANCE, Detector, Scale
from .settings import decoder_settings, labels_of

if TYPE_CHECKING:
    import openvino as ov

# What all published YOLO detectors but YOLOX are trained on; a ColorCamera sends BGR.
_TRAINED_ON = {"scale": (255.0,), "color": ("RGB", "BGR")}
_YOLOX = {"color": ("BGR", "BGR")}


@dataclass(frozen=True)
class YoloModel:
    """A detector ready for the camera: ``converted``, decoder ``settings``, ``detector``, labels.

    ``facts``: lines for people, everything that was found and assumed.
    """

    converted: Converted
    detector: Detector
    family: str
    settings: Mapping[str, Any]
    labels: tuple[str, ...]
    facts: tuple[str, ...]

    @property
    def output_names(self) -> list[str]:
        """Names of the blob's outputs, the finest grid's first."""
        word = FAMILIES[self.family].output
        return [f"output{i + 1}_{word}" for i in range(len(self.detector.scales))]

    def head(self) -> Head:
        """The description of the outputs for an NN Archive."""
        facts = self.settings["nn_config"]["NN_specific_metadata"]
        detector = self.detector
        return yolo_head(
            self.settings["mappings"]["labels"],
            self.output_names,
            subtype=FAMILIES[self.family].output,
            strides=[detector.picture[0] // scale.columns for scale in detector.scales],
            anchors=detector.anchors or None,
            confidence=facts["confidence_threshold"],
            iou=facts["iou_threshold"],
        )


def convert_yolo(
    source: Any,
    *,
    family: str | None = None,
    anchors: Sequence[float] = (),
    labels: Sequence[str] = (),
    confidence: float = 0.5,
    iou: float = 0.5,
    options: ConvertOptions | None = None,
    cache: bool = True,
) -> YoloModel:
    """Convert a YOLO detection export (ONNX, IR, TorchScript, ...) for a YoloDetectionNetwork.

    ``family``: recognised by default; one of ``FAMILIES`` where the export ends in raw tensors.
    ``anchors``: width, height, ... in pixels, finest grid first, where they are not the family's
    published ones. ``labels``: class names, else the exporter's. ``confidence``, ``iou``:
    thresholds for the settings. ``options`` as for ``convert``; where they say nothing of the
    input, frames are BGR and the network is fed RGB from 0 to 1 (YOLOX: BGR bytes).

    Raises UsageError, UnsupportedModel (not such a detector), and what ``convert`` raises.
    """
    from .rebuild import with_decodable_outputs

    options = options or ConvertOptions()
    if options.outputs:
        raise UsageError(
            "the outputs of a YOLO export are found here", remedy="leave --output out", key="output"
        )
    reading = read_model(source, options=options)
    model = reading.model
    picture = _picture(model)
    detector, family = _recognised(model, picture, family, anchors)
    names = list(labels) or labels_of(reading.metadata, detector.classes)
    if names and len(names) != detector.classes:
        raise UsageError(
            f"{len(names)} class names were given, the model has {detector.classes} classes",
            key="labels",
        )
    facts = list(reading.notes)
    options, assumed = _with_usual_input(options, family, int(model.inputs[0].shape[1]))
    facts += _describe(detector, family, names)
    if assumed:
        facts.append(f"assumed of the input: {assumed}; --range and --color say otherwise")
        if family == "v6r1":
            facts.append(
                "YOLOX has the same heads and takes BGR bytes: say --family yolox if it is"
            )
    rebuilt = with_decodable_outputs(model, detector, FAMILIES[family].output)
    converted = replace(convert(rebuilt, options=options, cache=cache), name=reading.name)
    manifest = dict(converted.manifest)
    manifest["name"] = reading.name
    if isinstance(source, (str, Path)):
        manifest["source"] = {**manifest["source"], "path": str(source)}
    settings = decoder_settings(
        detector,
        names or [f"class {i}" for i in range(detector.classes)],
        name=reading.name,
        confidence=confidence,
        iou=iou,
    )
    manifest["yolo"] = {"family": family, "rule": detector.rule.value, "settings": settings}
    converted = replace(converted, manifest=manifest)
    return YoloModel(converted, detector, family, settings, tuple(names), tuple(facts))


def _picture(model: ov.Model) -> tuple[int, int]:
    shapes = [tuple(int(d) for d in port.shape) for port in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][0] != 1:
        raise UnsupportedModel(
            f"a detector has one input [1,3,height,width]; this model has {shapes}",
            remedy="give --shape 1,3,640,640 if the batch is to be 1, else use `oakwright convert`",
            findings=(),
        )
    if shapes[0][1] not in (1, 3):
        raise UnsupportedModel(
            f"the input {list(shapes[0])} is not planar (channels second)",
            remedy="export the model with a planar input",
            findings=(),
        )
    return shapes[0][3], shapes[0][2]


def _recognised(
    model: ov.Model, picture: tuple[int, int], family: str | None, anchors: Sequence[float]
) -> tuple[Detector, str]:
    from .heads import find_regions, find_scales
    from .own_decoding import own_decoding
    from .recognise import named, recognise

    regions = find_regions(model)
    if regions:
        found = _of_regions(regions, picture)
        return found, family or COMMON_NAME[Rule.ANCHORS]
    scales = find_scales(model)
    own = own_decoding(model, scales)
    if family or anchors:
        said = family or "v5"
        return named(said, scales, picture, own, anchors), said
    found = recognise(scales, picture, own)
    return found, COMMON_NAME[found.rule]


def _of_regions(regions: Sequence[Any], picture: tuple[int, int]) -> Detector:
    """A detector that says everything itself, as Model Optimizer's v3 and v4 do."""
    rows = []
    for node in regions:
        facts = node.get_attributes()
        tensor = node.input_value(0)
        table = np.array(facts["anchors"], float).reshape(-1, 2)
        mask = list(facts["mask"]) or [*range(len(table))]
        if facts["do_softmax"] or int(facts["coords"]) != 4 or max(mask) >= len(table):
            raise UnsupportedModel(
                f"'{node.get_friendly_name()}' is a YOLO v2 region with a softmax",
                remedy="convert it with `oakwright convert` and decode on the host",
                findings=(),
            )
        scale = Scale(int(tensor.shape[2]), int(tensor.shape[3]), (tensor,))
        pairs = tuple((float(w), float(h)) for w, h in table[mask])
        rows.append((scale, pairs, int(facts["classes"])))
    rows.sort(key=lambda row: -row[0].cells)
    return Detector(
        Rule.ANCHORS,
        tuple(row[0] for row in rows),
        rows[0][2],
        picture,
        tuple(row[1] for row in rows),
    )


def _with_usual_input(
    options: ConvertOptions, family: str, channels: int
) -> tuple[ConvertOptions, str]:
    """The options with what such detectors are trained on, and that in words."""
    if any(entry.takes_frames for entry in options.inputs):
        return options, ""
    usual: dict[str, Any] = _YOLOX if family == "yolox" else _TRAINED_ON
    words = "BGR bytes" if family == "yolox" else "RGB from 0 to 1, fed with BGR frames"
    if channels == 1:
        usual, words = {"scale": _TRAINED_ON["scale"]}, "grey from 0 to 1"
    general = next((e for e in options.inputs if not e.name), InputOptions())
    others = tuple(e for e in options.inputs if e.name)
    said = replace(general, **usual)
    return replace(options, inputs=(said, *others)), words


def _describe(detector: Detector, family: str, names: Sequence[str]) -> list[str]:
    grids = ", ".join(f"{scale.columns}x{scale.rows}" for scale in detector.scales)
    width, height = detector.picture
    kin = [name for name, row in FAMILIES.items() if row.rule is detector.rule]
    lines = [
        f"detector of the rule '{detector.rule.value}' ({', '.join(kin)}), {detector.classes}"
        f" classes, picture {width}x{height}, grids {grids}"
    ]
    if detector.anchors:
        lines.append(f"anchors {' '.join(f'{n:g}' for n in detector.flat_anchors)}")
    if detector.stretch != 1:
        lines.append(f"centres are stretched by {detector.stretch:g}: done in the blob")
    if detector.difference is None:
        lines.append("the model has no decoding of its own to compare with: taken at its word")
    elif detector.difference < TOLERANCE:
        lines.append(f"decodes as the model itself does, to {detector.difference:.1e} of a side")
    else:
        lines.append(
            f"WARNING: the model's own decoding is another than that of {family}: boxes differ by"
            f" {detector.difference:.2g} of a side"
        )
    lines.append(
        f"class names: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
        if names
        else "class names are not in the model: give --labels FILE"
    )
    return lines
