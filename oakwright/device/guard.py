"""Stands between the runner and a script, so that no process of the script's outlives it.

Run as ``python -I -S guard.py COMMAND...``: it starts the command and ends as that does. Orphans
of the script's, however they were made, become its children (``PR_SET_CHILD_SUBREAPER``), and are
ended before it goes. SIGTERM, or the runner's death, ends them all at once; SIGUSR1 interrupts the
script. It loads next to nothing, because every run waits for its start.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
# Rounds of ending children: each may orphan theirs, which come here next.
_ROUNDS = 1000


def main(command: list[str]) -> int:
    """Run to the end; gives the exit code, or dies of the signal the command died of."""
    runner = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # Ctrl-C is the script's own affair; a handler, unlike SIG_IGN, is not inherited.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: _end_children())
    if os.getppid() != runner:
        return 1
    script = os.posix_spawn(command[0], command, os.environ)
    signal.signal(signal.SIGUSR1, lambda *_: _kill(script, signal.SIGINT))
    code = _await(script)
    _end_children()
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _await(script: int) -> int:
    """The script's exit code; orphans that end before it are collected on the way."""
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return -signal.SIGTERM
        if pid == script:
            return os.waitstatus_to_exitcode(status)


def _end_children() -> None:
    """End all there are, and those that come here when they end, until none is left."""
    for _ in range(_ROUNDS):
        for pid in _children():
            _kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _children() -> list[int]:
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes longer to load than this runs
        try:
            with open(f"/proc/{name}/stat") as file:  # noqa: PTH123
                parent = file.read().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if name.isdigit() and int(parent) == os.getpid():
            found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
