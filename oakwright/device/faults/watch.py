"""Waits beside a device's nodes for the moment its link goes; says before that it gets hot."""

from __future__ import annotations

from collections.abc import Callable

from ..scheduler import Scheduler, Waiting, never
from .injector import FaultInjector
from .timeline import OFF_AFTER_S, WARNS_AT_C, WARNS_EVERY_S, Loss

# As the firmware begins it; people search for these words.
TOO_HOT = f"Temperature above {WARNS_AT_C:.0f}C. Device will shutdown if not reduced."


class LinkWatch:
    """See the module. ``lose`` takes the device down, ``say_hot`` logs the firmware's words."""

    def __init__(
        self,
        scheduler: Scheduler,
        injector: FaultInjector,
        lose: Callable[[Loss], None],
        say_hot: Callable[[str], None],
    ) -> None:
        self._scheduler, self._injector = scheduler, injector
        self._lose, self._say_hot = lose, say_hot
        self._is_started = False

    def start(self) -> None:
        """Begin to wait, if there is anything to wait for."""
        loss = self._injector.next_loss()
        if loss is not None:
            self._is_started = True
            # A group of its own: it ends the nodes, which are another.
            self._scheduler.spawn("the link", lambda: self._run(loss), self)

    def stop(self) -> None:
        """End it; returns when it has."""
        if self._is_started:
            self._scheduler.stop(self)

    def _run(self, loss: Loss) -> None:
        if loss.fault.kind == "hot":
            for number in range(int(OFF_AFTER_S / WARNS_EVERY_S)):
                self._wait(loss.at_s - OFF_AFTER_S + number * WARNS_EVERY_S)
                self._say_hot(TOO_HOT)
        self._wait(loss.at_s)
        self._injector.struck(loss)
        self._lose(loss)

    def _wait(self, at_s: float) -> None:
        scheduler = self._scheduler
        until = scheduler.clock.now() + at_s - self._injector.now_s()
        scheduler.wait(never, Waiting("waits for its fault"), until=until)
