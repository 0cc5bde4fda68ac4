"""How the chip fares: made up, since neither memory nor heat is simulated, but as a chip's is.

It warms up over some minutes, loads and memory go with the number of nodes, and everything moves a
little, by time alone: deterministic runs repeat. Levels are those people report of an OAK-D at room
temperature: about 48 °C, the parts of the chip a degree apart.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

_COLD_C, _RISE_C, _WARM_UP_S = 36.0, 12.0, 240.0
_MOVES_C = 0.4
# How the parts differ from the mean; the sum is 0.
_PARTS_C = {"css": 0.6, "mss": -0.3, "upa": 0.5, "dss": -0.8}
# Bytes: all there is, what the firmware takes, and what a node does.
_DDR = (340 << 20, 44 << 20, 9 << 20)
_CMX = (2560 << 10, 1900 << 10, 24 << 10)
_CSS_HEAP = (78 << 20, 31 << 20, 1 << 20)
_MSS_HEAP = (41 << 20, 8 << 20, 512 << 10)
# Shares of a processor's time: by itself, and for a node.
_CSS_LOAD, _MSS_LOAD = (0.12, 0.02), (0.05, 0.015)
_MOST_LOAD = 0.95


@dataclass(frozen=True)
class Memory:
    """Bytes."""

    total: int
    used: int


@dataclass(frozen=True)
class Vitals:
    """One moment. Temperatures in °C by the part's name, loads as shares of a processor."""

    celsius: dict[str, float]
    ddr: Memory
    cmx: Memory
    css_heap: Memory
    mss_heap: Memory
    css_load: float
    mss_load: float

    @property
    def average_c(self) -> float:
        """The parts' mean."""
        return sum(self.celsius.values()) / len(self.celsius)


def celsius_at(age_s: float) -> float:
    """The chip's mean temperature so long after the start."""
    warm = _COLD_C + _RISE_C * (1 - math.exp(-max(age_s, 0.0) / _WARM_UP_S))
    return warm + _MOVES_C * _wobble("heat", age_s)


def vitals_at(age_s: float, nodes: int, celsius: float | None = None) -> Vitals:
    """How it fares so long after the start, with so many nodes; ``celsius``: if it is known."""
    mean = celsius_at(age_s) if celsius is None else celsius
    return Vitals(
        {part: mean + by for part, by in _PARTS_C.items()},
        _memory("ddr", _DDR, age_s, nodes),
        _memory("cmx", _CMX, age_s, nodes),
        _memory("css", _CSS_HEAP, age_s, nodes),
        _memory("mss", _MSS_HEAP, age_s, nodes),
        _load("css load", _CSS_LOAD, age_s, nodes),
        _load("mss load", _MSS_LOAD, age_s, nodes),
    )


def _memory(name: str, sizes: tuple[int, int, int], age_s: float, nodes: int) -> Memory:
    total, base, each = sizes
    used = base + each * nodes + each / 8 * (1 + _wobble(name, age_s))
    return Memory(total, min(int(used), total))


def _load(name: str, shares: tuple[float, float], age_s: float, nodes: int) -> float:
    base, each = shares
    return min((base + each * nodes) * (1 + 0.2 * _wobble(name, age_s)), _MOST_LOAD)


def _wobble(name: str, age_s: float) -> float:
    """-1..1, moving from one value to the next every second; the same in every run."""
    second = math.floor(age_s)
    before, after = _lot(name, second), _lot(name, second + 1)
    return before + (after - before) * (age_s - second)


def _lot(name: str, number: int) -> float:
    data = hashlib.blake2b(f"{name}|{number}".encode(), digest_size=4).digest()
    return int.from_bytes(data, "big") / 2**31 - 1
