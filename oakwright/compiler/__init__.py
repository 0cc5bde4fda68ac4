"""IR bytes to blob bytes, through OpenVINO 2021.4's engine in a child process.

The engine is fetched on first use (``library``), runs in a process of its own per blob
(``process``, ``worker``) with its five-second search for a USB stick taken out (``patch``), and
its complaints come back as CompileError with layer and remedy (``diagnosis``).
"""

from .library import (
    ENGINE_VERSION,
    ENGINE_WHEEL,
    engine_info,
    engine_path,
    install_engine,
    require_engine,
)
from .options import MAX_SHAVES, CompileOptions
from .origins import StageOrigin
from .process import compile_ir, compile_many, compile_traced

__all__ = [
    "ENGINE_VERSION",
    "ENGINE_WHEEL",
    "MAX_SHAVES",
    "CompileOptions",
    "StageOrigin",
    "compile_ir",
    "compile_many",
    "compile_traced",
    "engine_info",
    "engine_path",
    "install_engine",
    "require_engine",
]
