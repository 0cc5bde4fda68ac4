"""``dai.Device`` and what surrounds it, as plain Python classes over the virtual camera.

Everything a script can ask of a device is here by the same name; what a virtual one cannot do
(flash, boot another firmware) raises a DeviceError that says so. Sources of the names: the
``depthai`` 2.33 module itself; a test holds this class against it. Here: how it is opened, runs,
is lost and closed, and its streams; the rest stands in the files that this one puts together.
"""

from __future__ import annotations

import datetime
import sys
from collections import deque
from collections.abc import Iterable
from typing import Any

import depthai as dai

from oakwright.errors import DeviceError, PipelineError

from .boards import copy_calibration
from .facts import Lights
from .faults import LinkWatch, Loss
from .faults.dump import keep_dump, make_dump
from .graph import Graph
from .log import DeviceLog, Level
from .nodes import Context
from .queue_host import HostInput, HostOutput
from .scheduler import Waiting
from .schema import Schema, read_pipeline
from .stand_in_facts import Facts
from .stand_in_health import Health
from .stand_in_memory import Memory

# A loop that only asks whether the device is closed gives way at every so many questions.
SPIN_QUESTIONS = 64
# How long depthai looks for a device: for any, and for one that it is told.
SEARCH_S, SEARCH_BY_INFO_S = 5.0, 0.5


class Device(Facts, Health, Memory):
    """See the module; all constructor forms of the real one are taken."""

    Config = dai.Device.Config

    def __init__(self, *arguments: Any, **named: Any) -> None:
        session = self._session
        given = [*arguments, *named.values()]
        pipeline = next((a for a in given if isinstance(a, dai.Pipeline)), None)
        info = next((a for a in given if isinstance(a, dai.DeviceInfo)), None)
        name = next((a for a in given if isinstance(a, str)), "")
        info = info or (dai.DeviceInfo(name) if name else None)
        speeds = [a for a in given if isinstance(a, dai.UsbSpeed)]
        self._await_link(SEARCH_S if info is None else SEARCH_BY_INFO_S)
        session.close_dropped()
        wanted = (info.mxid, info.name) if info is not None else ("", "")
        # Any id opens a camera that nobody has given one: it is then called by it.
        self._is_closed = False
        self._camera = session.rig.open(*wanted, self)
        self._id = wanted[0] or self._camera.id
        # Whether the script has let go of it without closing it.
        self.is_dropped = False
        is_usb2 = any(a is True for a in given)
        self._usb_speed = dai.UsbSpeed.HIGH if is_usb2 else (speeds or [dai.UsbSpeed.SUPER])[0]
        self._log = DeviceLog(self._id, session.scheduler.clock.now)
        self._outputs: dict[str, HostOutput] = {}
        self._inputs: dict[str, HostInput] = {}
        self._events: deque[str] = deque()
        self.waiters: list[Any] = []
        self._graph: Graph | None = None
        self._flashed: Any = None
        self._calibration: Any = None
        self._watch: LinkWatch | None = None
        self._started_s = session.scheduler.clock.now()
        # What it did, once it is closed.
        self._final: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._asked = 0
        self._chunk = -1
        self._logging_rate = 1.0
        self._lights = Lights(self.board)
        session.devices.append(self)
        if pipeline is not None:
            try:
                self.startPipeline(pipeline)
            except BaseException:
                # Nobody gets this device: its camera can be opened again.
                self._is_closed = True
                raise

    # -- life

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def startPipeline(self, pipeline: Any = None) -> bool:
        """Check the pipeline, build it, and let it run."""
        self._check_open()
        if self._graph is not None:
            raise RuntimeError("Pipeline is already running")
        if pipeline is None:
            return True
        schema = read_pipeline(pipeline)
        if schema.sets_calibration:
            self._calibration = copy_calibration(pipeline.getCalibrationData())
        self._make_streams(schema)
        faults = self._session.faults
        self._graph = Graph(schema, self._context(), self._session.fail)
        if faults is not None:
            faults.begin()
            self._watch = LinkWatch(self._session.scheduler, faults, self._lose, self._say_hot)
        self._graph.start()
        if self._watch is not None:
            self._watch.start()
        return True

    def _await_link(self, patience_s: float) -> None:
        """Look for the device, as depthai does; its words where there is none."""
        faults, scheduler = self._session.faults, self._session.scheduler
        away_s = faults.away_for_s() if faults is not None else 0.0
        if away_s > 0:
            scheduler.sleep(min(away_s, patience_s))
        if away_s > patience_s:
            raise RuntimeError("Cannot find any device with given deviceInfo")

    def _say_hot(self, text: str) -> None:
        self._log.say(Level.CRITICAL, "system", text)

    def _lose(self, loss: Loss) -> None:
        """The link is gone: the host's calls raise, and nothing runs any more."""
        if self._is_closed:
            return
        self._is_closed = True
        graph, faults = self._graph, self._session.faults
        assert graph is not None, "only a pipeline's link is watched"
        assert faults is not None, "only faults take it"
        kind = loss.fault.kind
        if kind == "hang":
            self._say(
                f"Monitor thread (device: {self._id} [{self.getDeviceName()}]) - ping was missed, "
                "closing the device connection"
            )
        if kind in ("crash", "hang"):
            dump = make_dump(loss.fault, self._id, [node.title for node in graph.nodes])
            faults.dumps[self._id] = dump
            kept = keep_dump(dump)
            where = f" Crash dump logs are stored in: {kept}" if kept is not None else ""
            self._say(f"Device with id {self._id} has crashed.{where}")
        self._close_streams()
        with self._session.scheduler.lock:
            self._session.scheduler.changed(self)
        self._session.stuck += graph.stop()

    def _say(self, text: str) -> None:
        """What depthai says on the host, of a device that is not there to say it."""
        now = self._session.scheduler.clock.now()
        print(f"[{self._id}] [{now:.3f}] [host] [warning] {text}", file=sys.stderr)

    def _close_streams(self) -> None:
        for output in self._outputs.values():
            output.close()
        for entry in self._inputs.values():
            entry.close()

    def isPipelineRunning(self) -> bool:
        """Whether a pipeline runs."""
        return self._graph is not None and not self._is_closed

    def close(self) -> None:
        """End the pipeline; every queue raises from then on."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        self._is_closed = True
        graph, self._graph = self._graph, None
        if graph is not None:
            self._session.stuck += graph.stop()
            # The nodes may go: of devices that come and go only this is kept.
            self._final = graph.report(), graph.traffic()
        self._close_streams()

    def abandon(self) -> None:
        """Forget the pipeline without ending it: after a fork it is the parent's."""
        self._close_streams()
        self._is_closed, self._graph, self._watch = True, None, None

    @property
    def is_open(self) -> bool:
        """Whether it has been neither closed nor lost."""
        return not self._is_closed

    def isClosed(self) -> bool:
        """Whether it has been closed. A script that asks in a loop sees time pass."""
        self._asked += 1
        if self._asked % SPIN_QUESTIONS == 0 and not self._is_closed:
            self._session.scheduler.sleep(self._session.scheduler.poll_s)
        return self._is_closed

    def report(self) -> dict[str, Any]:
        """What its nodes and queues did, and what it had to say: plain values."""
        graph = self._graph.report() if self._graph is not None else {}
        graph = self._final[0] if self._final is not None else graph
        log = [f"[{line.nodeIdName}] {line.payload}" for line in self._log.lines]
        errors = [f"{x.nodeIdName}: {x.payload}" for x in self._log.lines if x.level >= Level.ERR]
        facts: dict[str, Any] = {
            "id": self._id,
            "board": self.board.product,
            "lights_mA": dict(self._lights.on),
        }
        if self._session.settings.timed:
            facts["source_busy_s"] = dict(self._camera.source_busy_s)
        return {**facts, **graph, "log": log, "errors": errors}

    def traffic(self) -> dict[str, Any]:
        """What flows where, as it runs: see Graph.traffic; the streams' queues besides."""
        graph = self._graph
        streams = {name: q.queue.counts() for name, q in (self._outputs | self._inputs).items()}
        log = [f"[{line.nodeIdName}] {line.payload}" for line in self._log.lines[-20:]]
        flows = graph.traffic() if graph is not None else {"nodes": [], "links": []}
        flows = self._final[1] if self._final is not None else flows
        return {"id": self._id, **flows, "streams": streams, "log": log}

    def _context(self) -> Context:
        session = self._session
        return Context(
            scheduler=session.scheduler,
            settings=session.settings,
            board=self.board,
            source=session.source_for(self._camera, self._current_calibration()),
            log=self._log,
            device_id=self._id,
            started_s=session.scheduler.clock.now(),
            open_network=session.open_network,
            output_stream=self._outputs.__getitem__,
            input_stream=self._inputs.__getitem__,
            source_ended=session.end_soon,
            calibration=self._current_calibration,
            faults=session.faults,
        )

    # -- streams

    def _make_streams(self, schema: Schema) -> None:
        session = self._session
        takes_time = session.faults.host_takes if session.faults is not None else None
        for record in schema.nodes:
            if record.kind not in ("XLinkOut", "XLinkIn"):
                continue
            name = record.properties["streamName"]
            if not name:
                text = f"{record.title}: no stream name, call setStreamName"
                raise PipelineError(text, findings=(text,))
            if record.kind == "XLinkOut":
                self._outputs[name] = HostOutput(
                    session.scheduler,
                    name,
                    may_arrive=session.may_arrive,
                    on_arrival=self._arrived,
                    on_taken=session.recorder.taken,
                    takes_time=takes_time,
                )
            else:
                size = record.properties["maxDataSize"]
                self._inputs[name] = HostInput(
                    session.scheduler, name, size, on_sent=session.recorder.sent
                )

    def _arrived(self, name: str, message: Any) -> None:
        self._session.arrived(name, message)
        with self._session.scheduler.lock:
            self._events.append(name)
            self._session.scheduler.changed(self)

    def getOutputQueue(
        self, name: str, maxSize: int | None = None, blocking: bool = True
    ) -> HostOutput:
        """The stream's queue; size and kind are set where given."""
        self._check_open()
        queue = self._outputs.get(name)
        if queue is None:
            raise RuntimeError(f"Queue for stream name '{name}' doesn't exist")
        if maxSize is not None:
            queue.setMaxSize(maxSize)
            queue.setBlocking(blocking)
        return queue

    def getInputQueue(
        self, name: str, maxSize: int | None = None, blocking: bool = True
    ) -> HostInput:
        """The stream's queue; size and kind are set where given."""
        self._check_open()
        queue = self._inputs.get(name)
        if queue is None:
            raise RuntimeError(f"Queue for stream name '{name}' doesn't exist")
        if maxSize is not None:
            queue.setMaxSize(maxSize)
            queue.setBlocking(blocking)
        return queue

    def getOutputQueueNames(self) -> list[str]:
        """Names of the streams from the device."""
        return sorted(self._outputs)

    def getInputQueueNames(self) -> list[str]:
        """Names of the streams to the device."""
        return sorted(self._inputs)

    def getQueueEvents(
        self,
        queueNames: str | Iterable[str] | None = None,
        maxNumEvents: int | None = None,
        timeout: datetime.timedelta = datetime.timedelta(microseconds=-1),
    ) -> list[str]:
        """Names of queues that got messages, oldest first; waits for the first of them."""
        self._check_open()
        wanted = self._wanted(queueNames)
        scheduler = self._session.scheduler
        seconds = timeout.total_seconds()
        until = None if seconds < 0 else scheduler.clock.now() + seconds
        taken: list[str] = []

        def take() -> bool:
            with scheduler.lock:
                self._check_open()
                taken.extend(e for e in self._events if e in wanted)
                del taken[maxNumEvents if maxNumEvents is not None else len(taken) :]
                for name in taken:
                    self._events.remove(name)
                return bool(taken)

        scheduler.wait(take, Waiting("waits for an event of", (self,)), until=until)
        return taken

    def getQueueEvent(
        self,
        queueNames: str | Iterable[str] | None = None,
        timeout: datetime.timedelta = datetime.timedelta(microseconds=-1),
    ) -> str:
        """The name of the queue that got a message first; empty where the time ran out."""
        return (self.getQueueEvents(queueNames, 1, timeout) or [""])[0]

    def _wanted(self, names: str | Iterable[str] | None) -> set[str]:
        wanted = {names} if isinstance(names, str) else set(names or self._outputs)
        unknown = sorted(wanted - set(self._outputs))
        if unknown:
            raise RuntimeError(f"Queue with name '{unknown[0]}' doesn't exist")
        return wanted

    def describe(self) -> str:
        """For a deadlock's message."""
        return f"the queues {', '.join(sorted(self._outputs))}"

    # -- of no device

    @staticmethod
    def getEmbeddedDeviceBinary(*arguments: Any, **named: Any) -> Any:
        """There is no firmware here."""
        raise DeviceError(
            "a virtual camera has no firmware", remedy="leave getEmbeddedDeviceBinary out"
        )

    @staticmethod
    def getGlobalProfilingData() -> Any:
        """Bytes moved over the link, which there is none of."""
        return _Profiling()

    def getProfilingData(self) -> Any:
        """See getGlobalProfilingData."""
        return _Profiling()


class _Profiling:
    """Stands for ``dai.ProfilingData``, which the host cannot make."""

    numBytesRead = 0
    numBytesWritten = 0
