"""A process that reads a stranger's model: no network, bounded memory, time and files.

Without a network by a namespace of its own where the kernel gives one, and by a filter on system
calls, which needs no rights. `without_network` says which of them took hold; nothing is assumed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import subprocess
import sys
from contextlib import suppress

from .settings import Settings

_PDEATHSIG, _NO_NEW_PRIVS, _SECCOMP, _FILTER = 1, 38, 22, 2  # prctl(2)
_NEWUSER, _NEWNET = 0x10000000, 0x40000000  # unshare(2)
# Machine: (audit's number, socket, io_uring_setup), of the kernel's own tables.
_MACHINES = {"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)}
_X32 = 0x40000000  # a second set of numbers on x86_64
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: ld, jeq, jge, ret
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_UNIX = 1
LARGEST_FILE = 8 << 30


def bind_to_parent(settings: Settings) -> None:
    """End with the parent, give way to others, take no more than allowed."""
    end_with_parent()
    give_way()
    hold_bounds(settings)


def end_with_parent() -> None:
    """End when the parent does; what is forked from here must say it for itself."""
    _libc().prctl(_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server


def give_way() -> None:
    """Answering comes before converting."""
    with suppress(OSError):
        os.nice(5)


def hold_bounds(settings: Settings) -> None:
    """Take no more memory, processor time and disk than allowed."""
    memory = settings.memory_mb << 20
    # Data rather than address space: libraries map much that they never touch.
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, LARGEST_FILE)
    # Behind the clock that the worker watches: for what outlives its worker.
    _lower(resource.RLIMIT_CPU, int(settings.job_s * (os.cpu_count() or 1)) + 60)


def without_network() -> list[str]:
    """Cut this process and all it starts off the network; gives what took hold.

    ``namespace``: it sees no interface but a loopback that is down. ``seccomp``: it can make no
    socket but a local one. Call it before there are threads. Empty where neither can be had.
    """
    found = []
    if _in_namespace():
        found.append("namespace")
    if _filtered():
        found.append("seccomp")
    return found


def probe() -> list[str]:
    """What `without_network` gives on this machine, found out in a process of its own."""
    code = "from oakwright.server.isolate import *; print(*without_network())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.split() if done.returncode == 0 else []


def _in_namespace() -> bool:
    libc, user, group = _libc(), os.geteuid(), os.getegid()
    if libc.unshare(_NEWNET) == 0:  # root may do it plainly
        return True
    if libc.unshare(_NEWUSER | _NEWNET) != 0:
        return False
    # The same user inside, so that files belong to whom they did.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with suppress(OSError), open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    return True


def _filtered() -> bool:
    """A filter that refuses sockets other than local ones, and io_uring, which makes its own."""
    numbers = _MACHINES.get(platform.machine())
    if numbers is None:
        return False
    arch, socket, io_uring = numbers
    refuse = _ERRNO | errno.EACCES
    # Each row: code, rows to skip if so, rows to skip if not, value.
    rows = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 0, 7, arch),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 5, 0, _X32),
        (_EQUAL, 4, 0, io_uring),
        (_EQUAL, 0, 4, socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 2, 0, _UNIX),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *row) for row in rows)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Program(len(rows), ctypes.cast(buffer, ctypes.c_void_p))
    libc = _libc()
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)


def _lower(what: int, value: int) -> None:
    """Set a limit, or leave a stricter one that is there."""
    hard = resource.getrlimit(what)[1]
    least = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (least, least))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
