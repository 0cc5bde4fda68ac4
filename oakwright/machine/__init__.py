"""Run a blob on the CPU as the format defines it: memory, stages in order, one kernel per type.

``run(blob, inputs)`` gives the outputs; ``Machine(blob)`` keeps the memory between runs; a tracer
(``trace``) is told every stage. Clear before fast: the decompiler is the fast way.
"""

from .kernels import KERNELS, UNSUPPORTED
from .machine import Machine, run
from .memory import Memory
from .trace import Event, RunEnd, RunStart, StageEnd, StageStart, Tracer, write_trace

__all__ = [
    "KERNELS",
    "UNSUPPORTED",
    "Event",
    "Machine",
    "Memory",
    "RunEnd",
    "RunStart",
    "StageEnd",
    "StageStart",
    "Tracer",
    "run",
    "write_trace",
]
