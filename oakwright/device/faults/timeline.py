"""What of the faults holds at a moment: functions of time alone, so that runs repeat.

Times are seconds since the first pipeline of the session started.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..vitals import celsius_at
from .spec import REBOOT_S, Fault

# How long the host goes without a ping before it gives a device up (depthai's watchdog).
WATCHDOG_S = 4.5
# The firmware warns at this temperature, every so often, and turns the chip off after a while.
WARNS_AT_C, WARNS_EVERY_S, OFF_AFTER_S = 105.0, 1.0, 5.0
# From here on every second frame is left out. Made up: the firmware's own rule is not published.
THROTTLES_AT_C = 100.0
_ENDS = ("disconnect", "crash", "hang", "hot")


@dataclass(frozen=True)
class Loss:
    """The link goes at ``at_s`` and can be had again from ``until_s`` on (inf: never)."""

    fault: Fault
    at_s: float
    until_s: float


class Timeline:
    """See the module."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        self._hot = [f for f in self.faults if f.kind == "hot"]
        self._drops = [f for f in self.faults if f.kind == "drop"]
        self._slow = [f for f in self.faults if f.kind == "slow"]
        self._hangs = [f for f in self.faults if f.kind == "hang"]

    # -- the link

    def next_loss(self, after_s: float) -> Loss | None:
        """The first loss at that moment or later."""
        losses = [loss for f in self.faults if (loss := _loss_from(f, after_s)) is not None]
        return min(losses, key=lambda loss: loss.at_s, default=None)

    def unplugged_until(self, now_s: float) -> float | None:
        """When the cable is in again, if it is out now; inf: never."""
        for fault in self.faults:
            if fault.kind == "disconnect":
                since = _last_start(fault, now_s)
                end = math.inf if fault.for_s is None or since is None else since + fault.for_s
                if since is not None and now_s < end:
                    return end
        return None

    # -- frames and messages

    def loses_frame(self, camera: str, socket: int, number: int, now_s: float) -> Fault | None:
        """The fault by which a camera's frame is lost."""
        names = (camera, f"CAM_{'ABCDEFGH'[socket]}")
        for fault in self._drops:
            is_meant = not fault.stream and fault.camera in ("", *names)
            if is_meant and _holds(fault, now_s) and _is_hit(fault, camera, number):
                return fault
        is_throttled = number % 2 and self.celsius(now_s) >= THROTTLES_AT_C
        return self._hot[0] if is_throttled else None

    def loses_message(self, stream: str, number: int, now_s: float) -> Fault | None:
        """The fault by which a stream's message is lost on the link."""
        for fault in self._drops:
            if fault.stream == stream and _holds(fault, now_s) and _is_hit(fault, stream, number):
                return fault
        return None

    def host_cost_s(self, stream: str, now_s: float) -> float:
        """What taking a message costs the host."""
        meant = (f for f in self._slow if f.stream in ("", stream) and _holds(f, now_s))
        return sum(f.cost_s for f in meant)

    def hangs_until(self, kind: str, title: str, now_s: float) -> tuple[Fault, float] | None:
        """Whether a node does nothing now, and until when; inf: for good."""
        for fault in self._hangs:
            since = _last_start(fault, now_s)
            if since is None or fault.node not in ("", kind, title):
                continue
            if not fault.node:
                # All nodes, until the host has noticed and taken the device down.
                end = since + WATCHDOG_S + 1
            else:
                end = math.inf if fault.for_s is None else since + fault.for_s
            if now_s < end:
                return fault, end
        return None

    # -- heat

    def celsius(self, now_s: float) -> float:
        """What the faults heat the chip to; -inf without any that does."""
        hottest, start = -math.inf, celsius_at(0.0)
        for fault in self._hot:
            off = _loss_from(fault, 0.0)
            if off is None or now_s < off.until_s:
                rise = start + (WARNS_AT_C - start) * now_s / max(fault.at_s, 1e-3)
                hottest = max(hottest, min(rise, fault.until_c or WARNS_AT_C + 2.0))
        return hottest


def _loss_from(fault: Fault, after_s: float) -> Loss | None:
    """A fault's first loss of the link at that moment or later."""
    if fault.kind not in _ENDS or (fault.kind == "hang" and fault.node):
        return None
    if fault.kind == "hot" and fault.until_c is not None and fault.until_c < WARNS_AT_C:
        return None
    delay = {"hang": WATCHDOG_S, "hot": OFF_AFTER_S}.get(fault.kind, 0.0)
    at = fault.at_s + delay
    if after_s > at:
        if fault.every_s is None:
            return None
        at += math.ceil((after_s - at) / fault.every_s - 1e-9) * fault.every_s
    boots = fault.kind in ("crash", "hang")
    length = REBOOT_S if fault.for_s is None and boots else fault.for_s
    return Loss(fault, at, math.inf if length is None else at + length)


def _last_start(fault: Fault, now_s: float) -> float | None:
    """When it began last; None before its first time."""
    if now_s < fault.at_s:
        return None
    if fault.every_s is None:
        return fault.at_s
    return fault.at_s + math.floor((now_s - fault.at_s) / fault.every_s + 1e-9) * fault.every_s


def _holds(fault: Fault, now_s: float) -> bool:
    return fault.at_s <= now_s < fault.at_s + (math.inf if fault.for_s is None else fault.for_s)


def _is_hit(fault: Fault, who: str, number: int) -> bool:
    """By lot, the same in every run: of seed, name and number alone."""
    if fault.share >= 1:
        return True
    text = f"{fault.seed}|{who}|{number}".encode()
    lot = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64
    return lot < fault.share
