"""Where the compile engine lies, and how it gets there.

The engine is the Inference Engine 2021.4.2 with its MYRIAD plugin. Nothing of it is part of
oakwright: it is fetched once, on first use or by ``oakwright engine install``, as a wheel from
the package index that pip is set up for. The wheel is never installed: it would overwrite
``cv2``. A few of its libraries go into oakwright's own cache folder, which is on no import path;
its firmware images and its OpenCV stay out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oakwright.errors import EngineNotFound, OutputError
from oakwright.files import home

from .parts import LIBRARIES

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Wheel:
    """A file of a package index, known down to its bytes. ``size`` is in bytes."""

    project: str
    version: str
    filename: str
    size: int
    sha256: str


ENGINE_VERSION = "2021.4.2"
ENGINE_WHEEL = Wheel(
    project="opencv-python-inference-engine",
    version="2022.1.5",
    filename="opencv_python_inference_engine-2022.1.5-py3-none-manylinux1_x86_64.whl",
    size=41_256_320,
    sha256="cc4081c86e958abf38d37c3d410cdc31aa14f42d746acfccb1deadd72ba861e7",
)

MANIFEST = "engine.json"
PLUGINS_FILE = "plugins.xml"
# Only the plugin that we call; the wheel's own file names four more that are not unpacked.
PLUGINS_XML = """\
<ie>
    <plugins>
        <plugin name="MYRIAD" location="libmyriadPlugin.so">
        </plugin>
    </plugins>
</ie>
"""
MIN_GLIBC = (2, 27)
PIP_TIMEOUT_S = 900.0


def installed_folder() -> Path:
    """Where ``install_engine`` puts the engine, whether it is there or not."""
    return home() / "engine" / ENGINE_WHEEL.sha256[:12]


def platform_problem() -> str:
    """Why the engine cannot run here, or an empty text."""
    if not sys.platform.startswith("linux"):
        return f"the compile engine exists for Linux only, this is {sys.platform}"
    machine = os.uname().machine
    if machine not in ("x86_64", "amd64"):
        return f"the compile engine exists for x86-64 only, this is {machine}"
    if sys.maxsize < 1 << 32:
        return "the compile engine is a 64-bit library, this Python is a 32-bit one"
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        found = tuple(int(part) for part in version.split(".")[:2])
    except (ValueError, OSError):
        name, found = "", ()
    if name != "glibc":
        return "the compile engine needs glibc (musl, as in Alpine, does not do)"
    if found < MIN_GLIBC:
        return f"the compile engine needs glibc {MIN_GLIBC[0]}.{MIN_GLIBC[1]}, this is {version}"
    return ""


def missing_files(folder: Path) -> list[str]:
    """What a folder lacks of a whole engine; files of another size than noted count as lacking."""
    sizes: dict[str, int] = {}
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        sizes = {name: entry["size"] for name, entry in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # a folder that was put together by hand has no manifest
    missing = []
    for name in (*LIBRARIES, PLUGINS_FILE):
        try:
            size = (folder / name).stat().st_size
        except OSError:
            size = -1
        if size < 0 or size != sizes.get(name, size):
            missing.append(name)
    return missing


def engine_path() -> Path | None:
    """The engine's folder: ``$OAKWRIGHT_ENGINE`` where that is set, else the cache; None if absent.

    Raises EngineNotFound where ``$OAKWRIGHT_ENGINE`` names a folder without a whole engine.
    """
    named = os.environ.get("OAKWRIGHT_ENGINE")
    if named:
        folder = Path(named).expanduser().absolute()
        missing = missing_files(folder)
        if missing:
            raise EngineNotFound(
                f"OAKWRIGHT_ENGINE is {folder}, which lacks {', '.join(missing)}",
                remedy="unset it, or name a folder made by 'oakwright engine install'",
                looked_in=str(folder),
            )
        return folder
    folder = installed_folder()
    return None if missing_files(folder) else folder


def engine_info() -> dict[str, Any]:
    """Facts about the engine for a person or a report: version, folder, source, platform."""
    problem = platform_problem()
    try:
        folder, trouble = engine_path(), ""
    except EngineNotFound as error:
        folder, trouble = None, error.message
    return {
        "version": ENGINE_VERSION,
        "installed": folder is not None,
        "folder": str(folder or os.environ.get("OAKWRIGHT_ENGINE") or installed_folder()),
        "problem": trouble,
        "wheel": ENGINE_WHEEL.filename,
        "wheel_sha256": ENGINE_WHEEL.sha256,
        "wheel_bytes": ENGINE_WHEEL.size,
        "platform_ok": not problem,
        "platform_problem": problem,
    }


def require_engine(progress: Progress | None = None) -> Path:
    """The engine's folder; fetched now if it is not here yet.

    Raises EngineNotFound where it cannot run on this platform, cannot be had, or may not be
    fetched (``OAKWRIGHT_OFFLINE=1``).
    """
    _refuse_platform()
    folder = engine_path()
    if folder is not None:
        return folder
    if os.environ.get("OAKWRIGHT_OFFLINE", "0") not in ("", "0"):
        raise EngineNotFound(
            f"the compile engine is not in {installed_folder()}, and OAKWRIGHT_OFFLINE is set",
            remedy=_by_hand(),
            looked_in=str(installed_folder()),
        )
    return install_engine(progress=progress)


def install_engine(wheel: Path | None = None, progress: Progress | None = None) -> Path:
    """Put the engine into the cache: from ``wheel``, or fetched by pip. Returns its folder.

    Any number of processes may do this at once. An engine that is there already is left alone.
    Raises EngineNotFound (``looked_in``) and OutputError (``path``).
    """
    _refuse_platform()
    target = installed_folder()
    if not missing_files(target):
        if wheel is not None:
            check_wheel(wheel)  # whoever names a file wants to know that it is the right one
        return target
    if wheel is None and os.environ.get("OAKWRIGHT_OFFLINE"):
        raise EngineNotFound(
            "the compile engine is not here, and OAKWRIGHT_OFFLINE forbids fetching it",
            remedy=f"'oakwright engine install --wheel {ENGINE_WHEEL.filename}' takes it from a"
            " file",
            looked_in=str(target),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpack.", dir=target.parent) as name:
            workplace = Path(name)
            source = wheel if wheel is not None else _fetch(workplace, progress or _say)
            check_wheel(source)
            unpacked = workplace / "engine"
            _unpack(source, unpacked)
            _move(unpacked, target, workplace)
    except OSError as error:
        raise OutputError(
            f"cannot put the compile engine into {target}: {error.strerror or error}",
            remedy="free 60 MB there, or set OAKWRIGHT_HOME to another folder",
            path=str(target),
        ) from error
    return target


def check_wheel(path: Path) -> None:
    """Refuse any file but the very wheel we know; nothing of it is unpacked before."""
    try:
        size = path.stat().st_size
        if size == ENGINE_WHEEL.size:
            with path.open("rb") as file:
                digest = hashlib.sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
            found = digest.hexdigest()
        else:
            found = f"another file of {size} bytes"
    except OSError as error:
        raise EngineNotFound(
            f"cannot read {path}: {error.strerror or error}",
            remedy=f"give the file {ENGINE_WHEEL.filename}",
            looked_in=str(path),
        ) from None
    if found != ENGINE_WHEEL.sha256:
        raise EngineNotFound(
            f"{path} is not the engine's wheel: sha256 {ENGINE_WHEEL.sha256} is expected"
            f" ({ENGINE_WHEEL.size} bytes), it is {found}",
            remedy=f"fetch {ENGINE_WHEEL.project} {ENGINE_WHEEL.version} again: it is damaged, or "
            "the index serves another file under that name",
            looked_in=str(path),
        )


def _refuse_platform() -> None:
    problem = platform_problem()
    if problem:
        raise EngineNotFound(
            problem,
            remedy="convert on x86-64 Linux (or WSL 2); blobs can be read and run anywhere",
            looked_in="",
        )


def _by_hand() -> str:
    return (
        f"elsewhere: pip download --no-deps {ENGINE_WHEEL.project}=={ENGINE_WHEEL.version}; "
        "then here: oakwright engine install --wheel FILE"
    )


def _say(text: str) -> None:
    print(f"oakwright: {text}", file=sys.stderr)


def _fetch(folder: Path, progress: Progress) -> Path:
    """Let pip download the wheel into ``folder``, by the user's own index settings."""
    wheel = ENGINE_WHEEL
    progress(
        f"fetching the compile engine once, {wheel.size / 1e6:.0f} MB"
        f" ({wheel.project} {wheel.version}, by pip)"
    )
    # A Python without pip (uv, slim images) may still have one beside it; the wheel is the same.
    pips = [[sys.executable, "-m", "pip"]]
    pips += [[found] for found in map(shutil.which, ("pip", "pip3")) if found]
    arguments = ["download", "--no-deps", "--only-binary", ":all:", "--quiet", "--dest"]
    arguments += [str(folder), "--disable-pip-version-check", "--no-input"]
    arguments += [f"{wheel.project}=={wheel.version}"]
    reason = ""
    for pip in pips:
        try:
            result = subprocess.run(
                [*pip, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PIP_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"pip did not finish within {PIP_TIMEOUT_S:.0f} s"
            break
        except OSError as error:
            reason = f"{pip[0]}: {error.strerror or error}"
            continue
        path = folder / wheel.filename
        if result.returncode == 0 and path.is_file():
            return path
        text = result.stdout.decode("utf-8", "replace").strip()
        if "No module named pip" not in text:
            reason = text[-600:] or f"pip ended with status {result.returncode}"
            break
        reason = reason or "this Python has no pip"
    raise EngineNotFound(
        f"the compile engine could not be fetched: {reason}",
        remedy=_by_hand(),
        looked_in=str(installed_folder()),
    )


def _unpack(source: Path, folder: Path) -> None:
    """Write the needed libraries to a new folder, each checked against the wheel's RECORD."""
    folder.mkdir()
    files: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(source) as archive:
        record = next(n for n in archive.namelist() if n.endswith(".dist-info/RECORD"))
        hashes = {
            line.split(",")[0]: line.split(",")[1]
            for line in archive.read(record).decode().splitlines()
        }
        for name in LIBRARIES:
            data = archive.read(f"cv2/{name}")
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            if hashes.get(f"cv2/{name}") != f"sha256={digest}":
                raise EngineNotFound(
                    f"{source}: {name} is not what the wheel's own RECORD says",
                    remedy="fetch the wheel again",
                    looked_in=str(source),
                )
            (folder / name).write_bytes(data)
            files[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name in archive.namelist():  # the licence texts stay with the libraries
            if ".dist-info/LICENSE" in name:
                (folder / Path(name).name).write_bytes(archive.read(name))
    (folder / PLUGINS_FILE).write_text(PLUGINS_XML)
    manifest = {
        "engine": ENGINE_VERSION,
        "wheel": ENGINE_WHEEL.filename,
        "wheel_sha256": ENGINE_WHEEL.sha256,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _move(unpacked: Path, target: Path, workplace: Path) -> None:
    """Rename into place; whoever comes second uses what the first one put there."""
    unpacked.chmod(0o755)
    for attempt in range(2):
        try:
            unpacked.rename(target)
            return
        except OSError:
            if not missing_files(target):
                return
            if attempt:
                raise
            # An incomplete engine is in the way: aside with it, it goes with the workplace.
            target.rename(workplace / "incomplete")
