"""What kind of model is this? Told by content; the suffix only breaks ties.

What we will never read (pickles) and what another tool must open first is told here as well,
with the route to take, so that nobody gets a parser's complaint about a file of another kind.
"""

from __future__ import annotations

import re
import zipfile
from enum import Enum
from pathlib import Path
from typing import Any

from oakwright.errors import UnreadableModel

_HEAD = 4096
_MOST_ARCHIVE_ENTRIES = 100_000


class Kind(str, Enum):
    """The kinds of model that can be converted."""

    ONNX = "onnx"
    IR = "ir"
    OPENVINO = "openvino"  # an openvino.Model in memory
    TORCH = "torch"  # a torch.nn.Module in memory
    FACTORY = "factory"  # package.module:factory or file.py:factory
    TORCHSCRIPT = "torchscript"
    PT2 = "pt2"  # torch.export's archive
    SAVED_MODEL = "saved_model"  # TensorFlow's folder
    FROZEN_TF = "tensorflow"  # a frozen GraphDef, binary or text
    TFLITE = "tflite"
    KERAS = "keras"  # a .keras or .h5 file, or a live keras.Model
    PADDLE = "paddle"
    CAFFE = "caffe"


# suffix -> (what it is, what to do)
_OTHER_FORMATS = {
    ".pdiparams": ("the weights of a Paddle model", "give the .pdmodel beside it"),
    ".params": (
        "an MXNet model",
        "export it to ONNX where MXNet is, mxnet.onnx.export_model(symbol, params, shapes), and"
        " give the .onnx",
    ),
    ".nnet": (
        "a Kaldi model",
        "bring it to OpenVINO IR with Model Optimizer of OpenVINO 2022.1, mo --framework kaldi,"
        " and give the .xml",
    ),
    ".mdl": (
        "a Kaldi model",
        "bring it to OpenVINO IR with Model Optimizer of OpenVINO 2022.1, mo --framework kaldi,"
        " and give the .xml",
    ),
    ".index": ("a TensorFlow checkpoint", "export a SavedModel from it: model.export(folder)"),
    ".meta": ("a TensorFlow checkpoint", "export a SavedModel from it: model.export(folder)"),
    ".blob": (
        "already a blob",
        "use it as it is, look inside with `oakwright inspect`, or turn it back into a model with"
        " `oakwright decompile`",
    ),
    ".superblob": ("compiled already", "convert the model it was made of"),
    ".pkl": ("a Python pickle, which could run anything", "export the model to ONNX and give that"),
    ".pickle": (
        "a Python pickle, which could run anything",
        "export the model to ONNX and give that",
    ),
    ".py": ("Python code", "name what makes the model after it: `{path}:factory`"),
    ".safetensors": (
        "weights without a network",
        "build the network in Python, load the weights and give `package.module:factory`",
    ),
}

# What has no magic number of its own is told by its suffix.
_BY_SUFFIX = {
    ".pbtxt": Kind.FROZEN_TF,
    ".pdmodel": Kind.PADDLE,
    ".caffemodel": Kind.CAFFE,
    ".prototxt": Kind.CAFFE,
}
# What these suffixes must begin with, as their content would have told it above.
_PROMISES = {
    ".tflite": ("no TFLite model: the mark TFL3 is missing", "convert it with TensorFlow again"),
    ".keras": ("no Keras archive", "save it again with model.save('model.keras')"),
    ".h5": ("no HDF5 file", "save it again with model.save"),
    ".hdf5": ("no HDF5 file", "save it again with model.save"),
}

_PICKLE_REMEDY = (
    "a pickle can run any code, so oakwright never loads one: build the network in Python, load"
    " the weights there, then `oakwright convert package.module:factory`, or save it with"
    " torch.onnx.export, torch.export.save (.pt2) or torch.jit.save"
)


def detect(source: Any) -> Kind:
    """Tell the kind of ``source``: a path, ``module:factory`` text, bytes or a live model.

    Raises UnreadableModel (with ``path``) for what is not a model of a kind we read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _of_content(bytes(source[:_HEAD]), "the given bytes", None)
    if isinstance(source, tuple) and len(source) == 2:
        return Kind.CAFFE  # (.prototxt, .caffemodel)
    if not isinstance(source, (str, Path)):
        return _of_object(source)
    path = Path(source)
    if not path.exists():
        if re.fullmatch(r"[\w./\\-]+:[A-Za-z_]\w*(\.\w+)*", str(source)):
            return Kind.FACTORY
        raise UnreadableModel(
            f"there is no file {path}",
            remedy="check the path; a PyTorch module is given as package.module:factory",
            path=str(path),
        )
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return Kind.SAVED_MODEL
        raise UnreadableModel(
            f"{path} is a folder, and no SavedModel: it has no saved_model.pb",
            remedy="give the model file inside it (.onnx, .xml, .pt2, .tflite, .pdmodel)",
            path=str(path),
        )
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UnreadableModel(f"cannot read {path}: {error.strerror}", path=str(path)) from error
    if not head:
        raise UnreadableModel(
            f"{path} is empty", remedy="export or download it again", path=str(path)
        )
    return _of_content(head, str(path), path)


def _of_object(source: Any) -> Kind:
    # Asked by class name along the MRO, so that no framework is imported to find out.
    for kind in type(source).__mro__:
        origin = f"{kind.__module__}.{kind.__name__}"
        if origin == "torch.nn.modules.module.Module":
            return Kind.TORCH
        if origin == "torch.export.exported_program.ExportedProgram":
            return Kind.PT2
        if kind.__name__ == "Model" and kind.__module__.split(".")[0] in ("keras", "tf_keras"):
            return Kind.KERAS
        if kind.__name__ == "ModelProto":
            return Kind.ONNX
        if kind.__name__ == "Model" and kind.__module__.startswith("openvino"):
            return Kind.OPENVINO
    raise UnreadableModel(
        f"a {type(source).__module__}.{type(source).__qualname__} is not a model",
        remedy="give a path, a torch.nn.Module, an onnx.ModelProto or an openvino.Model",
    )


def _of_content(head: bytes, where: str, path: Path | None) -> Kind:
    if head[4:8] == b"TFL3":
        return Kind.TFLITE
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return Kind.KERAS
    if head[:2] == b"PK":
        return _of_archive(where, path)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        raise UnreadableModel(f"{where} is a pickle", remedy=_PICKLE_REMEDY, path=where)
    if head[:4] == b"\x7felf":
        what, remedy = _OTHER_FORMATS[".blob"]
        raise UnreadableModel(f"{where} is {what}", remedy=remedy, path=where)
    if b"<net" in head and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return Kind.IR
    suffix = path.suffix.lower() if path else ""
    if suffix == ".bin" and path is not None and path.with_suffix(".xml").exists():
        raise UnreadableModel(
            f"{where} holds an IR's weights", remedy=f"give {path.with_suffix('.xml')}", path=where
        )
    if suffix in _BY_SUFFIX or suffix == ".pb":
        return _of_framework(head, where, path, suffix)
    if suffix == ".json" and b'"program"' in head:
        raise UnreadableModel(
            f"{where} is a Paddle 3 program (PIR), which OpenVINO does not read",
            remedy="export it to ONNX with paddle2onnx, or save it in the older form (.pdmodel)",
            path=where,
        )
    if suffix == ".json" and b'"nodes"' in head and b'"op"' in head:
        what, remedy = _OTHER_FORMATS[".params"]
        raise UnreadableModel(f"{where} is {what}", remedy=remedy, path=where)
    if head[:6] == b"<Nnet>" or head[:8] == b"\0B<Nnet>":
        what, remedy = _OTHER_FORMATS[".nnet"]
        raise UnreadableModel(f"{where} is {what}", remedy=remedy, path=where)
    if suffix in _OTHER_FORMATS:
        what, remedy = _OTHER_FORMATS[suffix]
        raise UnreadableModel(
            f"{where} is {what}", remedy=remedy.replace("{path}", where), path=where
        )
    if suffix in _PROMISES:
        what, remedy = _PROMISES[suffix]
        raise UnreadableModel(f"{where} is {what}", remedy=remedy, path=where)
    if suffix == ".xml":
        raise UnreadableModel(
            f"{where} is XML, but no OpenVINO IR: it has no <net> element",
            remedy="give the .xml that Model Optimizer or openvino.save_model wrote",
            path=where,
        )
    if suffix in (".pt", ".pth", ".pt2", ".ckpt"):
        raise UnreadableModel(
            f"{where} is no PyTorch archive: it is damaged or of an old kind",
            remedy="save it again with torch.onnx.export or torch.export.save",
            path=where,
        )
    return Kind.ONNX  # protobuf has no magic number: its reader says whether it is one


def _of_framework(head: bytes, where: str, path: Path | None, suffix: str) -> Kind:
    if suffix == ".pb" and path is not None and path.name == "saved_model.pb":
        return Kind.SAVED_MODEL
    if suffix == ".pb" and head[:3] == b"\x08\x01\x12":
        raise UnreadableModel(
            f"{where} is the graph of a SavedModel under another name",
            remedy="give the SavedModel's folder: saved_model.pb and `variables` in one place",
            path=where,
        )
    if suffix == ".pb" and head[:1] == b"\x08":
        return Kind.ONNX  # a ModelProto begins with its version, a GraphDef with its nodes
    return _BY_SUFFIX.get(suffix, Kind.FROZEN_TF)


def _of_archive(where: str, path: Path | None) -> Kind:
    try:
        if path is None:
            raise zipfile.BadZipFile("an archive is read from a file")
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist()[:_MOST_ARCHIVE_ENTRIES]]
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise UnreadableModel(
            f"{where} is a damaged archive: {error}", remedy="export it again", path=where
        ) from error
    inner = {name.partition("/")[2] for name in names} | set(names)
    if "archive_format" in inner and any(name.startswith("models/") for name in inner):
        return Kind.PT2
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return Kind.TORCHSCRIPT
    if "model.weights.h5" in inner and "config.json" in inner:
        return Kind.KERAS
    if "data.pkl" in inner:
        raise UnreadableModel(
            f"{where} is a pickle of weights or of a module",
            remedy=_PICKLE_REMEDY,
            path=where,
        )
    raise UnreadableModel(
        f"{where} is an archive, but not one of PyTorch or Keras",
        remedy="unpack it and give the model file inside it",
        path=where,
    )
