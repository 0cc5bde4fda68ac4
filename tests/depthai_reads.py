"""Every blob that any test compiles is given to DepthAI's own parser, which must read the same.

Installed by conftest.py where depthai is: it wraps the one place all blobs come through.
"""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

COUNT = 0  # blobs compared in this process
TYPES = {"FP16": "FP16", "U8F": "U8", "INT": "I32", "FP32": "FP32", "I8": "I8"}


def install() -> None:
    """Wrap the compile child's result."""
    from oakwright.compiler.process import Child

    plain = Child.result

    @functools.wraps(plain)
    def checked(self):
        compiled = plain(self)
        compare(compiled.blob)
        return compiled

    Child.result = checked


def compare(data: bytes) -> None:
    """Inputs, outputs and shaves as DepthAI reads them against ours."""
    global COUNT
    os.environ.setdefault("DEPTHAI_LEVEL", "error")
    import depthai

    from oakwright.blob import Blob

    blob = Blob.from_bytes(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.blob")
        path.write_bytes(data)
        parsed = depthai.OpenVINO.Blob(str(path))
    assert parsed.numShaves == blob.shaves
    for theirs, ours in (
        (parsed.networkInputs, blob.inputs),
        (parsed.networkOutputs, blob.outputs),
    ):
        assert sorted(theirs) == sorted(info.name for info in ours)
        for info in ours:
            tensor = theirs[info.name]
            assert list(tensor.dims) == list(info.desc.dims), info.name
            assert TYPES[tensor.dataType.name] == info.spec.precision.value, info.name
    COUNT += 1
