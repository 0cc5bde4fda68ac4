"""The compile child: load the engine, wait for one job, compile it, report, end.

Runs in a Python of its own with nothing but the standard library (``process.py`` starts it);
a crash, a hang or an exhausted memory of the engine ends this process and no other.

What comes in: on standard input the job, marshalled. What goes out: a line with a Python literal
on the report pipe when the engine is loaded, and one when the job is done. Large things travel in
memory files that the parent holds open too: the IR in, the blob out, and what the engine prints.

What is imported here is counted: json, signal, typing and pathlib would double the start.
"""

from __future__ import annotations

import ctypes
import gc
import marshal
import mmap
import os
import resource
import sys

from . import patch
from .parts import LIBRARIES

TYPE_CHECKING = False  # known to type checkers; the module typing stays out
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
SIGKILL = 9
FLOATS = (10, 11, 13)  # precision_e: FP32, FP16, FP64
FP16, I32, U8 = 11, 70, 40
LAYOUT_C = 96
KEPT_THROWS = 12


class Refused(Exception):
    """A call of the engine failed; ``step`` says which."""

    def __init__(self, step: str, code: int) -> None:
        super().__init__(step)
        self.step = step
        self.code = code


class WrongName(Exception):
    """An option names an input or output that the network does not have."""


class Dimensions(ctypes.Structure):
    """``dimensions_t`` of the C API."""

    _fields_ = (("ranks", ctypes.c_size_t), ("dims", ctypes.c_size_t * 8))


class TensorDesc(ctypes.Structure):
    """``tensor_desc_t`` of the C API."""

    _fields_ = (("layout", ctypes.c_int), ("dims", Dimensions), ("precision", ctypes.c_int))


class Config(ctypes.Structure):
    """``ie_config_t`` of the C API: a linked list of keys and values."""


Config._fields_ = (
    ("name", ctypes.c_char_p),
    ("value", ctypes.c_char_p),
    ("next", ctypes.POINTER(Config)),
)


class Engine:
    """The Inference Engine's C API, with the few calls a compile needs."""

    def __init__(
        self, folder: str, stub: int, skip_wait: bool, throws: list[tuple[str, str]]
    ) -> None:
        self.throws = throws
        self.notes: list[str] = []
        patch.blind(stub)
        loaded = {name: ctypes.CDLL(f"{folder}/{name}") for name in LIBRARIES}
        self.api = loaded["libinference_engine_c_api.so"]
        # libstdc++ throws for itself: bad_alloc above all. libtbb throws nothing of interest.
        speakers = [ctypes.CDLL("libstdc++.so.6")]
        speakers += [library for name, library in loaded.items() if "tbb" not in name]
        try:
            patch.record_throws(speakers, self._record)
        except patch.PatchImpossible as error:
            self.notes.append(f"the engine's own error texts cannot be read: {error}")
        if skip_wait:
            try:
                patch.skip_device_wait(loaded["libmyriadPlugin.so"])
            except patch.PatchImpossible as error:
                self.notes.append(f"the device wait cannot be skipped, 5 s per blob: {error}")
        self.core = ctypes.c_void_p()
        plugins = f"{folder}/plugins.xml".encode()
        self.call("start", "ie_core_create", plugins, ctypes.byref(self.core))

    def _record(self, kind: str, text: str) -> None:
        self.throws.append((kind, text[:8000]))
        del self.throws[:-KEPT_THROWS]

    def call(self, step: str, function: str, *arguments: Any) -> None:
        """Call one function of the C API; anything but OK raises Refused."""
        code = getattr(self.api, function)(*arguments)
        if code:
            raise Refused(step, code)

    def read(self, xml: bytes, weights: mmap.mmap | bytearray) -> ctypes.c_void_p:
        """An IR in memory, as a network. ``weights`` must outlive it and not be empty."""
        # Both buffers stay referenced: the network's constants point into the weights.
        self.buffer = (ctypes.c_char * len(weights)).from_buffer(weights)
        shape = Dimensions(1, (ctypes.c_size_t * 8)(len(weights)))
        desc = TensorDesc(LAYOUT_C, shape, U8)
        blob, network = ctypes.c_void_p(), ctypes.c_void_p()
        size = ctypes.c_size_t(len(weights))
        make = "ie_blob_make_memory_from_preallocated"
        self.call("read", make, ctypes.byref(desc), self.buffer, size, ctypes.byref(blob))
        length = ctypes.c_size_t(len(xml))
        read = "ie_core_read_network_from_memory"
        self.call("read", read, self.core, xml, length, blob, ctypes.byref(network))
        return network

    def tensors(self, network: ctypes.c_void_p, side: str) -> list[str]:
        """Names of the network's inputs (``side`` is "input") or outputs."""
        count = ctypes.c_size_t()
        self.call("io", f"ie_network_get_{side}s_number", network, ctypes.byref(count))
        names = []
        for number in range(count.value):
            name = ctypes.c_char_p()
            ask = f"ie_network_get_{side}_name"
            self.call("io", ask, network, ctypes.c_size_t(number), ctypes.byref(name))
            names.append((name.value or b"").decode())
        return names

    def set_tensors(
        self,
        network: ctypes.c_void_p,
        side: str,
        precisions: dict[str, int],
        layouts: dict[str, int],
    ) -> None:
        """Set element types and layouts of one side; types not given become FP16 or I32."""
        names = self.tensors(network, side)
        for name in (*precisions, *layouts):
            if name not in names:
                raise WrongName(f"the network has no {side} '{name}' (it has {', '.join(names)})")
        for name in names:
            own = ctypes.c_int()
            key = name.encode()
            ask = f"ie_network_get_{side}_precision"
            self.call("io", ask, network, key, ctypes.byref(own))
            default = FP16 if own.value in FLOATS else I32
            precision = precisions.get(name, default)
            self.call("io", f"ie_network_set_{side}_precision", network, key, precision)
            if name in layouts:
                self.call("io", f"ie_network_set_{side}_layout", network, key, layouts[name])

    def compile(self, network: ctypes.c_void_p, config: dict[str, str], output: int) -> None:
        """Compile for the Myriad X and write the blob to the open file ``output``."""
        links = (Config * len(config))()
        for number, (key, value) in enumerate(config.items()):
            links[number].name, links[number].value = key.encode(), value.encode()
            if number:
                links[number - 1].next = ctypes.pointer(links[number])
        executable = ctypes.c_void_p()
        load = "ie_core_load_network"
        made = ctypes.byref(executable)
        self.call("compile", load, self.core, network, b"MYRIAD", links, made)
        path = f"/proc/self/fd/{output}".encode()
        self.call("write", "ie_core_export_network", executable, path)


def live_with(parent: int) -> None:
    """Die with the process that started us; leave no core file."""
    # The kernel means the thread that started us; it waits for us, so it lives as long.
    patch.libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before we asked
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak_kb() -> int:
    """The most memory this process has held so far, in KiB."""
    # Not getrusage: its number starts with what the parent held when it started us.
    with open("/proc/self/status", "rb") as file:  # noqa: PTH123 - no pathlib in the child
        for line in file:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1])
    return 0


def weights_of(descriptor: int) -> mmap.mmap | bytearray:
    """The weights, mapped; private, so that nobody's copy can change under the engine."""
    if os.fstat(descriptor).st_size == 0:
        return bytearray(1)  # a network without constants; the engine wants an address
    return mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE)


def work(engine: Engine, job: dict[str, Any]) -> dict[str, Any]:
    """Do one job; the answer says "done", "refused" or "wrong name"."""
    try:
        xml = os.pread(job["xml"], os.fstat(job["xml"]).st_size, 0)
        network = engine.read(xml, weights_of(job["weights"]))
        for side in ("input", "output"):
            engine.set_tensors(network, side, *job[side])
        engine.compile(network, job["config"], job["blob"])
    except Refused as error:
        return {"state": "refused", "step": error.step, "code": error.code}
    except WrongName as error:
        return {"state": "wrong name", "text": str(error)}
    except MemoryError:
        return {"state": "memory"}
    return {"state": "done"}


def main() -> None:
    """Live once. Arguments: parent's process id, engine folder, descriptors, two settings."""
    parent, folder, report, stub, skip_wait, memory_mb = sys.argv[1:]
    live_with(int(parent))
    gc.disable()  # nothing lives long enough to be worth a search
    if int(memory_mb):
        limit = int(memory_mb) << 20
        allowed = resource.getrlimit(resource.RLIMIT_AS)[1]
        if allowed != resource.RLIM_INFINITY:
            limit = min(limit, allowed)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def tell(**message: Any) -> None:
        message["peak_kb"] = peak_kb()
        os.write(int(report), ascii(message).encode() + b"\n")

    throws: list[tuple[str, str]] = []
    try:
        engine = Engine(folder, int(stub), skip_wait == "1", throws)
    except OSError as error:  # dlopen's text names the file and the reason
        tell(state="not loaded", text=str(error))
        os._exit(0)
    except Refused as error:
        tell(state="refused", step=error.step, code=error.code, throws=throws)
        os._exit(0)
    except MemoryError:
        tell(state="memory")
        os._exit(0)
    tell(state="ready", notes=engine.notes)
    order = sys.stdin.buffer.read()
    if order:  # else: the parent has no job for us any more
        del throws[:]
        answer = work(engine, marshal.loads(order))
        tell(**answer, throws=throws)
    os._exit(0)  # without the engine's destructors: they only cost time
