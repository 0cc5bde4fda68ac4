"""Conversion processes by fork: what every one of them needs is loaded once.

Loading Python, OpenVINO and the readers takes longer than converting a small model. So a worker
starts one process that loads all that, before there is a job, and never reads a model. It forks
for each job; the child reads the stranger's model and ends, and nothing of it stays.

The two speak over a socket pair: ``begin``, with the child's pipes, and ``end``, which is answered
by the child's status. Whoever loses the other end dies.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from typing import IO, Any

from oakwright import conversion

from .child import do_job
from .isolate import end_with_parent, give_way, hold_bounds, without_network
from .settings import Settings

_BEGIN, _END = b"begin", b"end"
_PATIENCE_S = 10.0  # for a status; one who gives none is killed
TICK_S = 0.1
LOG_KEPT = 4000  # characters of what the conversion printed

# What a conversion needs of the environment; keys of stores and queues are none of its business.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("LC_", "PYTHON", "OAKWRIGHT_", "OMP_", "XDG_")
_SECRET = ("OAKWRIGHT_QUEUE", "OAKWRIGHT_STORE", "OAKWRIGHT_SERVER")  # may hold passwords


def child_environment() -> dict[str, str]:
    """The environment of a process that reads strangers' models."""
    return {
        name: value
        for name, value in os.environ.items()
        if (name in _KEPT or name.startswith(_KEPT_PREFIXES)) and name not in _SECRET
    }


class Nursery:
    """The process that conversion processes are forked from; made anew where it died."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._start()

    def child(self) -> Child:
        """A process that waits for a job."""
        if self.process.poll() is not None:
            self.close()
            self._start()
        return Child(self)

    def begin(self, *ends: int) -> None:
        """Have a child forked that has these ends: of its orders, its reports, what it prints."""
        # Where the nursery just died, the ends are closed with it: a child that ended at once.
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            socket.send_fds(self._socket, [_BEGIN], [*ends])

    def end(self) -> int:
        """End the child with all it started; gives its status as `subprocess` does."""
        try:
            self._socket.send(_END)
            status = self._socket.recv(64)
        except OSError:  # too late, or nobody is there
            status = b""
        if status:
            return int(status)
        self.close()
        return -signal.SIGKILL

    def close(self) -> None:
        """End it, and with it its child."""
        self.process.kill()
        self.process.wait()
        self._socket.close()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_PATIENCE_S)
        with theirs:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "oakwright.server.nursery"),
                    *(self._settings.as_text(), str(os.getpid()), str(theirs.fileno())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=child_environment(),
            )


class Child:
    """A conversion process, forked before its job comes."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self.report, report = os.pipe()
        orders, self._orders = os.pipe()
        self.printed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        nursery.begin(orders, report, self.printed.fileno())
        for end in (orders, report):
            os.close(end)
        self._buffer = b""
        self._status: int | None = None

    def is_alive(self) -> bool:
        """Whether it still waits; asked before it has a job, when it says nothing yet."""
        return self._status is None and not select.select([self.report], [], [], 0)[0]

    def give(self, job: dict[str, Any]) -> None:
        """Let it work."""
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._orders, "wb") as orders:
            orders.write(json.dumps(job).encode() + b"\n")
        self._orders = -1

    def listen(self) -> list[dict[str, Any]] | None:
        """What it reported within a tick; None when it has ended."""
        if not select.select([self.report], [], [], TICK_S)[0]:
            return []
        data = os.read(self.report, 1 << 16)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        messages = [json.loads(line) for line in lines]
        return messages if data or messages else None

    def kill(self) -> int:
        """End it with all it started; gives its status as `subprocess` does."""
        if self._status is None:
            self._status = self._nursery.end()
            os.close(self.report)
            if self._orders >= 0:
                os.close(self._orders)
        return self._status

    def log_text(self) -> str:
        """The end of what it printed; asked once, when it is dead."""
        with self.printed as file:
            file.seek(0)
            return file.read()[-LOG_KEPT:].decode("utf-8", "replace").strip()


def main() -> None:
    """Fork on demand. Arguments: the settings, the worker's number, the socket."""
    settings, worker = Settings.from_text(sys.argv[1]), int(sys.argv[2])
    orders = socket.socket(fileno=int(sys.argv[3]))
    end_with_parent()
    give_way()
    if os.getppid() != worker:
        return  # it died before its end could be ours
    without_network()  # while there is one thread
    conversion.preload()
    gc.freeze()  # what is shared with the children stays so
    # The library that has threads here, OpenBLAS, puts them to sleep around a fork.
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    child = 0
    while True:
        order, ends, _, _ = socket.recv_fds(orders, 16, 3)
        if order == _BEGIN:
            child = _fork(settings, orders, ends)
            for end in ends:
                os.close(end)
        elif order == _END:
            orders.send(str(_reap(child)).encode())
        else:
            return  # the worker is gone


def _fork(settings: Settings, orders: socket.socket, ends: list[int]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(child, child)  # whoever comes first
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        orders.close()
        end_with_parent()
        if os.getppid() == parent:
            hold_bounds(settings)
            jobs, report, printed = ends
            for number in (1, 2):
                os.dup2(printed, number)
            do_job(settings, jobs, report)
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # what the nursery would do at its end is not this process' to do


def _reap(child: int) -> int:
    """The status of a child that is dead then, with all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
