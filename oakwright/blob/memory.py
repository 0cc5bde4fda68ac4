"""Use of memory over the program: which bytes of the two arenas hold something still needed.

The file only says where each stage reads and writes. A stretch of an arena is live from its
first write to its last read before it is written anew. Views with the same strides are parts of
one tensor (that is how a concatenation is stored), so writing another part does not end what
was there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .cost import parameter_bytes, stage_macs
from .enums import Location, StageType
from .params import LoopStartParams
from .stages import Stage
from .tensors import Buffer

if TYPE_CHECKING:
    from .reader import BlobReader


@dataclass(frozen=True)
class StageUse:
    """One step of the program with what it costs, its injected stage included."""

    index: int
    name: str
    macs: int
    parameter_bytes: int
    bss_live_bytes: int
    cmx_live_bytes: int


@dataclass(frozen=True)
class MemoryProfile:
    """The whole program's use of the arenas; sizes in bytes."""

    stages: tuple[StageUse, ...]
    bss_bytes: int
    cmx_bytes: int

    @property
    def bss_peak_bytes(self) -> int:
        """Most bytes of DDR scratch live at once."""
        return max((each.bss_live_bytes for each in self.stages), default=0)

    @property
    def cmx_peak_bytes(self) -> int:
        """Most bytes of on-chip memory live at once."""
        return max((each.cmx_live_bytes for each in self.stages), default=0)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run of the program, loops counted once."""
        return sum(each.macs for each in self.stages)


def memory_profile(blob: BlobReader) -> MemoryProfile:
    """Live bytes, multiply-accumulates and parameter bytes of each top-level stage."""
    stages = blob.stages
    bss = _live_bytes(stages, Location.BSS)
    cmx = _live_bytes(stages, Location.CMX)
    uses = []
    for at, stage in enumerate(stages):
        parts = tuple(stage.walk())
        uses.append(
            StageUse(
                index=stage.index,
                name="+".join(part.name for part in reversed(parts)),
                macs=sum(stage_macs(part) for part in parts),
                parameter_bytes=sum(parameter_bytes(part) for part in parts),
                bss_live_bytes=int(bss[at]),
                cmx_live_bytes=int(cmx[at]),
            )
        )
    return MemoryProfile(tuple(uses), blob.bss_bytes, blob.cmx_bytes)


class _Arena:
    """Stretches of one arena between all the places where some view starts or ends."""

    def __init__(self, bounds: list[int], stages: int) -> None:
        self.bounds = np.array(sorted(set(bounds)), np.int64)
        self.sizes = np.diff(self.bounds)
        count = len(self.sizes)
        self.birth = np.full(count, -1, np.int64)
        self.last_read = np.full(count, -1, np.int64)
        self.last_write = np.full(count, -1, np.int64)
        self.owner = np.zeros(count, np.int64)
        # Differences: add at the first live stage, take away behind the last.
        self.change = np.zeros(stages + 1, np.int64)

    def stretch(self, buffer: Buffer) -> slice:
        first, last = np.searchsorted(self.bounds, (buffer.offset, buffer.end))
        return slice(int(first), int(last))

    def read(self, part: slice, until: int) -> None:
        self.last_read[part] = np.maximum(self.last_read[part], until)

    def write(self, part: slice, at: int, owner: int) -> None:
        kept = (self.last_read[part] < self.birth[part]) | (self.owner[part] == owner)
        self._close(np.flatnonzero(~kept) + part.start)
        fresh = np.flatnonzero(~kept | (self.birth[part] < 0)) + part.start
        self.birth[fresh] = at
        self.last_read[fresh] = -1
        self.last_write[part] = at
        self.owner[part] = owner

    def _close(self, which: np.ndarray) -> None:
        which = which[self.birth[which] >= 0]
        end = np.maximum(self.last_read[which], self.last_write[which])
        np.add.at(self.change, self.birth[which], self.sizes[which])
        np.subtract.at(self.change, end + 1, self.sizes[which])

    def live(self) -> np.ndarray:
        self._close(np.arange(len(self.sizes)))
        return np.cumsum(self.change)[:-1]


def _live_bytes(stages: tuple[Stage, ...], location: Location) -> np.ndarray:
    """Live bytes of an arena at each stage."""
    steps = [
        (
            [b for part in stage.walk() for b in part.inputs if b.location is location],
            [b for part in stage.walk() for b in part.outputs if b.location is location],
            [b for part in stage.walk() for b in part.temps if b.location is location],
        )
        for stage in stages
    ]
    everything = [b for step in steps for kind in step for b in kind if not b.desc.is_dynamic]
    if not everything:
        return np.zeros(len(stages), np.int64)
    bounds = [edge for b in everything for edge in (b.offset, b.end)]
    arena = _Arena(bounds, len(stages))
    until = _last_use(stages)
    owners: dict[tuple[int, ...], int] = {}
    for at, (reads, writes, scratch) in enumerate(steps):
        for buffer in reads:
            if not buffer.desc.is_dynamic:
                arena.read(arena.stretch(buffer), int(until[at]))
        for buffer in (*writes, *scratch):
            if not buffer.desc.is_dynamic:
                owner = 0
                if not buffer.desc.is_compact:
                    owner = owners.setdefault(buffer.desc.strides, len(owners) + 1)
                # A compact write owns nothing, so that the next one ends it: no two are alike.
                arena.write(arena.stretch(buffer), at, owner or -at - 1)
        for buffer in scratch:
            if not buffer.desc.is_dynamic:
                arena.read(arena.stretch(buffer), at)
    return arena.live()


def _last_use(stages: tuple[Stage, ...]) -> np.ndarray:
    """When what a stage reads is read for the last time: in a loop, in its last turn."""
    until = np.arange(len(stages))
    for at, stage in enumerate(stages):
        if stage.type is StageType.LoopStart and isinstance(stage.params, LoopStartParams):
            end = min(at + max(stage.params.stages, 1), len(stages))
            until[at:end] = np.maximum(until[at:end], end - 1)
    return until
