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
import os
import runpy
import signal
import sys
import threading
import traceback
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
WATCHDOG = "oakwright watchdog"


def main() -> int:
    """Run the script that ``sys.argv`` names; gives the exit code."""
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
        end=lambda: KeyboardInterrupt("the run is over"),
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
            if order["limit_s"]:
                _watch(float(order["limit_s"]), result, oak)
            code = _run(script, result)
            result.keep(oak, order["out"])
    except OakwrightError as error:
        code = result.set("error", str(error), 1)
    result.write(code)
    sys.stdout.flush()
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
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(script: str, result: _Result) -> int:
    sys.path[0] = str(Path(script).resolve().parent)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return result.set("exit" if code else "clean", f"the script exited with {stop.code}", code)
    except KeyboardInterrupt:
        return result.set("clean", "the script was interrupted at the end of its run", 0)
    except OakwrightError as error:
        return result.set("error", str(error), 1)
    except BaseException as error:
        _print_traceback(error)
        return result.set("crash", f"{type(error).__name__}: {error}", 1)
    return result.set("clean", "the script came to its end", 0)


class _Result:
    """What the runner gets to know, written once."""

    def __init__(self, path: Path, script: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_written = False
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

    def write(self, code: int) -> None:
        with self._lock:
            if not self._is_written:
                self._is_written = True
                self._path.write_text(json.dumps(self.facts | {"code": code}, default=str))


def _watch(limit_s: float, result: _Result, oak: VirtualOak) -> None:
    """Interrupt the script at its limit, end the process if that does not help."""

    def watch() -> None:
        deadline = real_monotonic() + limit_s
        while real_monotonic() < deadline:
            real_sleep(min(0.2, limit_s))
        where = _main_stack()
        if not result.facts["outcome"]:
            os.kill(os.getpid(), signal.SIGINT)
            real_sleep(LAST_WORDS_S)
        if result.facts["outcome"]:
            # The script has ended; only its device's threads, or its own, may still be at work.
            real_sleep(JOIN_S + LAST_WORDS_S)
            code = int(result.facts["code"])
            result.write(code)
            sys.stderr.flush()
            os._exit(code)
        held = ""
        scheduler = oak.session.scheduler if oak.session is not None else None
        if scheduler is not None and scheduler.is_deterministic:
            from .baton import describe_holder

            held = f"; {describe_holder(scheduler)} had the baton"
        result.set("hang", f"the script did not end after {limit_s:g} s{held}; it was {where}", 124)
        result.write(124)
        sys.stderr.flush()
        os._exit(124)

    # Started before the camera's clock could be in the way: its sleeps are real ones.
    thread = threading.Thread(target=watch, name=WATCHDOG, daemon=True)
    from .baton import real_waits

    with real_waits():
        thread.start()


def _main_stack() -> str:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    if frame is None:
        return "gone"
    entry = traceback.extract_stack(frame)[-1]
    return f"at line {entry.lineno} of {entry.filename} ({entry.name})"


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
    os.environ[VARIABLE] = settings.to_text()
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
            virtual = importlib.import_module(".virtual", __package__)
            oak = virtual.VirtualOak.from_settings(
                Settings.from_text(os.environ[VARIABLE]),
                end=lambda: KeyboardInterrupt("the run is over"),
            )
            oak.__enter__()
            atexit.register(oak.__exit__, None, None, None)


if __name__ == "__main__":
    faulthandler.enable()
    code = main()
    sys.exit(code)
