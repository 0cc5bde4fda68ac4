"""Drop-in for the ``blobconverter`` package: same functions, same command line, no cloud.

Put ``from oakwright import blobconverter`` where ``import blobconverter`` stood. What differs, on
purpose: conversion happens on this machine, or on a server of yours where ``url`` names one
(an argument, ``set_defaults`` or ``$OAKWRIGHT_SERVER``); results are cached by content, so a model
exported again under the same name gives the new blob; ``dry`` works; ``output_dir`` may end in
``.blob`` and then names the file; ``from_zoo`` looks into a folder you have, or the server has,
and downloads nothing.

Defaults are blobconverter's own, mean 127.5 and scale 255 included: they give -0.5..0.5, a range
few models are trained on, so they are printed whenever they are applied unasked.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from oakwright import conversion
from oakwright.errors import UnreadableModel, UsageError
from oakwright.files import home, write_aside

from . import remote

PathLike = str | os.PathLike[str]


class Versions:
    """The versions blobconverter knows; all are made by the same engine, 2021.4."""

    v2021_2 = "2021.2"
    v2021_3 = "2021.3"
    v2021_4 = "2021.4"
    v2022_1 = "2022.1"
    v2022_3_RVC3 = "2022.3_RVC3"


_SOURCE_RANGE = ["--mean_values=[127.5,127.5,127.5]", "--scale_values=[255,255,255]"]
# How Model Optimizer is told the file, which is known here.
_MODEL_FLAGS = ("--input_model", "--input_proto", "--saved_model_dir")
_DEFAULTS: dict[str, Any] = {
    "url": None,
    "version": Versions.v2022_1,
    "shaves": 4,
    "output_dir": Path.home() / ".cache" / "blobconverter",
    "compile_params": ["-ip U8"],
    "data_type": "FP16",
    "optimizer_params": _SOURCE_RANGE,
    "silent": False,
    "zoo_type": "intel",
    "progress_func": None,
    "zoo_dir": None,
}


def set_defaults(
    url: str | None = None,
    version: str | None = None,
    shaves: int | None = None,
    output_dir: PathLike | None = None,
    compile_params: list[str] | None = None,
    optimizer_params: list[str] | None = None,
    data_type: str | None = None,
    silent: bool | None = None,
    zoo_type: str | None = None,
    progress_func: Callable[[int, int], None] | None = None,
    zoo_dir: PathLike | None = None,
) -> None:
    """Set what the other functions use where they are not told; ``zoo_dir`` is ours."""
    given = dict(locals())
    _DEFAULTS.update({key: value for key, value in given.items() if value is not None})


def from_onnx(
    model: PathLike,
    data_type: str | None = None,
    optimizer_params: Sequence[str] | None = None,
    model_size: int | None = None,
    model_sha256: str | None = None,
    **kwargs: Any,
) -> Any:
    """Convert an ONNX file; gives the blob's path (or the zip's, with ``download_ir``)."""
    _refuse_url(model, model_size, model_sha256)
    return _convert(model, optimizer_params, data_type=data_type, **kwargs)


def from_openvino(
    xml: PathLike,
    bin: PathLike,
    xml_size: int | None = None,
    xml_sha256: str | None = None,
    bin_size: int | None = None,
    bin_sha256: str | None = None,
    **kwargs: Any,
) -> Any:
    """Convert an OpenVINO IR. No mean or scale is applied: the IR is as it was made."""
    _refuse_url(xml, xml_size, xml_sha256)
    _refuse_url(bin, bin_size, bin_sha256)
    if Path(bin).resolve() != Path(xml).with_suffix(".bin").resolve():
        return _beside(Path(xml), Path(bin), kwargs, ".bin")
    return _convert(xml, kwargs.pop("optimizer_params", None) or [], **kwargs)


def from_tf(
    frozen_pb: PathLike,
    data_type: str | None = None,
    optimizer_params: Sequence[str] | None = None,
    frozen_pb_size: int | None = None,
    frozen_pb_sha256: str | None = None,
    **kwargs: Any,
) -> Any:
    """Convert a frozen TensorFlow graph."""
    _refuse_url(frozen_pb, frozen_pb_size, frozen_pb_sha256)
    return _convert(frozen_pb, optimizer_params, data_type=data_type, **kwargs)


def from_caffe(
    proto: PathLike,
    model: PathLike,
    data_type: str | None = None,
    optimizer_params: Sequence[str] | None = None,
    proto_size: int | None = None,
    proto_sha256: str | None = None,
    model_size: int | None = None,
    model_sha256: str | None = None,
    **kwargs: Any,
) -> Any:
    """Convert a Caffe model."""
    _refuse_url(proto, proto_size, proto_sha256)
    _refuse_url(model, model_size, model_sha256)
    kwargs.update(optimizer_params=optimizer_params, data_type=data_type)
    return _beside(Path(model), Path(proto), kwargs, ".prototxt")


def from_config(name: str, path: PathLike, **kwargs: Any) -> Any:
    """Convert what an Open Model Zoo style ``.yml`` describes, its files beside it.

    Files are looked up by name beside the ``.yml``; nothing is downloaded.
    """
    import yaml

    place = Path(path)
    try:
        config = yaml.safe_load(place.read_text())
        names = [Path(entry["name"]).name for entry in config["files"]]
        arguments = list(config.get("model_optimizer_args", []))
    except FileNotFoundError:
        raise
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise UnreadableModel(
            f"{place} is no model description: {error}",
            remedy="it needs files: [{name: ...}] and model_optimizer_args: [...]",
            path=str(place),
        ) from error
    found = [place.parent / file for file in names]
    missing = [str(file) for file in found if not file.is_file()]
    if missing:
        raise UnreadableModel(
            f"{', '.join(missing)} must lie beside {place.name}",
            remedy="oakwright downloads nothing by itself: fetch the file and put it there",
            path=missing[0],
        )
    kept = [a for a in arguments if "$" not in a and not a.startswith(_MODEL_FLAGS)]
    return _convert(found[0], kept, blob_name=name, files=found, **kwargs)


def from_zoo(name: str, **kwargs: Any) -> Any:
    """The blob of a model you have, by its zoo name.

    Looked up in ``zoo_dir`` (an argument, ``set_defaults`` or ``$OAKWRIGHT_ZOO``): a blob
    ``name*.blob``, a ``model.yml`` in a folder ``name`` with its files (`oakwright zoo`), a model
    ``name.onnx``, or the zoo's own ``name/FP16/name.xml``.
    """
    zoo_type = kwargs.get("zoo_type") or _DEFAULTS["zoo_type"]
    url = _server(kwargs.get("url"))
    if url and kwargs.get("zoo_dir") is None:
        kept = {key: value for key, value in kwargs.items() if key not in ("url", "zoo_dir")}
        return _ask(url, name, use_zoo=True, **kept)
    folder = _zoo_folder(kwargs.pop("zoo_dir", None))
    shaves = kwargs.get("shaves") or _DEFAULTS["shaves"]
    version = kwargs.get("version") or _DEFAULTS["version"]
    for base in (folder / zoo_type, folder):
        ready = base / f"{name}_openvino_{version}_{shaves}shave.blob"
        for blob in (ready, *sorted(base.glob(f"{name}_openvino_*_{shaves}shave.blob"))):
            if blob.is_file():
                return _copy_blob(blob, _target(name, kwargs))
        described = _from_manifest(base, name, shaves, kwargs)
        if described is not None:
            return described
        for model in (
            base / name / "FP16" / f"{name}.xml",
            base / name / "FP32" / f"{name}.xml",
            base / name / f"{name}.xml",
            base / name / f"{name}.onnx",
            base / f"{name}.xml",
            base / f"{name}.onnx",
        ):
            if model.is_file():
                return _convert(model, kwargs.pop("optimizer_params", None) or [], **kwargs)
        plain = base / f"{name}.blob"
        if plain.is_file():
            own = _shaves_of(plain)
            if kwargs.get("shaves") not in (None, own):
                raise UsageError(
                    f"{plain} is compiled for {own} shaves, {kwargs['shaves']} were asked for",
                    remedy="put the model beside it, or make one: `oakwright decompile`, then"
                    " `oakwright convert --shaves`",
                    key="shaves",
                )
            return _copy_blob(plain, _target(name, {**kwargs, "shaves": own}))
    raise UnreadableModel(
        f"'{name}' is not in your zoo folder {folder}",
        remedy=f"put {name}.blob, {name}.onnx or {name}/FP16/{name}.xml there, or name another"
        " folder with zoo_dir= or $OAKWRIGHT_ZOO; oakwright downloads nothing by itself",
        path=str(folder),
    )


def _from_manifest(base: Path, name: str, shaves: int, kwargs: dict[str, Any]) -> Path | None:
    """The blob of a model with a ``model.yml``, whose arguments say its preprocessing."""
    from oakwright import zoo

    if kwargs.get("optimizer_params") is not None:
        return None  # somebody knows better
    shelf = zoo.Shelf.of([base], base)
    if not any(path.parent.name == name for path in shelf.manifests()):
        return None
    compiled = kwargs.get("compile_params") or _DEFAULTS["compile_params"]
    text = compiled if isinstance(compiled, str) else " ".join(compiled)
    precision = text.partition("-ip ")[2].split(" ")[0] or "FP16"
    made = zoo.convert_model(
        shelf,
        shelf.find(name),
        shaves=int(shaves),
        input_precision=precision,
        cache=kwargs.get("use_cache", True),
    )
    for line in made.manifest["applied"]:
        _say(f"  {line}")
    return write_aside(_target(name, kwargs), made.blobs[int(shaves)])


def zoo_list(
    version: str | None = None,
    url: str | None = None,
    zoo_type: str = "intel",
    zoo_dir: PathLike | None = None,
) -> list[dict[str, Any]]:
    """Models in your zoo folder, or the server's, as blobconverter lists them."""
    server = _server(url)
    if server and zoo_dir is None:
        return remote.zoo_list(server, version or _DEFAULTS["version"], zoo_type)
    folder = _zoo_folder(zoo_dir)
    names: dict[str, set[str]] = {}
    for base in (folder / zoo_type, folder):
        if not base.is_dir():
            continue
        for path in base.rglob("*"):
            if path.suffix in (".xml", ".onnx", ".blob"):
                name = path.stem.partition("_openvino_")[0]
                kind = path.parent.name if path.parent.name.startswith("FP") else "FP16"
                names.setdefault(name, set()).add(kind)
    return [{"name": name, "data_types": sorted(names[name])} for name in sorted(names)]


def compile_blob(blob_name: str, req_data: Any = None, req_files: Any = None, **kwargs: Any) -> Any:
    """blobconverter's lower level: files by field name, the first one is the model."""
    files = {key: Path(value) for key, value in (req_files or {}).items()}
    if (req_data or {}).get("use_zoo"):
        return from_zoo(blob_name, **kwargs)
    if "config" in files:
        return from_config(blob_name, files["config"], **kwargs)
    models = [path for path in files.values() if path.suffix in (".onnx", ".xml", ".pb")]
    if not models:
        raise UsageError("compile_blob was given no model file", key="req_files")
    return _convert(models[0], [], blob_name=blob_name, **kwargs)


def is_valid_blob(blob_path: PathLike) -> bool:
    """Whether a file looks like a whole blob: magic number and size fit."""
    try:
        with Path(blob_path).open("rb") as file:
            head = file.read(60)
            size = file.seek(0, os.SEEK_END)
        magic, expected = struct.unpack_from("<II", head, 52)
    except (OSError, struct.error):
        return False
    return bool(magic == 9709 and expected <= size)


def is_valid_name(name: str) -> bool:
    """Whether blobconverter would take a model of that name."""
    return "." not in name and "=" not in name


def _convert(
    model: PathLike,
    optimizer_params: Sequence[str] | None,
    *,
    data_type: str | None = None,
    blob_name: str | None = None,
    version: str | None = None,
    shaves: int | None = None,
    output_dir: PathLike | None = None,
    url: str | None = None,
    use_cache: bool = True,
    compile_params: Sequence[str] | None = None,
    download_ir: bool = False,
    zoo_type: str | None = None,
    dry: bool = False,
    files: Sequence[Path] | None = None,
) -> Any:
    """Convert here, or on the server with all that belongs to the model (``files``)."""
    if not isinstance(model, (str, os.PathLike)):
        raise UsageError(f"the model must be a path, not {type(model).__name__}", key="model")
    path = Path(model)
    if not path.exists():
        raise FileNotFoundError(path)
    version, stamp = _version(version)
    shaves = int(shaves or _DEFAULTS["shaves"])
    wanted = _DEFAULTS["optimizer_params"] if optimizer_params is None else optimizer_params
    if isinstance(wanted, str):
        wanted = wanted.split()
    compiled = _DEFAULTS["compile_params"] if compile_params is None else compile_params
    if isinstance(compiled, str):
        compiled = [compiled]
    kind = (data_type or _DEFAULTS["data_type"]).upper()
    if kind not in ("FP16", "FP32", "FLOAT", "HALF"):
        raise UsageError(f"data_type {kind}: the chip computes in FP16", key="data_type")
    name = blob_name or path.stem
    target = _target(name, {"version": version, "shaves": shaves, "output_dir": output_dir})
    server = _server(url)
    if server:
        return _ask(
            server,
            name,
            files=files or _with_companion(path),
            optimizer_params=list(wanted),
            data_type=kind,
            version=version,
            shaves=shaves,
            dry=dry,
            output_dir=output_dir,
            compile_params=list(compiled),
            use_cache=use_cache,
            download_ir=download_ir,
            zoo_type=zoo_type,
        )
    if dry:
        mo = ["mo", f"--input_model={path}", f"--data_type={kind}", *wanted]
        tool = ["compile_tool", "-m", f"{name}.xml", "-o", target.name, *compiled]
        return {"model_optimizer": " ".join(mo), "compile_tool": " ".join(tool)}
    options, _ = conversion.from_arguments(wanted, compiled, shaves=shaves, stamp=stamp)
    _say(f"Converting {path.name} on this machine ...")
    if url or _DEFAULTS["url"]:
        _say(f"(the public converter at {url or _DEFAULTS['url']} is not asked)")
    result = conversion.convert(path, options=options, cache=use_cache)
    for line in result.manifest["applied"]:
        unasked = " (blobconverter's default)" if wanted is _SOURCE_RANGE else ""
        _say(f"  {line}{unasked}")
    for note in result.manifest["notes"]:
        _say(f"  note: {note}")
    if download_ir:
        return write_aside(target.with_suffix(".zip"), result.as_zip())
    written = write_aside(target, result.blobs[shaves])
    _say(f"Done: {written}")
    return written


def _ask(
    server: str,
    name: str,
    *,
    files: Sequence[Path] = (),
    use_zoo: bool = False,
    optimizer_params: Sequence[str] | None = None,
    data_type: str | None = None,
    version: str | None = None,
    shaves: int | None = None,
    output_dir: PathLike | None = None,
    use_cache: bool = True,
    compile_params: Sequence[str] | str | None = None,
    download_ir: bool = False,
    zoo_type: str | None = None,
    dry: bool = False,
) -> Any:
    """Have a server convert; gives what the local way gives."""
    version, _ = _version(version)
    compiled = _DEFAULTS["compile_params"] if compile_params is None else compile_params
    request = remote.Request(
        name=name,
        files=tuple(files),
        use_zoo=use_zoo,
        optimizer_params=tuple(optimizer_params or ()),
        data_type=data_type or _DEFAULTS["data_type"],
        version=version,
        shaves=int(shaves or _DEFAULTS["shaves"]),
        compile_params=compiled if isinstance(compiled, str) else " ".join(compiled),
        use_cache=use_cache,
        download_ir=download_ir,
        zoo_type=zoo_type or _DEFAULTS["zoo_type"],
        dry=dry,
    )
    if dry:
        return remote.commands(server, request)
    _say(f"Asking {remote.shown(server)} to convert {name} ...")
    content = remote.convert(server, request, _say, _DEFAULTS["progress_func"])
    given = {"version": version, "shaves": shaves, "output_dir": output_dir}
    target = _target(name, given)
    written = write_aside(target.with_suffix(".zip") if download_ir else target, content)
    _say(f"Done: {written}")
    return written


def _server(url: str | None) -> str:
    """The server to ask, or nothing: the public converter is somebody else's cloud."""
    found = url or _DEFAULTS["url"] or os.environ.get("OAKWRIGHT_SERVER") or ""
    return "" if remote.is_public(found) else found


def _with_companion(path: Path) -> list[Path]:
    """A model with the file that its format wants beside it."""
    beside = {".xml": ".bin", ".caffemodel": ".prototxt", ".pdmodel": ".pdiparams"}
    other = path.with_suffix(beside.get(path.suffix, path.suffix))
    return [path, other] if other != path and other.exists() else [path]


def _target(name: str, given: dict[str, Any]) -> Path:
    """Where a blob goes: blobconverter's file name, unless ``output_dir`` is a file's name."""
    version = given.get("version") or _DEFAULTS["version"]
    shaves = given.get("shaves") or _DEFAULTS["shaves"]
    folder = Path(given.get("output_dir") or _DEFAULTS["output_dir"])
    if folder.suffix == ".blob" and not folder.is_dir():
        return folder
    return folder / f"{name}_openvino_{version}_{shaves}shave.blob"


def _version(version: str | None) -> tuple[str, str]:
    version = version or _DEFAULTS["version"]
    if version not in conversion.STAMPS:
        raise UsageError(
            f"version {version} is not for the Myriad X",
            remedy=f"use one of {', '.join(v for v in conversion.STAMPS if v != '6.0')}",
            key="version",
        )
    return version, version


def _zoo_folder(given: PathLike | None) -> Path:
    place = given or _DEFAULTS["zoo_dir"] or os.environ.get("OAKWRIGHT_ZOO")
    return Path(place) if place else home() / "zoo"


def _shaves_of(blob: Path) -> int:
    """Number of shaves in a blob's header: the 13th word of the blob header at byte 52."""
    if not is_valid_blob(blob):
        raise UnreadableModel(f"{blob} is not a whole blob", path=str(blob))
    with blob.open("rb") as file:
        return int(struct.unpack("<I", file.read(104)[100:])[0])


def _copy_blob(source: Path, target: Path) -> Path:
    if not is_valid_blob(source):
        raise UnreadableModel(f"{source} is not a whole blob", path=str(source))
    if source.resolve() == target.resolve():
        return source
    return write_aside(target, source.read_bytes())


def _beside(model: Path, other: Path, kwargs: dict[str, Any], suffix: str) -> Any:
    """A model whose two files have different names or folders: put side by side, then converted."""
    import tempfile

    for path in (model, other):
        if not path.exists():
            raise FileNotFoundError(path)
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder) / model.name
        shutil.copyfile(model, joined)
        shutil.copyfile(other, joined.with_suffix(suffix))
        return _convert(joined, kwargs.pop("optimizer_params", None) or [], **kwargs)


def _refuse_url(model: PathLike, size: int | None, sha256: str | None) -> None:
    if str(model).startswith(("http://", "https://")) or size is not None or sha256 is not None:
        raise UsageError(
            f"{model}: oakwright downloads nothing by itself",
            remedy="fetch the file and give its path",
            key="model",
        )


def _say(text: str) -> None:
    if not _DEFAULTS["silent"]:
        print(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the same name; prints the result's path. Gives the exit code."""
    from .command import run

    return run(arguments)
