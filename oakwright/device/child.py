"""The process a script runs in: the virtual camera in its place, the script, and how it ended.

Run as ``python -m oakwright.device.child SCRIPT [ARGUMENTS]`` by ``runner.py``, with settings in
the environment. Also what the script's own child processes load (``replace_on_import``).
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import importlib
import json
import math
import os
import runpy
import signal
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import replace
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from oakwright.errors import OakwrightError

from .clock import real_monotonic, real_sleep
from .scheduler import JOIN_S
from .settings import VARIABLE, Settings

if TYPE_CHECKING:
    from .virtual import VirtualOak

# What the runner gives the first process only.
MAIN_VARIABLE = "OAKWRIGHT_VIRTUAL_OAK_MAIN"
HOOK = Path(__file__).parent / "hook"
# How long a script has to end after it was interrupted, in real seconds.
LAST_WORDS_S = 3.0
# How long one task of a deterministic run may go without a wait, where no patience is set.
PATIENCE_S = 60.0
WATCHDOG = "oakwright watchdog"


class RunIsOver(KeyboardInterrupt, SystemExit):
    """As Ctrl-C for code that waits for it; otherwise thread or process end silently, with 0."""

    code = 0


def _end_threads_silently() -> None:
    """Let the run's end pass in threads as well, where Python lets only SystemExit itself."""
    tell = threading.excepthook

    def tell_others(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, RunIsOver):
            tell(args)

    threading.excepthook = tell_others


def main() -> int:
    """Run the script that ``sys.argv`` names; gives the exit code."""
    _end_threads_silently()
    # depthai complains of a USB that nobody needs here.
    os.environ.setdefault("DEPTHAI_LEVEL", "error")
    order = json.loads(os.environ.pop(MAIN_VARIABLE))
    settings = Settings.from_text(order["settings"])
    _pass_on(settings)
    script, arguments = sys.argv[1], sys.argv[1:]
    sys.argv = arguments
    result = _Result(Path(order["result"]), script)
    from .virtual import VirtualOak

    oak = VirtualOak.from_settings(
        settings,
        end=lambda: RunIsOver("the run is over"),
        view=order["view"],
        auto=order["auto"],
    )
    try:
        with oak:
            if oak.real_cameras:
                # The script's child processes are to have the real one too.
                os.environ.pop(VARIABLE, None)
            if order["out"] and oak.windows is not None:
                oak.windows.folder = Path(order["out"])
            if order["limit_s"] or settings.deterministic:
                _watch(float(order["limit_s"] or math.inf), result, oak)
            code = _run(script, result)
            result.keep(oak, order["out"])
    except OakwrightError as error:
        code = result.set("error", str(error), 1)
    result.write(code)
    _flush()
    if any(thread.daemon and thread.name != WATCHDOG for thread in threading.enumerate()):
        _leave(code)
    return code


def _leave(code: int) -> NoReturn:
    """End the process beside threads that go on: a node that would not end, the script's own.

    While the interpreter ends by itself, such a thread that comes back from OpenCV or OpenVINO
    aborts the process ("terminate called without an active exception").
    """
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            thread.join()
    atexit._run_exitfuncs()
    gc.collect()  # closes the files that the script left open
    _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The script may have closed or replaced them.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _run(script: str, result: _Result) -> int:
    sys.path[0] = str(Path(script).resolve().parent)
    try:
        runpy.run_path(script, run_name="__main__")
    except KeyboardInterrupt as stop:
        # The end of the run has words, an interrupt from outside has none.
        where = _place(stop, script)
        if stop.args or result.is_told_to_end:
            text = f"the script was interrupted at the end of its run{where}"
            return result.set("clean", text, 0)
        return result.set("interrupted", f"the script was interrupted{where}", 130)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return result.set("exit" if code else "clean", f"the script exited with {stop.code}", code)
    except OakwrightError as error:
        return result.set("error", str(error), 1)
    except BaseException as error:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        result.set("crash", text, 1)
        with suppress(OSError, ValueError):
            _print_traceback(error)
        return 1
    return result.set("clean", "the script came to its end", 0)


class _Result:
    """What the runner gets to know, written once."""

    def __init__(self, path: Path, script: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_written = False
        self.is_told_to_end = False
        self.facts: dict[str, Any] = {"script": script, "outcome": "", "message": "", "code": 0}

    def set(self, outcome: str, message: str, code: int) -> int:
        self.facts |= {"outcome": outcome, "message": message, "code": code}
        return code

    def keep(self, oak: VirtualOak, out: str) -> None:
        """Take the report, and the windows' last pictures where a folder is wanted."""
        self.facts["report"] = oak.report()
        failure = self.facts["report"]["failure"]
        if failure and self.facts["outcome"] == "clean":
            self.set("error", failure, 1)
        if out and oak.windows is not None:
            oak.windows.save(Path(out))

    def write(self, code: int, *, again: bool = False) -> None:
        with self._lock:
            if again or not self._is_written:
                self._is_written = True
                self._path.write_text(json.dumps(self.facts | {"code": code}, default=str))


def _watch(limit_s: float, result: _Result, oak: VirtualOak) -> None:
    """Interrupt the script at its limit, end the process if that does not help.

    In deterministic runs also where a node, or a thread of the script's, keeps the baton: nothing
    else can go on then.
    """
    from .baton import baton_holder, real_waits

    scheduler = oak.session.scheduler if oak.session is not None else None
    patience_s = oak.settings.patience_s or PATIENCE_S
    script = result.facts["script"]

    def watch() -> None:
        deadline = real_monotonic() + limit_s
        seen, since = None, real_monotonic()
        while (now := real_monotonic()) < deadline:
            at_work = baton_holder(scheduler)
            if at_work is not None and at_work[1].thread is threading.main_thread():
                # It may be waiting for a process of its own, or compute: as with a real camera.
                at_work = None
            if at_work is None or at_work != seen or result.facts["outcome"]:
                seen, since = at_work, now
            elif now - since > patience_s:
                where = _place_of(at_work[1].thread, script)
                text = f"{at_work[1].name} has not given way for {patience_s:g} s{where}"
                _end_hanging(result, f"{text}: it hangs, or needs more --patience")
            real_sleep(min(0.2, limit_s))
        where = _place_of(threading.main_thread(), script)
        if not result.facts["outcome"]:
            result.is_told_to_end = True
            # To that thread itself: one that waits in a lock must be woken by it.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            real_sleep(LAST_WORDS_S)
        if result.facts["outcome"]:
            # The script has ended; only its device's threads, or its own, may still be at work.
            real_sleep(JOIN_S + LAST_WORDS_S)
            code = int(result.facts["code"])
            result.facts["message"] += "; what it left running was ended"
            result.write(code, again=True)
            _flush()
            os._exit(code)
        holder = baton_holder(scheduler)
        held = f"; {holder[1].name} had the baton" if holder is not None else ""
        _end_hanging(result, f"the script did not end after {limit_s:g} s{where}{held}")

    # Started before the camera's clock could be in the way: its sleeps are real ones.
    thread = threading.Thread(target=watch, name=WATCHDOG, daemon=True)
    with real_waits():
        thread.start()


def _end_hanging(result: _Result, text: str) -> NoReturn:
    result.set("hang", text, 124)
    result.write(124)
    _flush()
    os._exit(124)


def _place_of(thread: threading.Thread | None, script: str) -> str:
    """Where in the script, or else at all, a thread is, for a message."""
    frame = sys._current_frames().get((thread and thread.ident) or 0)
    if frame is None:
        return ""
    entries = traceback.extract_stack(frame)
    entry = ([e for e in entries if e.filename == script] or entries)[-1]
    return f", in line {entry.lineno} of {Path(entry.filename).name}"


def _place(error: BaseException, script: str) -> str:
    """Where in the script it struck, for a message; nothing where it struck elsewhere."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
    return f", in line {lines[-1]} of {Path(script).name}" if lines else ""


def _print_traceback(error: BaseException) -> None:
    """As Python would, from the script's own first line on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (
        __file__,
        runpy.__file__,
        "<frozen runpy>",
    ):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


# -- the script's own child processes


def _pass_on(settings: Settings) -> None:
    # One recording, and one file, is of one process.
    os.environ[VARIABLE] = replace(settings, record="", uvc="").to_text()
    paths = [str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def replace_on_import() -> None:
    """Once this process imports ``depthai``, put the virtual camera in its place."""
    sys.meta_path.insert(0, _DepthaiFinder())


class _DepthaiFinder(MetaPathFinder):
    """Sees ``import depthai`` go by and lets the real finder answer, with our loader around it."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != "depthai":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _ReplacingLoader(spec.loader)
        return spec


class _ReplacingLoader(Loader):
    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._real.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._real.exec_module(module)
        if os.environ.get(VARIABLE):
            _end_threads_silently()
            virtual = importlib.import_module(".virtual", __package__)
            oak = virtual.VirtualOak.from_settings(
                Settings.from_text(os.environ[VARIABLE]),
                end=lambda: RunIsOver("the run is over"),
            )
            oak.__enter__()
            atexit.register(oak.__exit__, None, None, None)


if __name__ == "__main__":
    faulthandler.enable()
    code = main()
    sys.exit(code)
