"""What a crashed device leaves: ``depthai``'s crash dump, filled with what is known here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oakwright.files import write_aside

from .spec import Fault

# Where depthai keeps dumps of devices it sees crash, and under which name.
FOLDER_VARIABLE, FILE_NAME = "DEPTHAI_CRASHDUMP", "{id}-depthai_crash_dump.json"
_STACK_BASE, _STACK_SIZE = 0x90000000, 0x4000
_HANG_THREAD = "watchdog"


def make_dump(fault: Fault, device_id: str, titles: Iterable[str]) -> Any:
    """A ``dai.CrashDump``: a thread for every node, of which ``fault.node`` crashed.

    Without a node in the fault the first one did; a device that hung was ended by its watchdog.
    Addresses are made up.
    """
    import depthai as dai

    threads, crashed = [], 0
    names = [*titles, _HANG_THREAD]
    for number, name in enumerate(names):
        thread = dai.CrashDump.CrashReport.ThreadCallstack()
        thread.threadId, thread.threadName = number, name
        thread.threadStatus = "RUNNING"
        thread.stackBottom = _STACK_BASE + number * _STACK_SIZE
        thread.stackTop = thread.stackBottom + _STACK_SIZE
        thread.stackPointer = thread.stackTop - 0x100
        threads.append(thread)
    if fault.kind == "hang":
        crashed = len(names) - 1
    elif fault.node:
        crashed = next(i for i, n in enumerate(names) if _is_node(n, fault.node))
    report = dai.CrashDump.CrashReport()
    report.processor = dai.ProcessorType.LEON_MSS
    report.errorSource = "WATCHDOG" if fault.kind == "hang" else "ASSERT"
    report.crashedThreadId, report.threadCallstack = crashed, threads
    dump = dai.CrashDump()
    dump.deviceId, dump.depthaiCommitHash = device_id, "oakwright"
    dump.crashReports = [report]
    return dump


def keep_dump(dump: Any) -> Path | None:
    """Write it where the variable says, as depthai does on the host; None where it says nothing."""
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if not folder or folder == "0":
        return None
    path = Path(folder) / FILE_NAME.format(id=dump.deviceId)
    write_aside(path, json.dumps(dump.serializeToJson(), indent=2).encode())
    return path


def _is_node(title: str, wanted: str) -> bool:
    return wanted in (title, title.partition("(")[0])
