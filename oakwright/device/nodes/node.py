"""What every node is: ports, a set-up before frames flow, and a step repeated until the end.

A step waits for its inputs, computes, and sends; the order is the same in every node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from oakwright.errors import NodeError

from ..blocks.formats import BadFrame
from ..boards import Board
from ..clock import Clock
from ..log import DeviceLog, Level
from ..queue import Queue
from ..scheduler import Scheduler
from ..schema import NodeRecord, Schema, changed_fields
from ..settings import Settings

if TYPE_CHECKING:
    from ..blocks.network import NetworkRunner
    from ..faults import FaultInjector
    from ..queue_host import HostInput, HostOutput
    from ..sources import FrameSource


@dataclass(frozen=True)
class Context:
    """What a node may use of its device."""

    scheduler: Scheduler
    settings: Settings
    board: Board
    source: FrameSource
    log: DeviceLog
    device_id: str
    # Clock time at which the pipeline started: all sensors tick from here.
    started_s: float
    # Blob bytes and the node's name to something that runs them; cached over the session.
    open_network: Callable[[Any, str], NetworkRunner]
    # Stream name to the host's end of it.
    output_stream: Callable[[str], HostOutput]
    input_stream: Callable[[str], HostInput]
    # A node says that the source of frames is at its end.
    source_ended: Callable[[], None]
    calibration: Callable[[], Any]
    # The whole pipeline, for nodes that must know where their pictures come from.
    schema: Schema | None = None
    # What goes wrong on demand, if anything.
    faults: FaultInjector | None = None

    @property
    def clock(self) -> Clock:
        """The scheduler's clock."""
        return self.scheduler.clock


class Input:
    """A receiving end: its queue, and the waiting rule of nodes with several inputs."""

    def __init__(self, queue: Queue, *, waits_for_message: bool) -> None:
        self.queue = queue
        self.waits_for_message = waits_for_message
        self.is_linked = False
        self.previous: Any = None

    def get(self, *, until: float | None = None) -> Any:
        """The next message, waiting for it; None where ``until`` came first."""
        self.previous = self.queue.get(until=until)
        return self.previous

    def latest(self) -> Any:
        """The newest message that is there, the last one taken otherwise; None before any."""
        while (message := self.queue.try_get()) is not None:
            self.previous = message
        return self.previous

    def get_by_rule(self) -> Any:
        """As the device does where several inputs make one step.

        Waits if the script said so or nothing came yet, else takes what is new or reuses.
        """
        if self.waits_for_message or self.previous is None:
            return self.get()
        message = self.queue.try_get()
        if message is not None:
            self.previous = message
        return self.previous


class Output:
    """A sending end: to every linked input, in the order of connections."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.targets: list[Queue] = []
        self.sent = 0
        # Called before anything is sent, where a fault may hold the node.
        self.hold: Callable[[], None] | None = None

    @property
    def is_linked(self) -> bool:
        """Whether anyone gets what is sent; what nobody gets need not be made."""
        return bool(self.targets)

    def send(self, message: Any) -> None:
        """Hand the message on; waits where a receiver's queue is full and blocks."""
        if self.hold is not None:
            self.hold()
        self.sent += 1
        for queue in self.targets:
            queue.put(message)


class Node:
    """Base of all nodes; see the module, and ``nodes/__init__`` for how to add one."""

    # Properties (dotted, as in the JSON; * is allowed) that the node acts on.
    honoured: ClassVar[tuple[str, ...]] = ()
    # Properties without effect on a CPU: numbers of threads, sizes of memory pools.
    harmless: ClassVar[tuple[str, ...]] = ()
    # What it sends; names ending in / are groups whose ports are made on demand.
    sends: ClassVar[tuple[str, ...]] = ()
    # Whether a step is repeated until the device closes.
    repeats: ClassVar[bool] = True

    def __init__(self, record: NodeRecord, context: Context) -> None:
        self.record = record
        self.properties: Mapping[str, Any] = record.properties
        self.context = context
        self.inputs: dict[str, Input] = {}
        self.outputs: dict[str, Output] = {}
        self.steps = 0
        self._said: set[str] = set()

    @property
    def title(self) -> str:
        """``ColorCamera(0)``."""
        return self.record.title

    @property
    def detail(self) -> str:
        """What tells it from others of its kind, if anything: a camera's name."""
        return ""

    # -- before frames flow

    @classmethod
    def problems(cls, record: NodeRecord) -> Iterable[str]:
        """What this node cannot do of what the script asks; one line each, values included."""
        for name, value in changed_fields(record).items():
            if not any(fnmatchcase(name, p) for p in (*cls.honoured, *cls.harmless)):
                yield f"{name} = {value!r} is not supported"

    def set_up(self) -> None:
        """Prepare; raises PipelineError for what only shows here (a missing asset)."""

    # -- while they flow

    def run(self) -> None:
        """The body of the node's thread."""
        faults = self.context.faults
        while True:
            if faults is not None:
                faults.hold(self.record)
            try:
                self.step()
            except BadFrame as problem:
                self.error(f"{problem}; the picture is dropped", once=True)
            self.steps += 1
            if not self.repeats:
                return

    def step(self) -> None:
        """Wait, compute, send."""
        raise NotImplementedError

    def end(self) -> None:
        """After its last step, however it ended: complete what was begun."""

    def output(self, key: str) -> Output:
        """The output of that key; one that nobody linked is made, and leads nowhere."""
        if key not in self.outputs:
            self.outputs[key] = self.new_output(key)
        return self.outputs[key]

    def new_output(self, key: str) -> Output:
        """An output of this node that leads nowhere yet."""
        made, faults = Output(key), self.context.faults
        if faults is not None:
            made.hold = partial(faults.hold, self.record)
        return made

    def send(self, key: str, message: Any) -> None:
        """Send from an output."""
        self.output(key).send(message)

    def demand(self, key: str, kinds: frozenset[str], message: Any) -> None:
        """Raise NodeError where what came to input ``key`` is of none of the classes named."""
        got = type(message).__name__
        if got not in kinds:
            names = sorted(kinds)
            article = "an" if got[0] in "AEIO" else "a"
            raise NodeError(
                f"{self.title}: {article} {got} came to its input '{key}', which takes "
                f"{' or '.join(names)}",
                remedy=f"send a dai.{names[0]} there, or link another output to it",
                node=self.title,
            )

    # -- the log

    def warn(self, text: str, *, once: bool = False) -> None:
        """Log a warning in the node's name; with ``once`` only the first of the same words."""
        self._say(Level.WARN, text, once)

    def error(self, text: str, *, once: bool = False) -> None:
        """Log an error in the node's name; ``once`` as for ``warn``."""
        self._say(Level.ERR, text, once)

    def _say(self, level: Level, text: str, once: bool) -> None:
        # What is wrong with one frame is wrong with all: thirty lines a second hide the rest.
        if not (once and text in self._said):
            if once:
                self._said.add(text)
            self.context.log.say(level, self.title, text)
