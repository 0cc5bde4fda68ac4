"""Keras: live models, ``.keras`` and ``.h5`` files, through the user's own Keras.

Keras exports a SavedModel, which OpenVINO reads. A Keras file may name any Python code to be run
while it is loaded (Lambda layers, classes of any module); such files are refused before Keras
sees them: whoever trusts one loads it in Python and gives the live model.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oakwright.errors import UnreadableModel, UsageError

from .errors_text import reason_of
from .model import Reference, Source
from .tensorflow import from_saved_model

if TYPE_CHECKING:
    import numpy as np

_LARGEST_CONFIG = 64 << 20
_LARGEST_WEIGHTS = 8 << 30
_SAFE_MODULES = ("keras", "tf_keras", "builtins")


def from_keras(source: Any) -> Source:
    """Read a ``keras.Model``, a ``.keras`` archive or a ``.h5`` file.

    Raises UsageError where Keras is missing, UnreadableModel for damaged files and for files
    that would run code of their own.
    """
    if not isinstance(source, (str, Path)):
        return _exported(source, str(getattr(source, "name", "model")), "the Keras model")
    path = Path(source)
    if zipfile.is_zipfile(path):
        _require_no_code(_archive_config(path), path)
    keras = _require_keras(path)
    if not zipfile.is_zipfile(path):
        _require_no_code(_hdf5_config(path), path)
    try:
        with _quiet():
            model = keras.models.load_model(str(path), compile=False)
    except Exception as error:
        raise UnreadableModel(
            f"Keras cannot load {path}: {reason_of(error)}",
            remedy="load it in Python where its own classes are and give the live model, or"
            " model.export('folder') and give the folder",
            path=str(path),
        ) from error
    return _exported(model, path.stem, str(path))


def _require_keras(path: Path) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _quiet():
            import keras
    except ImportError as error:
        raise UsageError(
            f"{path} is a Keras model, and Keras is not installed here",
            remedy="pip install keras tensorflow-cpu; or where Keras is, model.export('folder')"
            " and give the folder",
        ) from error
    return keras


def _exported(model: Any, name: str, where: str) -> Source:
    if importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            f"{where}: Keras needs TensorFlow to export a model, which is not installed here",
            remedy="pip install tensorflow-cpu; or where it is, model.export('folder') and give"
            " the folder",
        )
    with tempfile.TemporaryDirectory(prefix="oakwright-") as folder:
        try:
            with _quiet():
                model.export(folder)
        except Exception as error:
            raise UnreadableModel(
                f"Keras cannot export {where}: {reason_of(error)}",
                remedy="call model.export('folder') in Python and give the folder; with another"
                " backend than TensorFlow, export to ONNX",
                path=where,
            ) from error
        made = from_saved_model(Path(folder))
        # The weights are read from files that are about to go.
        read = made.model.clone()

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        import numpy as np

        with _quiet():
            given = list(arrays)
            results = model(given[0] if len(given) == 1 else given, training=False)
        if isinstance(results, dict):
            results = list(results.values())
        listed = results if isinstance(results, (list, tuple)) else [results]
        return [np.asarray(value) for value in listed]

    reference = Reference("Keras", run, seconds_per_gmac=0.1)
    return Source(read, "keras", name, "Keras", reference, channels_last=True)


def _archive_config(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            bound = _LARGEST_CONFIG if info.filename.endswith(".json") else _LARGEST_WEIGHTS
            bomb = info.file_size > (1 << 26) and info.file_size > 200 * max(info.compress_size, 1)
            if info.file_size > bound or bomb:
                raise UnreadableModel(
                    f"{path}: '{info.filename}' unpacks to {info.file_size} bytes from"
                    f" {info.compress_size}",
                    remedy="do not trust this file",
                    path=str(path),
                )
        try:
            return json.loads(archive.read("config.json"))
        except (ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
            raise UnreadableModel(
                f"{path} is a damaged Keras archive: {error}",
                remedy="save it again",
                path=str(path),
            ) from error


def _hdf5_config(path: Path) -> Any:
    import h5py  # Keras brings it

    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
    except OSError as error:
        raise UnreadableModel(
            f"{path} is a damaged HDF5 file: {error}", remedy="save it again", path=str(path)
        ) from error
    if config is None:
        raise UnreadableModel(
            f"{path} holds weights without a network",
            remedy="build the network in Python, load the weights, model.export('folder'), and"
            " give the folder",
            path=str(path),
        )
    try:
        return json.loads(config)
    except (ValueError, RecursionError) as error:
        raise UnreadableModel(f"{path} is damaged: {error}", path=str(path)) from error


def _require_no_code(config: Any, path: Path) -> None:
    """Refuse a configuration that names Python code: Lambda layers, foreign modules."""
    todo = [config]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        if not isinstance(value, dict):
            continue
        todo += value.values()
        kind, module = value.get("class_name"), value.get("module")
        foreign = isinstance(module, str) and module.split(".")[0] not in _SAFE_MODULES
        if kind in ("Lambda", "__lambda__", "function") or foreign:
            what = f"code of its own ({kind})" if not foreign else f"code of '{module}'"
            raise UnreadableModel(
                f"{path} would run {what} when loaded, so oakwright does not load it",
                remedy="if you trust it, load it in Python and give the live model, or"
                " model.export('folder') and give the folder",
                path=str(path),
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keras prints what it exports; none of that is ours to say."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
