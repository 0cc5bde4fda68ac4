"""Does the faults to nodes and queues, and counts them; one for a session, whatever its devices."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..scheduler import Scheduler, Waiting, never
from ..vitals import celsius_at
from .spec import Fault
from .timeline import Loss, Timeline

if TYPE_CHECKING:
    from ..schema import NodeRecord, Schema


class FaultInjector:
    """See the package. Its time begins with the first pipeline (``begin``)."""

    def __init__(self, faults: Iterable[Fault], scheduler: Scheduler) -> None:
        self.timeline = Timeline(faults)
        self._scheduler = scheduler
        self._began_s: float | None = None
        self._away_until_s = -math.inf
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        # By device id: what a crash left there, until somebody takes it.
        self.dumps: dict[str, Any] = {}

    def begin(self) -> None:
        """A pipeline starts: the faults' time begins, if it has not."""
        if self._began_s is None:
            self._began_s = self._scheduler.clock.now()

    def now_s(self) -> float:
        """Seconds since the faults' time began."""
        if self._began_s is None:
            return 0.0
        return self._scheduler.clock.now() - self._began_s

    def problems(self, schema: Schema) -> list[str]:
        """Faults of nodes and streams that the pipeline has not; one line each."""
        nodes = sorted(record.title for record in schema.nodes)
        kinds = {record.kind for record in schema.nodes}
        streams = sorted(
            str(r.properties["streamName"]) for r in schema.nodes if r.kind == "XLinkOut"
        )
        found = []
        for fault in self.timeline.faults:
            if fault.node and fault.node not in kinds and fault.node not in nodes:
                found.append(f"fault {fault.text}: no such node; there are {', '.join(nodes)}")
            if fault.stream and fault.stream not in streams:
                found.append(f"fault {fault.text}: no such stream; there are {', '.join(streams)}")
        return found

    # -- the link

    def next_loss(self) -> Loss | None:
        """The next time that the link goes."""
        return self.timeline.next_loss(self.now_s())

    def struck(self, loss: Loss) -> None:
        """A device was lost: it is away until it is plugged in, or has booted, again."""
        self._count(loss.fault)
        self._away_until_s = max(self._away_until_s, loss.until_s)

    def away_for_s(self) -> float:
        """How long no device can be found from now on; 0: it can, inf: never again."""
        if self._began_s is None:
            return 0.0
        now = self.now_s()
        unplugged = self.timeline.unplugged_until(now)
        until = max(self._away_until_s, now if unplugged is None else unplugged)
        return max(until - now, 0.0)

    # -- frames, messages, nodes

    def loses_frame(self, camera: str, socket: int, number: int) -> bool:
        """Whether a camera's frame is lost."""
        fault = self.timeline.loses_frame(camera, socket, number, self.now_s())
        return self._count(fault)

    def loses_message(self, stream: str, number: int) -> bool:
        """Whether a stream's message is lost on the link."""
        return self._count(self.timeline.loses_message(stream, number, self.now_s()))

    def host_takes(self, stream: str) -> None:
        """The host takes a message, and takes its time."""
        cost_s = self.timeline.host_cost_s(stream, self.now_s())
        if cost_s > 0:
            self._scheduler.sleep(cost_s)

    def hold(self, record: NodeRecord) -> None:
        """A node is about to do something: it waits here as long as it hangs."""
        while True:
            found = self.timeline.hangs_until(record.kind, record.title, self.now_s())
            if found is None:
                return
            fault, end_s = found
            self._count(fault)
            until = None if math.isinf(end_s) else (self._began_s or 0.0) + end_s
            self._scheduler.wait(never, Waiting(f"hangs, by {fault.text}"), until=until)

    def celsius(self, age_s: float) -> float:
        """The chip's temperature; ``age_s``: since it was started."""
        return max(celsius_at(age_s), self.timeline.celsius(self.now_s()))

    # -- what came of them

    def _count(self, fault: Fault | None) -> bool:
        if fault is None:
            return False
        with self._lock:
            self._counts[fault.text] += 1
        return True

    def report(self) -> dict[str, int]:
        """How often each fault struck: frames or messages lost, links lost, nodes held."""
        return {fault.text: self._counts[fault.text] for fault in self.timeline.faults}
