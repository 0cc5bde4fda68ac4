"""A checkpoint as files that others run: IR, ONNX, blob, NN Archive.

By default what the OpenVINO Training Extensions' ``export.py`` left: ``model.xml`` and ``.bin`` in
FP32, which take a normalised picture as BGR planes, and the same with DetectionOutput at its end in
``alt_ssd_export/``. Everything else is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from oakwright.errors import UsageError
from oakwright.files import PathLike, write_all_aside
from oakwright.ir import ready_for_fp16

from .checkpoint import Checkpoint, load
from .description import KEY, Description, beside
from .graph import (
    COLORS,
    INPUT,
    OFFSETS,
    ROWS,
    SCORES,
    exported_module,
    for_frames,
    in_order,
    plain_graph,
    rows_graph,
)  # fmt: skip

# Of offsets and scores of an int8 network, once its weights hold mean and scale too.
_UNROUNDED = 0.02
Files = dict[PathLike, bytes | str]


@dataclass(frozen=True)
class ExportOptions:
    """What to write, and how.

    ``color``: the planes' order of IR and ONNX; blobs take BGR frames, as a camera sends them.
    ``fp16``: IR weights of half the size. ``u8_input``: IRs take bytes, mean and scale are inside.
    ``openvino``, ``onnx``: which plain forms. ``shaves``: a blob for each number; none is no blob.
    ``archive``: the blob as an NN Archive too. ``confidence``: the least that application and
    archive show.
    """

    color: str = "BGR"
    fp16: bool = False
    u8_input: bool = False
    openvino: bool = True
    onnx: bool = False
    shaves: Sequence[int] = ()
    archive: bool = False
    confidence: float = 0.5

    def __post_init__(self) -> None:
        if self.color not in COLORS:
            raise UsageError(
                f"input format {self.color} is neither BGR nor RGB", key="openvino_input_format"
            )
        if not 0 < self.confidence < 1:
            raise UsageError(
                f"--confidence {self.confidence:g}: above 0 and below 1", key="confidence"
            )
        if self.archive and not self.shaves:
            raise UsageError("an archive holds a blob", remedy="say --blob too", key="archive")
        if not (self.openvino or self.onnx or self.shaves):
            raise UsageError("nothing is to be exported", remedy="say --openvino, --onnx or --blob")


def export(
    checkpoint: Checkpoint | PathLike,
    folder: PathLike,
    options: ExportOptions | None = None,
    *,
    app: PathLike | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write a trained detector's exports into ``folder``; gives their paths.

    All files are made before the first is written. ``app``: a new folder for a DepthAI script that
    runs the blob. ``tell`` gets a line for each step.
    Raises CheckpointError, UsageError, OutputError, and for blobs what ``oakwright.convert`` does.
    """
    options = options or ExportOptions()
    trained = checkpoint if isinstance(checkpoint, Checkpoint) else load(checkpoint)
    network, place = trained.network(), Path(folder)
    if app is not None and not options.shaves:
        raise UsageError("an application runs a blob", remedy="say --blob too", key="app")
    if app is not None and Path(app).exists():
        raise UsageError(f"{app} is there already", remedy="name a new folder", key="app")
    files: Files = {}
    made: Any = None
    if options.openvino or options.shaves:
        tell("network to OpenVINO")
        plain = plain_graph(network, options.color)
        rows = rows_graph(plain, trained.template.model)
        if options.openvino:
            tell("IR")
            files |= _irs(trained, plain, rows, place, options)
    if options.onnx:
        tell("ONNX")
        files[place / "model.onnx"] = _onnx(trained, network, options)
    if options.shaves:
        tell("blob")
        made = _convert(trained, plain, rows, options)
        files |= _blobs(trained, made, place)
    written = write_all_aside(files)
    if options.archive:
        written.append(_archive(trained, made, place, options.confidence))
    if app is not None:
        tell("application")
        blob = next(path for path in written if path.suffix == ".blob")
        written += _application(trained, blob, app, options.confidence)
    return written


def describe(checkpoint: Checkpoint, **facts: Any) -> Description:
    """The description of an export; ``facts`` are the fields that depend on its form."""
    assert checkpoint.classes is not None  # network() has refused trunks
    return Description(checkpoint.template, checkpoint.classes, **facts)


def _irs(trained: Checkpoint, plain: Any, rows: Any, place: Path, options: ExportOptions) -> Files:
    import openvino as ov

    model = trained.template.model
    both = {
        "model": (plain, "probabilities", (OFFSETS, SCORES)),
        "alt_ssd_export/model": (rows, "rows", (ROWS,)),
    }
    files: Files = {}
    with tempfile.TemporaryDirectory(prefix="oakwright-") as aside:
        for stem, (graph, outputs, names) in both.items():
            described = describe(
                trained,
                input="frames" if options.u8_input else "normalised",
                color=options.color,
                outputs=outputs,
                names=names,
            )
            if options.u8_input:
                graph = for_frames(graph, model, options.color)
            if options.fp16:
                graph = graph.clone()
                ready_for_fp16(graph)
            graph.set_rt_info(described.to_json(), [KEY])
            xml = Path(aside) / f"{stem.replace('/', '_')}.xml"
            ov.save_model(graph, xml, compress_to_fp16=options.fp16)
            files[place / f"{stem}.xml"] = xml.read_bytes()
            files[place / f"{stem}.bin"] = xml.with_suffix(".bin").read_bytes()
    return files


def _onnx(trained: Checkpoint, network: Any, options: ExportOptions) -> bytes:
    import torch

    from oakwright.functions import to_onnx

    model = trained.template.model
    made = to_onnx(
        exported_module(network, options.color),
        {INPUT: torch.zeros(1, 3, model.height, model.width)},
        output_names=(OFFSETS, SCORES),
    )
    import onnx

    described = describe(
        trained, input="normalised", color=options.color, outputs="probabilities",
        names=(OFFSETS, SCORES),
    )  # fmt: skip
    proto = onnx.load_model_from_string(made.data)
    onnx.helper.set_model_props(proto, {KEY: described.to_json()})
    return bytes(proto.SerializeToString())


def _convert(trained: Checkpoint, plain: Any, rows: Any, options: ExportOptions) -> Any:
    from oakwright.conversion import ConvertOptions, InputOptions, convert, parse_shaves

    mean, scale = in_order(trained.template.model, options.color)
    frames = InputOptions.of(mean=mean, scale=scale, color=f"{options.color}->BGR", precision="U8")
    asked = ConvertOptions(inputs=(frames,), shaves=parse_shaves(options.shaves))
    if trained.rounding is not None:
        # Sums that are no longer rounded move a box to another row, so that rows cannot be
        # compared; what comes before them can.
        convert(plain, options=replace(asked, to="ir", tolerance=_UNROUNDED))
        asked = replace(asked, verify="off")
    return convert(rows, options=asked)


def _blobs(trained: Checkpoint, made: Any, place: Path) -> Files:
    described = describe(trained, input="frames", color="BGR", outputs="rows", names=(ROWS,))
    files: Files = {}
    for shaves, data in made.blobs.items():
        stem = f"model_{shaves}shave" if len(made.blobs) > 1 else "model"
        files[place / f"{stem}.blob"] = data
        files[beside(place / f"{stem}.blob")] = described.to_json()
    return files


def _labels(trained: Checkpoint) -> tuple[str, ...]:
    """Names by the rows' numbers."""
    assert trained.classes is not None  # network() has refused trunks
    return "background", *trained.classes


def _application(
    trained: Checkpoint, blob: Path, folder: PathLike, confidence: float
) -> list[Path]:
    from oakwright import apps

    detector = apps.Detector(blob, confidence=confidence, labels=_labels(trained))
    return apps.scaffold.write(Path(folder), "one-stage", detector=detector)


def _archive(trained: Checkpoint, made: Any, place: Path, confidence: float) -> Path:
    from oakwright.archive import ssd_head
    from oakwright.recipe import archive_of

    model = trained.template.model
    head = ssd_head(_labels(trained), ROWS, confidence=confidence, iou=model.iou, most=model.most)
    return archive_of(made, place / "model.rvc2.tar.xz", heads=[head])
