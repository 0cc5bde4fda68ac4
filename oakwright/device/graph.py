"""From the schema to running nodes: check everything, build, wire, start, stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from oakwright.errors import NodeError, OakwrightError, PipelineError

from .accepted import accepted_types
from .boards import Board
from .declared import declared_streams
from .nodes import NODES, PERIPHERAL, Context, Node
from .nodes.node import Input
from .nodes.sensor import SensorNode
from .queue import Queue, QueueClosed
from .scheduler import JOIN_S, Stopped, Task
from .schema import NodeRecord, Port, Schema


def find_problems(schema: Schema, board: Board | None = None) -> list[str]:
    """Everything the virtual device cannot do of a pipeline: node, field, value.

    With a board also the cameras it lacks.
    """
    found = []
    for record in schema.nodes:
        kind = NODES.get(record.kind)
        if kind is None and record.kind not in PERIPHERAL:
            found.append(f"{record.title}: this kind of node is not supported")
        elif kind is not None:
            found += [f"{record.title}: {problem}" for problem in kind.problems(record)]
            if board is not None and issubclass(kind, SensorNode):
                missing = kind.missing_camera(record, schema, board)
                found += [f"{record.title}: {text}" for text in missing]
            found += [f"{record.title}: {text}" for text in _unknown_outputs(schema, record, kind)]
    return found


def _unknown_outputs(schema: Schema, record: NodeRecord, kind: type[Node]) -> Iterable[str]:
    for key in sorted({c.output for c in schema.connections if c.source == record.id}):
        group, _, name = key.rpartition("/")
        if not (name in kind.sends or f"{group}/" in kind.sends):
            yield f"output '{key}' is linked and not supported"


class Graph:
    """The nodes of one pipeline. Construct checks and builds; ``start`` runs."""

    def __init__(
        self, schema: Schema, context: Context, on_failure: Callable[[BaseException], None]
    ) -> None:
        problems = find_problems(schema, context.board)
        if context.faults is not None:
            problems += context.faults.problems(schema)
        if problems:
            raise PipelineError(
                "the virtual device cannot run this pipeline:"
                + "".join(f"\n  - {p}" for p in problems),
                remedy="change these settings, or take the nodes out",
                findings=tuple(problems),
            )
        self.schema = schema
        self.context = context = replace(context, schema=schema)
        self.nodes: list[Node] = []
        self._on_failure = on_failure
        self._queues: list[Queue] = []
        self._tasks: list[tuple[Node, Task]] = []
        self._busy_s: dict[str, float] = {}
        self._is_stopping = False
        # Titles of nodes that start and do nothing, for want of hardware.
        self.silent: list[str] = []
        for record in schema.nodes:
            if record.kind in NODES:
                self.nodes.append(NODES[record.kind](record, context))
            else:
                self.silent.append(record.title)
                text = f"{PERIPHERAL[record.kind]}: it is silent here"
                context.log.say(context.log.level.WARN, record.title, text)
        self._wire()
        for node in self.nodes:
            node.set_up()

    def _wire(self) -> None:
        by_id = {node.record.id: node for node in self.nodes}
        for node in self.nodes:
            for port in node.record.ports:
                if port.is_input:
                    node.inputs[port.key] = self._input(node, port)
                else:
                    node.outputs[port.key] = node.new_output(port.key)
        # In a fixed order: fan-out must not depend on how depthai lists connections.
        order = sorted(
            self.schema.connections, key=lambda c: (c.source, c.output, c.target, c.input)
        )
        for link in order:
            source, target = by_id.get(link.source), by_id.get(link.target)
            if source is None or target is None:
                continue
            end = target.inputs.get(link.input)
            if end is None:
                raise PipelineError(
                    f"{target.title} has no input '{link.input}'",
                    findings=(f"{target.title}: no input '{link.input}'",),
                )
            end.is_linked = True
            source.output(link.output).targets.append(end.queue)

    def _input(self, node: Node, port: Port) -> Input:
        queue = Queue(
            self.context.scheduler,
            f"input '{port.key}' of {node.title}",
            size=port.queue_size,
            is_blocking=port.is_blocking,
        )
        accepted = accepted_types(node.record.kind).get(port.key)
        if accepted is not None:
            queue.check = partial(node.demand, port.key, accepted)
        self._queues.append(queue)
        return Input(queue, waits_for_message=port.waits_for_message)

    def start(self) -> None:
        """Let every node run."""
        for node in self.nodes:
            task = self.context.scheduler.spawn(node.title, self._body(node), self)
            self._tasks.append((node, task))

    def _body(self, node: Node) -> Callable[[], None]:
        def run() -> None:
            try:
                try:
                    node.run()
                finally:
                    node.end()
            except (Stopped, QueueClosed):
                pass
            except OakwrightError as error:
                self._on_failure(error)
            except Exception as error:
                if self._is_stopping:
                    # What it used was taken away under its hands; nobody waits for its result.
                    return
                self._on_failure(
                    NodeError(
                        f"{node.title} failed: {type(error).__name__}: {error}",
                        remedy="please report this with the script: the virtual device is wrong",
                        node=node.title,
                    ).with_traceback(error.__traceback__)
                )

        return run

    def stop(self) -> list[str]:
        """End every node; gives the titles of those that would not end, which the log names too."""
        self._is_stopping = True
        self._busy_s = self._busy()
        stuck = [task.name for task in self.context.scheduler.stop(self)]
        for title in stuck:
            log = self.context.log
            log.say(log.level.ERR, title, f"did not end within {JOIN_S:g} s: it is left running")
        return stuck

    def _busy(self) -> dict[str, float]:
        return {node.title: round(task.busy_s, 3) for node, task in self._tasks}

    def report(self) -> dict[str, Any]:
        """Steps, real seconds at work, messages sent, every queue's count: plain values."""
        busy = self._busy_s or self._busy()
        return {
            "nodes": {
                node.title: {
                    "steps": node.steps,
                    "busy_s": busy.get(node.title, 0.0),
                    "step_ms": _per_step_ms(busy.get(node.title, 0.0), node.steps),
                    "sent": {o.name: o.sent for o in node.outputs.values() if o.is_linked},
                }
                for node in self.nodes
            },
            "queues": {
                queue.name: {
                    "received": queue.received,
                    "dropped": queue.dropped,
                    "fullest": queue.fullest,
                    "size": queue.size,
                }
                for queue in self._queues
                if queue.received
            },
            "declared": declared_streams(self.schema),
            "silent": list(self.silent),
            "started_s": self.context.started_s,
        }

    def traffic(self) -> dict[str, Any]:
        """What is counted as it runs, for the live page: nodes by id, links, all plain values."""
        by_id = {node.record.id: node for node in self.nodes}
        tasks = {node.record.id: task for node, task in self._tasks}
        nodes = [
            {
                "id": id,
                "kind": node.record.kind,
                "title": node.title,
                "detail": node.detail,
                "stream": node.properties.get("streamName", ""),
                # A Script is one long step: what it has sent says more.
                "steps": max([node.steps, *(o.sent for o in node.outputs.values())]),
                "busy_s": tasks[id].busy_s if id in tasks else 0.0,
                "waiting": str((id in tasks and tasks[id].why) or ""),
            }
            for id, node in by_id.items()
        ]
        links = []
        for link in self.schema.connections:
            source, target = by_id.get(link.source), by_id.get(link.target)
            if source is not None and target is not None:
                queue = target.inputs[link.input].queue
                links.append(
                    {
                        "source": link.source,
                        "output": link.output,
                        "target": link.target,
                        "input": link.input,
                        "sent": source.output(link.output).sent,
                        **queue.counts(),
                    }
                )
        return {"nodes": nodes, "links": links}


def _per_step_ms(busy_s: float, steps: int) -> float | None:
    return round(busy_s / steps * 1000, 3) if steps else None
