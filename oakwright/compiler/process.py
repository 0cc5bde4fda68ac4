"""Compiling, seen from the parent: children are started, given one job each, watched and buried.

A child (``worker.py``) is started before its job is due, so that its engine is loaded when its
turn comes; it compiles one network and ends. Everything large is in memory files: nothing is
left in a temporary folder, whatever happens, and no disk can be full.
"""

from __future__ import annotations

import ast
import contextlib
import logging
import marshal
import os
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oakwright.errors import EngineNotFound, UsageError

from . import diagnosis
from .library import Progress, require_engine
from .options import LAYOUTS, PRECISIONS, CompileOptions
from .origins import DUMP_KEY, StageOrigin, read_origins
from .parts import LIBRARIES

log = logging.getLogger("oakwright.compiler")

START_TIMEOUT_S = 60.0  # loading the engine takes 0.1 s; a cold network disk may need longer
LOG_KEPT = 4000  # characters of what the engine printed
HEADER = struct.Struct("<II")  # magic number and file size of a blob, at byte 52
HEADER_AT, MAGIC = 52, 9709

# Empty shells for the two packages: the child imports its two modules and nothing else.
_BOOT = """\
import sys
for name, path in (("oakwright", []), ("oakwright.compiler", [sys.argv.pop(1)])):
    shell = sys.modules[name] = type(sys)(name)
    shell.__path__ = path
from oakwright.compiler.worker import main
main()
"""


@dataclass(frozen=True)
class Compiled:
    """A blob and what it cost. ``seconds`` without the child's start; ``peak_kb`` resident.

    ``graph``: the engine's graph as DOT, where it was asked for.
    """

    blob: bytes
    seconds: float
    peak_kb: int
    graph: bytes = b""


def memory_file(name: str, content: bytes = b"") -> int:
    """An anonymous file in memory as a file descriptor, open at its end."""
    try:
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        # Pythons built against an old glibc lack the call; a nameless file does as well.
        with tempfile.TemporaryFile(prefix="oakwright-") as file:
            descriptor = os.dup(file.fileno())
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return descriptor


def _environment() -> dict[str, str]:
    """The child's environment: ours, without what would change how the engine works."""
    dropped = ("PYTHON", "NGRAPH_", "IE_", "VPU_", "MYRIAD_", "OV_", "OPENVINO_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    if "LD_LIBRARY_PATH" in kept:
        # Another OpenVINO there (its setupvars.sh) would be mixed with the engine's libraries.
        paths = kept["LD_LIBRARY_PATH"].split(":")
        kept["LD_LIBRARY_PATH"] = ":".join(
            path for path in paths if not any(Path(path, name).exists() for name in LIBRARIES)
        )
    return {**kept, "LC_ALL": "C"}


def _numbers(precisions: Any, layouts: Any) -> list[dict[str, int]]:
    """Two tables by tensor name, in the numbers of the engine's C API."""
    return [
        {name: PRECISIONS[precision] for name, precision in precisions},
        {name: LAYOUTS[layout] for name, layout in layouts},
    ]


@dataclass
class Child:
    """One compile process and its job."""

    index: int
    options: CompileOptions
    process: subprocess.Popen[bytes]
    report: int
    output: int
    printed: int
    graph: Path | None  # the engine's graph goes there, where it was asked for
    deadline: float
    started: float = 0.0  # when its job was given
    running: bool = False
    ready: bool = False
    buffer: bytes = b""
    answer: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        index: int,
        options: CompileOptions,
        folder: Path,
        network: Sequence[int],
        graph: Path | None = None,
    ) -> Child:
        """Start a process that loads the engine in ``folder`` and waits. ``network``: xml, bin."""
        if not sys.executable:
            raise EngineNotFound(
                "no Python to run the engine in: sys.executable is empty",
                remedy="run oakwright from a regular Python, not an embedded one",
                looked_in="",
            )
        skip = options.skip_device_wait and os.environ.get("OAKWRIGHT_STOCK_WAIT", "0") in ("", "0")
        with contextlib.ExitStack() as on_error:

            def kept(descriptor: int) -> int:
                on_error.callback(os.close, descriptor)
                return descriptor

            output = kept(memory_file("blob"))
            printed = kept(memory_file("log"))
            report, report_end = map(kept, os.pipe())
            stub = memory_file("libusb")
            command = [sys.executable, "-I", "-S", "-c", _BOOT, str(Path(__file__).parent)]
            command += [str(os.getpid()), str(folder), str(report_end), str(stub)]
            command += [str(int(skip)), str(options.memory_limit_mb or 0)]
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=printed,
                    stderr=printed,
                    cwd="/",
                    env=_environment(),
                    pass_fds=(*network, output, report_end, stub),
                    start_new_session=True,  # a Ctrl-C at the terminal is ours to handle
                )
            except OSError as error:
                raise diagnosis.crash(f"it could not be started ({error})", "") from error
            finally:
                os.close(stub)
            on_error.pop_all()
            os.close(report_end)
        deadline = time.monotonic() + START_TIMEOUT_S
        return cls(index, options, process, report, output, printed, graph, deadline)

    def give_job(self, network: Sequence[int]) -> None:
        """Let it compile; its time runs from here."""
        options = self.options
        config = options.engine_config()
        if self.graph:
            config[DUMP_KEY] = str(self.graph)
        job = {
            "xml": network[0],
            "weights": network[1],
            "blob": self.output,
            "config": config,
            "input": _numbers(options.input_precisions, options.input_layouts),
            "output": _numbers(options.output_precisions, options.output_layouts),
        }
        assert self.process.stdin is not None
        self.running = True
        self.started = time.monotonic()
        self.deadline = self.started + options.timeout_s
        with contextlib.suppress(BrokenPipeError):  # it died: its end will be noticed
            self.process.stdin.write(marshal.dumps(job))
            self.process.stdin.close()

    def kill(self) -> None:
        """End it with whatever it may have started, and give back what it held."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        for descriptor in (self.report, self.output, self.printed):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def listen(self) -> bool:
        """Take what it reports; False when it has ended."""
        data = os.read(self.report, 1 << 16)
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            message = ast.literal_eval(line.decode())
            if message["state"] == "ready":
                self.ready = True
                for note in message["notes"]:
                    log.warning("%s", note)
            else:
                self.answer = message
        return bool(data)

    def result(self) -> Compiled:
        """What it made; raises what went wrong. It has ended."""
        seconds = time.monotonic() - self.started
        status = self.process.wait()
        printed = _content(self.printed)[-LOG_KEPT:].decode("utf-8", "replace").strip()
        state = self.answer.get("state")
        facts = {"shaves": self.options.shaves}
        if state == "done":
            blob = _content(self.output)
            if len(blob) < HEADER_AT + HEADER.size or (
                HEADER.unpack_from(blob, HEADER_AT) != (MAGIC, len(blob))
            ):
                # The engine does not look whether its writing succeeded.
                raise diagnosis.crash("full disk", printed, **facts)
            graph = self.graph.read_bytes() if self.graph else b""
            return Compiled(blob, seconds, self.answer["peak_kb"], graph)
        if state == "refused":
            limit = self.options.memory_limit_mb
            raise diagnosis.refusal(self.answer["step"], self.answer["throws"], limit)
        if state == "wrong name":
            raise UsageError(self.answer["text"], remedy="use one of the names the network has")
        if state == "not loaded":
            raise diagnosis.not_loaded(self.answer["text"], self.options.memory_limit_mb)
        if state == "memory" or "bad_alloc" in printed or "MemoryError" in printed:
            raise diagnosis.crash("memory", printed, **facts)
        reason = diagnosis.signal_reason(-status) if status < 0 else f"exit status {status}"
        raise diagnosis.crash(reason, printed, **facts)


def _content(descriptor: int) -> bytes:
    """All of an open file."""
    size, parts, at = os.fstat(descriptor).st_size, [], 0
    while at < size and (part := os.pread(descriptor, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def compile_ir(
    xml: bytes,
    weights: bytes,
    options: CompileOptions | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Compile one IR (version 10, opset 1..7) to the bytes of a blob.

    ``xml`` and ``weights`` are the contents of the IR's two files. The first call on a machine
    fetches the engine; ``progress`` is told (standard error, where it is None).

    Raises CompileError (``layer``, ``engine_message``) where the engine refuses the network,
    EngineCrashed (``reason``: timeout, memory, signal ...), EngineNotFound, UsageError for a
    tensor name that the network does not have.
    """
    return run_all(xml, weights, [options or CompileOptions()], 1, progress)[0].blob


def compile_traced(
    xml: bytes,
    weights: bytes,
    options: CompileOptions | None = None,
    progress: Progress | None = None,
) -> tuple[bytes, tuple[StageOrigin, ...]]:
    """As `compile_ir`, with the layer of the IR that each stage of the blob was made for."""
    made = run_all(xml, weights, [options or CompileOptions()], 1, progress, wants_graph=True)[0]
    return made.blob, read_origins(made.graph.decode("utf-8", "replace"))


def compile_many(
    xml: bytes,
    weights: bytes,
    options: Sequence[CompileOptions],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[bytes]:
    """Compile one IR in several ways at once; the blobs come in the order of ``options``.

    ``workers`` compiles run at a time (one per available core where it is None). The first
    refusal ends all; it raises as ``compile_ir`` does.
    """
    return [made.blob for made in run_all(xml, weights, options, workers, progress)]


def run_all(
    xml: bytes,
    weights: bytes,
    options: Sequence[CompileOptions],
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    wants_graph: bool = False,
) -> list[Compiled]:
    """``compile_many``, with what each blob cost and, where asked for, the engine's graph."""
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise UsageError(f"workers is {workers!r}", remedy="give a whole number from 1")
    for name, content in (("xml", xml), ("weights", weights)):
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise UsageError(
                f"{name} is a {type(content).__name__}", remedy="give the file's bytes"
            )
    if not options:
        return []
    folder = require_engine(progress)
    results: dict[int, Compiled] = {}
    waiting = deque(enumerate(options))
    children: dict[int, Child] = {}  # by report descriptor
    with contextlib.ExitStack() as stack:
        # The engine cuts the ending off the graph's name and adds its own: no memory file does.
        graphs = Path(stack.enter_context(tempfile.TemporaryDirectory())) if wants_graph else None
        network = []
        for name, content in (("xml", xml), ("weights", weights)):
            network.append(memory_file(name, content))
            stack.callback(os.close, network[-1])
        selector = stack.enter_context(selectors.DefaultSelector())
        stack.callback(_bury, children)
        while len(results) < len(options):
            # As many again are loading the engine while the first ones compile.
            while waiting and len(children) < 2 * workers:
                index, each = waiting.popleft()
                graph = graphs / f"{index}.dot" if graphs else None
                child = Child.start(index, each, folder, network, graph)
                children[child.report] = child
                selector.register(child.report, selectors.EVENT_READ)
            free = workers - sum(child.running for child in children.values())
            for child in [c for c in children.values() if c.ready and not c.running][:free]:
                child.give_job(network)
            watched = [c for c in children.values() if c.running or not c.ready]
            patience = min(c.deadline for c in watched) - time.monotonic()
            for key, _ in selector.select(max(patience, 0.0)):
                child = children[key.fd]
                if not child.listen():
                    results[child.index] = child.result()
                    selector.unregister(child.report)
                    del children[key.fd]
                    child.kill()
                    _tell(progress, child.options, results, len(options))
            for child in watched:
                if child.report in children and time.monotonic() > child.deadline:
                    raise diagnosis.crash("timeout", "", shaves=child.options.shaves)
    return [results[index] for index in range(len(options))]


def _bury(children: dict[int, Child]) -> None:
    """Kill whoever is left: nobody, unless something was raised."""
    for child in children.values():
        child.kill()


def _tell(
    progress: Progress | None, options: CompileOptions, results: dict[int, Compiled], of: int
) -> None:
    if progress is not None and of > 1:
        progress(f"compiled for {options.shaves} shaves ({len(results)} of {of})")
