"""Script: Python on the device, with the names that are there.

All of ``depthai``'s message classes stand without ``dai.``; ``node`` is the script's own face;
``time.sleep`` ends when the device closes. An exception ends the script and is logged, as on the
device; the other nodes go on.
"""

from __future__ import annotations

import builtins
import datetime
import textwrap
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import depthai as dai
import numpy as np

from ..boards import copy_calibration
from ..clock import VirtualClock
from ..log import Level
from ..message import set_layer
from ..queue import Queue
from ..schema import NodeRecord
from .node import Context, Node
from .script_gpio import gpio_module

# Marks threads in which a script runs.
_ON_DEVICE = threading.local()
# Classes a script makes with a size: NNData(150).
_SIZED = ("Buffer", "NNData", "ImgFrame")
# What a send costs in virtual time: a script that only sends must see time pass.
_SEND_S = 0.0001


class Script(Node):
    """See the module."""

    honoured = ("scriptUri", "scriptName")
    harmless = ("processor",)
    sends = ("io/",)
    repeats = False

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        data = record.asset(record.properties["scriptUri"])
        if data is None:
            yield "no script: call setScript or setScriptPath"
            return
        try:
            compile(_source(data), record.properties["scriptName"], "exec")
        except SyntaxError as error:
            yield f"line {error.lineno} of the script: {error.msg}"

    def step(self) -> None:
        """Run the script to its end."""
        source = _source(self.record.asset(self.properties["scriptUri"]))
        code = compile(source, self.properties["scriptName"], "exec")
        _ON_DEVICE.script = True
        try:
            exec(code, script_names(self))
        except SystemExit:
            pass
        except Exception as error:
            lines = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(lines) if f.filename == code.co_filename), "?")
            self.error(f"line {line} of the script: {type(error).__name__}: {error}")


class _ScriptInput:
    """``node.io['in']``; also what ``node.inputs`` holds."""

    def __init__(self, owner: Script, key: str) -> None:
        self._queue = owner.inputs[key].queue

    def get(self) -> Any:
        return self._queue.get()

    def tryGet(self) -> Any:
        return self._queue.poll()

    def getAll(self) -> list[Any]:
        self._queue.await_message()
        return self._queue.take_all()

    def tryGetAll(self) -> list[Any]:
        return self._queue.take_all()

    def has(self) -> bool:
        now = self._queue.scheduler.clock.now()
        return self._queue.await_message(until=now + self._queue.scheduler.poll_s)


class _ScriptOutput:
    """``node.io['out']``; also what ``node.outputs`` holds."""

    def __init__(self, owner: Script, key: str) -> None:
        self._owner, self._key = owner, key

    def send(self, message: Any) -> None:
        self._owner.send(self._key, message)
        scheduler = self._owner.context.scheduler
        if scheduler.is_deterministic:
            scheduler.sleep(_SEND_S)

    def trySend(self, message: Any) -> bool:
        """Send only where no receiver would hold the sender up; whether it was sent."""
        scheduler = self._owner.context.scheduler
        # Nobody else may take the room between the question and the sending.
        with scheduler.lock:
            is_free = not any(_is_full(q) for q in self._owner.output(self._key).targets)
            if is_free:
                self._owner.send(self._key, message)
        # A script that only tries must see time pass, and must not starve the reader.
        if scheduler.is_deterministic or not is_free:
            scheduler.sleep(_SEND_S)
        return is_free


def _is_full(queue: Queue) -> bool:
    return queue.is_blocking and 0 < queue.size <= len(queue)


class _Face:
    """``node`` inside a script."""

    def __init__(self, owner: Script) -> None:
        self.id = owner.record.id
        self.inputs = {k.rpartition("/")[2]: _ScriptInput(owner, k) for k in owner.inputs}
        self.outputs = {k.rpartition("/")[2]: _ScriptOutput(owner, k) for k in owner.outputs}
        self.io: dict[str, Any] = {**self.outputs, **self.inputs}
        for level in Level:
            setattr(self, _LEVEL_METHODS.get(level, level.name.lower()), _logger(owner, level))

    def getId(self) -> int:
        return self.id

    def getName(self) -> str:
        return "Script"


_LEVEL_METHODS = {Level.ERR: "error", Level.OFF: "off"}


def _logger(owner: Script, level: Level) -> Callable[..., None]:
    def say(*words: Any) -> None:
        owner.context.log.say(level, owner.title, " ".join(str(w) for w in words))

    return say


class _Sized(type):
    """A message class as scripts have it: made with a size, in all else ``depthai``'s own."""

    original: Any

    def __call__(cls, size: int = 0) -> Any:
        message = cls.original()
        message.setData(np.zeros(int(size), np.uint8))
        return message

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.original, name)

    def __instancecheck__(cls, message: Any) -> bool:
        return isinstance(message, cls.original)


def _sized(name: str) -> type:
    """``ImgFrame(size)``, ``ImgFrame.Type`` and ``isinstance(frame, ImgFrame)`` all hold."""
    return _Sized(name, (), {"original": getattr(dai, name)})


def script_names(owner: Script) -> dict[str, Any]:
    """What a script's code finds: node, messages and enums, time and clock, facts."""
    names = {
        name: getattr(dai, name)
        for name in dir(dai)
        if not name.startswith("_") and name not in ("Device", "DeviceBase", "Pipeline", "node")
    }
    names |= {name: _sized(name) for name in _SIZED}
    module = _time_module(owner.context)
    own = {"time": module, "GPIO": gpio_module(owner)}
    return names | {
        "__name__": "__main__",
        "__builtins__": {**vars(builtins), "__import__": _importer(own)},
        "__device_id__": owner.context.device_id,
        "__version__": dai.__version__,
        "node": _Face(owner),
        "time": module,
        "Clock": _clock(owner.context),
        "Device": _device_face(owner.context),
    }


def _device_face(context: Context) -> Any:
    """``Device`` inside a script: what it may ask of the device it runs on."""

    def read_calibration() -> Any:
        return copy_calibration(context.calibration())

    face = types.SimpleNamespace(
        readCalibration=read_calibration,
        readCalibration2=read_calibration,
        getMxId=lambda: context.device_id,
        getDeviceId=lambda: context.device_id,
        getConnectedCameras=lambda: [
            dai.CameraBoardSocket(c.socket) for c in context.board.cameras
        ],
        getDeviceName=lambda: context.board.product,
        getIrDrivers=list,
        setIrLaserDotProjectorBrightness=_no_driver,
        setIrLaserDotProjectorIntensity=_no_driver,
        setIrFloodLightBrightness=_no_driver,
        setIrFloodLightIntensity=_no_driver,
    )

    class Device:
        """Both ``Device.readCalibration()`` and ``Device().readCalibration()`` are written."""

        def __new__(cls, *arguments: Any) -> Any:
            return face

    for name, function in vars(face).items():
        setattr(Device, name, staticmethod(function))
    return Device


def _no_driver(*arguments: Any) -> bool:
    """Our boards have no infrared light: it is not set."""
    return False


def _clock(context: Context) -> Any:
    class Clock:
        """Stands for ``dai.Clock``."""

        @staticmethod
        def now() -> Any:
            return datetime.timedelta(seconds=_reading(context))

    return Clock


def _reading(context: Context) -> float:
    clock = context.clock
    return clock.reading() if isinstance(clock, VirtualClock) else clock.now()


def _time_module(context: Context) -> types.ModuleType:
    """``time`` as the script has it: its sleep ends when the device does."""
    module = types.ModuleType("time", "time on the device")
    module.__dict__.update({k: v for k, v in vars(time).items() if not k.startswith("__")})
    module.__dict__["sleep"] = context.scheduler.sleep
    return module


def _importer(own: Mapping[str, types.ModuleType]) -> Callable[..., Any]:
    def import_one(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and name in own:
            return own[name]
        return builtins.__import__(name, globals, locals, fromlist, level)

    return import_one


def _source(data: Any) -> str:
    """The script's text. Scripts are written indented, inside a call, and blobs may end in 0."""
    text = bytes(data).decode("utf-8", errors="replace").rstrip("\0")
    return textwrap.dedent(text)


def patch_messages() -> Callable[[], None]:
    """Make messages behave as the device's own do; gives the function that undoes it.

    ``NNData.setLayer`` takes effect at once, and inside a script ``setData`` takes bytes, which on
    the host it refuses.
    """
    owner: Any = dai.NNData
    original = owner.setLayer
    owner.setLayer = set_layer

    messages: Any = dai.Buffer
    set_data = messages.setData

    def set_any_data(message: Any, data: Any) -> None:
        if isinstance(data, (bytes, bytearray, memoryview)) and hasattr(_ON_DEVICE, "script"):
            data = np.frombuffer(data, np.uint8)
        set_data(message, data)

    messages.setData = set_any_data

    def undo() -> None:
        messages.setData = set_data
        owner.setLayer = original

    return undo
