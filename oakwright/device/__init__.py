"""The virtual OAK: DepthAI v2 scripts run with no camera, on the CPU.

The real ``depthai`` package builds the pipeline; here it is read (``schema``), built (``graph``,
``nodes``) and run (``scheduler``), with frames from ``sources``. ``VirtualOak`` puts it in the
place of ``dai.Device`` for a ``with`` block; ``run_script`` does so for a whole script.

Names are loaded on first use, so that the pytest plugin costs nothing in runs without it.
"""

from __future__ import annotations

import importlib
from typing import Any

_FACE = {
    "BOARDS": "boards",
    "CameraSpec": "settings",
    "FrameSource": "sources",
    "NODES": "nodes",
    "Need": "bench",
    "Plan": "bench",
    "RESULTS": "bench",
    "Row": "bench",
    "RunResult": "runner",
    "Settings": "settings",
    "VirtualOak": "virtual",
    "bench_scripts": "bench",
    "as_markdown": "bench",
    "board_text": "board_file",
    "Profile": "profile",
    "profile_as_markdown": "profile",
    "profile_script": "profile",
    "write_profile": "profile",
    "find_board": "boards",
    "find_problems": "graph",
    "list_boards": "board_file",
    "open_source": "sources",
    "read_fault_file": "faults",
    "read_needs": "bench",
    "read_pipeline": "schema",
    "read_recording": "tape",
    "record_camera": "tape.live",
    "recorded_facts": "recorded",
    "run_script": "runner",
    "write_bench_table": "bench",
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'oakwright.device' has no attribute '{name}'")
    value = getattr(importlib.import_module(f".{_FACE[name]}", __name__), name)
    globals()[name] = value
    return value
