"""The two files of a Caffe network, found, read and held against OpenCV's own importer."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oakwright.errors import ConversionMismatch, UnreadableModel
from oakwright.files import read_bounded

from ...wire import WireError
from ..model import Reference, Source
from .layer import LayerError
from .network import Network, build, network_of
from .text import TextError, parse
from .weights import weights_of

if TYPE_CHECKING:
    import openvino as ov

_LARGEST_TEXT = 16 << 20
_LARGEST_WEIGHTS = 2 << 30
_TOLERANCE = 1e-3


def from_caffe(
    source: str | Path | tuple[str | Path, str | Path],
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Source:
    """Read a Caffe network; ``source`` is its ``.prototxt`` or its ``.caffemodel``, or both.

    The other file lies beside it, under the same name or as the only one of its kind.
    ``shapes`` by input name stand instead of the file's own. Where OpenCV is installed its
    importer is the reference.

    Raises UnreadableModel (files, layers that make no sense), UnsupportedModel (layers unknown),
    ConversionMismatch where OpenCV computes something else.
    """
    if isinstance(source, tuple):
        prototxt, weights = sorted(map(Path, source), key=lambda path: path.suffix, reverse=True)
    else:
        prototxt, weights = caffe_files(Path(source))
    text = read_bounded(prototxt, _LARGEST_TEXT)
    data = read_bounded(weights, _LARGEST_WEIGHTS)
    try:
        blobs = weights_of(data)
        if not blobs:
            raise WireError("it holds no weights")
    except (WireError, ValueError) as error:
        raise UnreadableModel(
            f"{weights} is no .caffemodel, or a damaged one: {error}",
            remedy="download it again",
            path=str(weights),
        ) from None
    try:
        net = network_of(parse(text.decode("utf-8")), blobs)
        if not net.inputs or not net.layers:
            raise LayerError(f"it has no {'layers' if net.inputs else 'input'}")
    except (TextError, LayerError, UnicodeDecodeError, ValueError, AttributeError) as error:
        raise UnreadableModel(
            f"{prototxt} is no deploy network of Caffe: {error}",
            remedy="give the deploy .prototxt, with `input` or an Input layer instead of data",
            path=str(prototxt),
        ) from None
    model, outputs = build(net, str(prototxt), shapes or {})
    notes = [f"left out: {', '.join(net.left_out)}"] if net.left_out else []
    reference = None
    if importlib.util.find_spec("cv2") is not None:
        heads = [layer for layer in net.layers if layer.kind == "DetectionOutput"]
        if heads:
            notes += _agreement_before_heads(model, net, text, data)
        else:
            reference = Reference(
                "OpenCV's Caffe importer",
                lambda arrays: _opencv(
                    text, data, list(net.inputs), arrays, list(outputs.values())
                ),
                seconds_per_gmac=0.2,
            )
    return Source(model, "caffe", weights.stem, "Caffe", reference, tuple(notes))


def caffe_files(path: Path) -> tuple[Path, Path]:
    """(.prototxt, .caffemodel), of which ``path`` is one. Raises UnreadableModel."""
    is_text = path.suffix.lower() == ".prototxt"
    missing = ".caffemodel" if is_text else ".prototxt"
    other = path.with_suffix(missing)
    if not other.is_file():
        found = sorted(path.parent.glob(f"*{missing}"))
        deploy = [file for file in found if "deploy" in file.name.lower()]
        choice = found if len(found) == 1 else deploy
        if len(choice) != 1:
            listed = ", ".join(file.name for file in found) or "none there"
            raise UnreadableModel(
                f"{path} needs its {missing} beside it; which one is unclear ({listed})",
                remedy=f"name it {other.name}",
                path=str(path),
            )
        other = choice[0]
    return (path, other) if is_text else (other, path)


def _opencv(
    text: bytes,
    data: bytes,
    names: Sequence[str],
    arrays: Sequence[np.ndarray],
    ends: Sequence[str],
) -> list[np.ndarray]:
    """OpenCV's values of the layers ``ends``."""
    import cv2

    logs: Any = cv2.utils.logging
    level = logs.setLogLevel(logs.LOG_LEVEL_SILENT)
    try:
        net = cv2.dnn.readNetFromCaffe(np.frombuffer(text, np.uint8), np.frombuffer(data, np.uint8))
        net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        for name, array in zip(names, arrays, strict=True):
            net.setInput(np.ascontiguousarray(array, np.float32), name)
        return [np.array(value) for value in net.forward(list(ends))]
    finally:
        logs.setLogLevel(level)


def _agreement_before_heads(model: ov.Model, net: Network, text: bytes, data: bytes) -> list[str]:
    """Compare what the DetectionOutput layers read; its rows could swap places on random input."""
    from oakwright import ir

    maker = {top: layer.name for layer in net.layers for top in layer.tops}
    wanted: dict[str, Any] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() == "DetectionOutput":
            ports = list(node.input_values())[:3]
            layer = next(one for one in net.layers if one.name == node.get_friendly_name())
            wanted.update(zip((maker[b] for b in layer.bottoms), ports, strict=False))
    random = np.random.default_rng(20210400)
    arrays = [random.normal(size=tuple(port.shape)).astype(np.float32) for port in model.inputs]
    try:
        theirs = _opencv(text, data, list(net.inputs), arrays, list(wanted))
    except Exception as error:
        return [f"OpenCV cannot run it ({type(error).__name__}): not compared with it"]
    ours = ir.tensors_of(model, list(wanted.values()), arrays)
    worst = 0.0
    for name, a, b in zip(wanted, theirs, ours, strict=True):
        same = a.size == b.size
        difference = ir.relative_difference(a.ravel(), b.ravel()) if same else float("inf")
        worst = max(worst, difference)
        if not difference <= _TOLERANCE:
            raise ConversionMismatch(
                f"layer '{name}' differs from OpenCV's Caffe importer by {difference:.2g}",
                remedy="please report this network",
                layer=name,
                difference=difference,
            )
    return [f"before DetectionOutput OpenCV's Caffe importer agrees to {worst:.1e}"]
