"""Detectors of every kind behind one face: checkpoints, ONNX, IRs and blobs find boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oakwright.dataset import Dataset, Sample
from oakwright.decode import softmax
from oakwright.errors import CheckpointError, ModelError, UsageError
from oakwright.files import PathLike

from .anchors import priors
from .description import KEY, Description, parse, read_beside
from .detect import detect, detections
from .metrics import Detections
from .pictures import Pictures
from .template import Model, Template

KINDS = {
    ".pth": "checkpoint", ".onnx": "ONNX", ".xml": "IR", ".bin": "IR", ".blob": "blob",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Detector:
    """A detector that was read from ``path``; ``kind`` is a value of KINDS.

    ``network`` is the torch module of a checkpoint or the ``openvino.Model`` of the others.
    """

    path: Path
    kind: str
    template: Template
    classes: tuple[str, ...]
    network: Any
    find: Callable[[Dataset, Callable[[int], None]], dict[int, Detections]]

    @property
    def model(self) -> Model:
        """Input size, anchors, what counts as a detection."""
        return self.template.model


def open_detector(path: PathLike) -> Detector:
    """A detector by its file: ``.pth``, ``.onnx``, ``.xml`` or its ``.bin``, ``.blob``.

    All but checkpoints run on OpenVINO's CPU plugin in float32; blobs by way of the decompiler.
    Raises UsageError for other files, CheckpointError, ModelError, BlobError or RunError.
    """
    place = Path(path)
    kind = KINDS.get(place.suffix.lower())
    if kind is None:
        raise UsageError(
            f"{place} is no kind of detector that is known",
            remedy="give a checkpoint .pth, or .onnx, .xml, .bin or .blob of an export",
            key="load_weights",
        )
    if not place.is_file():
        raise CheckpointError(f"there is no file {place}", path=str(place))
    if kind == "checkpoint":
        return _checkpoint(place)
    return _blob(place) if kind == "blob" else _openvino(place, kind)


def _checkpoint(place: Path) -> Detector:
    from .checkpoint import load

    checkpoint = load(place)
    network = checkpoint.network()
    _check_finite(place, checkpoint)
    assert checkpoint.classes is not None  # network() refuses trunks
    model = checkpoint.template.model

    def find(dataset: Dataset, tell: Callable[[int], None]) -> dict[int, Detections]:
        pictures = Pictures(dataset, model)
        try:
            found = detect(network, dataset, model, pictures)
        finally:
            pictures.close()
        tell(len(dataset))
        return found

    return Detector(place, "checkpoint", checkpoint.template, checkpoint.classes, network, find)


def _check_finite(place: Path, checkpoint: Any) -> None:
    """Weights that are no numbers find nothing, and say nothing: it would look like AP 0."""
    for name, tensor in checkpoint.weights.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise CheckpointError(
                f"{place}: the weights {name} are not all numbers",
                remedy="give an earlier checkpoint of that training",
                path=str(place),
            )


def _openvino(place: Path, kind: str) -> Detector:
    import openvino as ov

    core = ov.Core()
    if place.suffix.lower() == ".bin":
        place = place.with_suffix(".xml")
        if not place.is_file():
            raise CheckpointError(
                f"there is no {place.name} beside the .bin", path=str(place),
                remedy="an IR is two files; keep them together",
            )  # fmt: skip
    try:
        network = core.read_model(place)
    except RuntimeError as error:
        raise _unreadable(place, kind, error) from error
    description = _inside(network, place) or read_beside(place)
    if len(network.inputs) != 1:
        raise ModelError(f"{place} has {len(network.inputs)} inputs, a detector has one")
    model = description.template.model
    try:
        network.reshape([1, 3, model.height, model.width])
        compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        outputs = [compiled.output(name) for name in description.names]
    except RuntimeError as error:
        raise _unreadable(place, kind, error) from error
    request = compiled.create_infer_request()
    number_type = np.uint8 if str(network.inputs[0].element_type) == "<Type: 'uint8_t'>" else None

    def run(planes: np.ndarray) -> list[np.ndarray]:
        request.infer([planes.astype(number_type or np.float32)], share_inputs=True)
        return [np.array(request.get_tensor(output).data) for output in outputs]

    return _described(place, kind, description, network, run)


def _blob(place: Path) -> Detector:
    from oakwright.decompiler import CompiledBlob

    description = read_beside(place)
    compiled = CompiledBlob(place)
    names = [info.name for info in compiled.blob.outputs]
    missing = [name for name in description.names if name not in names]
    if missing or len(compiled.blob.inputs) != 1:
        raise ModelError(
            f"{place} has one input and the outputs {', '.join(description.names)} by its"
            f" description, but {len(compiled.blob.inputs)} inputs and {', '.join(names)}",
            remedy="the description beside it belongs to another blob; export again",
        )
    image = compiled.blob.inputs[0]
    size = 3 * description.template.model.height * description.template.model.width
    if int(np.prod(image.desc.shape)) * compiled.blob.batch_size != size:
        raise ModelError(
            f"{place} takes {list(image.desc.shape)}, its description says another size",
            remedy="the description beside it belongs to another blob; export again",
        )

    def run(planes: np.ndarray) -> list[np.ndarray]:
        given = planes.reshape(image.desc.shape)
        answer = compiled.infer({image.name: given})
        return [answer[name] for name in description.names]

    return _described(place, "blob", description, compiled.model, run)


def _described(
    place: Path,
    kind: str,
    description: Description,
    network: Any,
    run: Callable[[np.ndarray], list[np.ndarray]],
) -> Detector:
    model = description.template.model
    anchors = priors(model)
    # Pictures come in the template's order; the file may want the other.
    turn = description.color != model.color
    mean, scale = (np.array(v, np.float32) for v in (model.mean, model.scale))

    def one(picture: np.ndarray, sample: Sample) -> Detections:
        # The template's mean and scale are in the template's order, so they come first.
        values = (picture - mean) / scale if description.input == "normalised" else picture
        planes = values[..., ::-1] if turn else values
        answers = run(np.ascontiguousarray(planes.transpose(2, 0, 1))[None])
        if not all(np.isfinite(answer).all() for answer in answers):
            raise ModelError(
                f"{place} gives infinities or no numbers for {sample.path}",
                remedy="export again without FP16 to see whether its range is exceeded",
                path=str(place),
            )
        if description.outputs == "rows":
            return _from_rows(answers[0], sample, len(description.classes), place)
        offsets = answers[0].reshape(-1, 4)
        scores = answers[1].reshape(-1, len(description.classes) + 1)
        if len(offsets) != len(anchors) or len(scores) != len(anchors):
            raise ModelError(f"{place} gives {len(offsets)} boxes for {len(anchors)} anchors")
        if description.outputs == "logits":
            scores = softmax(scores)
        return detections(offsets, scores, anchors, model, sample)

    def find(dataset: Dataset, tell: Callable[[int], None]) -> dict[int, Detections]:
        pictures = Pictures(dataset, model)
        found = {}
        try:
            for index, sample in enumerate(dataset.samples):
                found[sample.image_id] = one(pictures[index], sample)
                tell(index + 1)
        finally:
            pictures.close()
        return found

    return Detector(place, kind, description.template, description.classes, network, find)


def _from_rows(rows: np.ndarray, sample: Sample, classes: int, place: Path) -> Detections:
    """Rows of DetectionOutput: image, label from 1, score, left, top, right, bottom in 0..1."""
    if rows.size % 7:
        raise ModelError(f"{place}: {rows.size} numbers are no rows of 7")
    table = rows.reshape(-1, 7).astype(np.float32)
    ends = np.flatnonzero(table[:, 0] < 0)
    table = table[: ends[0]] if len(ends) else table
    labels = np.rint(table[:, 1]).astype(np.int64) - 1
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ModelError(
            f"{place}: label {labels.max() + 1} of {classes} classes",
            remedy="the description beside it belongs to another model; export again",
        )
    pixels = np.array([sample.width, sample.height] * 2, np.float32)
    return Detections(np.clip(table[:, 3:7], 0, 1) * pixels, table[:, 2], labels)


def _inside(network: Any, place: Path) -> Description | None:
    """The description that an IR or ONNX file carries."""
    for where in ([KEY], ["framework", KEY]):
        if network.has_rt_info(where):
            return parse(str(network.get_rt_info(where).value), place)
    return None


def _unreadable(place: Path, kind: str, error: Exception) -> ModelError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ModelError(
        f"{place} cannot be used as {kind}: {lines[-1] if lines else type(error).__name__}",
        remedy="export the checkpoint again",
        path=str(place),
    )


def check_classes(detector: Detector, classes: Sequence[str]) -> None:
    """Raise CheckpointError where ``classes`` are not the detector's, in its order."""
    if tuple(classes) != detector.classes:
        raise CheckpointError(
            f"{detector.path} was trained for {','.join(detector.classes)},"
            f" not for {','.join(classes)}",
            remedy="leave --classes away, or give these names in that order",
            path=str(detector.path),
        )
