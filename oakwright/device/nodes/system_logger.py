"""SystemLogger: the chip's vitals at a steady rate."""

from __future__ import annotations

from collections.abc import Iterable

from ..message import stamp
from ..scheduler import Waiting, never
from ..schema import NodeRecord
from ..vitals import vitals_at
from ..vitals_messages import system_information
from .node import Node


class SystemLogger(Node):
    """See the module."""

    honoured = ("rateHz",)
    sends = ("out",)

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """See Node.problems."""
        yield from super().problems(record)
        if not record.properties["rateHz"] > 0:
            yield f"rateHz = {record.properties['rateHz']} is not above 0"

    def step(self) -> None:
        """See Node."""
        moment = self.context.started_s + (self.steps + 1) / self.properties["rateHz"]
        self.context.scheduler.wait(never, Waiting("waits for its next report"), until=moment)
        schema, faults = self.context.schema, self.context.faults
        age_s = moment - self.context.started_s
        celsius = faults.celsius(age_s) if faults is not None else None
        nodes = len(schema.nodes) if schema is not None else 0
        message = system_information(vitals_at(age_s, nodes, celsius))
        self.send("out", stamp(message, self.context.clock.now(), self.steps))
