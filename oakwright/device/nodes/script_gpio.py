"""``GPIO`` as a Script node imports it: pins that are there, and lead nowhere.

What a script writes it reads again; nothing outside ever moves a pin, so an interrupt never comes.
That is said once in the log. Names are those of the firmware's module.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from ..scheduler import Waiting, never
from .node import Node

_CONSTANTS = {
    "IN": 0,
    "OUT": 1,
    "PULL_NONE": 0,
    "PULL_DOWN": 1,
    "PULL_UP": 2,
    "RISING": 0,
    "FALLING": 1,
    "LEVEL_HIGH": 2,
    "LEVEL_LOW": 3,
}
# The chip's pins.
_PINS = 64


def gpio_module(owner: Node) -> types.ModuleType:
    """The module for one Script."""
    module = types.ModuleType("GPIO", "pins that lead nowhere")
    pins = _Pins(owner)
    module.__dict__.update(_CONSTANTS)
    for name in (
        "setup",
        "release",
        "write",
        "read",
        "setPwm",
        "enablePwm",
        "setInterrupt",
        "clearInterrupt",
        "hasInterruptEvent",
        "waitInterruptEvent",
    ):
        module.__dict__[name] = pins.named(name)
    return module


class _Pins:
    def __init__(self, owner: Node) -> None:
        self._owner = owner
        self._levels: dict[int, bool] = {}

    def named(self, name: str) -> Callable[..., Any]:
        """A function of the module; the first use of any is said."""
        does = getattr(self, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._owner.warn("GPIO: pins lead nowhere here", once=True)
            return does(*arguments, **named)

        return call

    def setup(self, gpio: int, direction: int, pull: int = 0, exclusive: bool = True) -> bool:
        self._check(gpio)
        self._levels.setdefault(gpio, pull == _CONSTANTS["PULL_UP"])
        return True

    def release(self, gpio: int) -> bool:
        self._check(gpio)
        return self._levels.pop(gpio, None) is not None

    def write(self, gpio: int, value: Any) -> bool:
        self._check(gpio)
        self._levels[gpio] = bool(value)
        return True

    def read(self, gpio: int) -> int:
        self._check(gpio)
        return int(self._levels.get(gpio, False))

    def setPwm(self, gpio: int, highCount: int, lowCount: int, repeat: int = 0) -> bool:
        self._check(gpio)
        return True

    def enablePwm(self, gpio: int, enable: Any) -> bool:
        self._check(gpio)
        return True

    def setInterrupt(self, gpio: int, edge: int, priority: int, callback: Any = None) -> bool:
        self._check(gpio)
        return True

    def clearInterrupt(self, gpio: int) -> bool:
        self._check(gpio)
        return True

    def hasInterruptEvent(self, gpio: int = -1) -> bool:
        return False

    def waitInterruptEvent(self, gpio: int = -1) -> int:
        self._owner.context.scheduler.wait(never, Waiting("waits for a pin that nothing moves"))
        return gpio

    @staticmethod
    def _check(gpio: int) -> None:
        if not 0 <= int(gpio) < _PINS:
            raise ValueError(f"GPIO {gpio}: pins are 0 to {_PINS - 1}")
