"""One run with one or several virtual cameras: time, frames, what the host received.

A session is what ``VirtualOak`` enters and the runner starts; ``dai.Device()`` inside it makes a
device of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from oakwright.blob import Blob
from oakwright.errors import EndOfRun, OakwrightError

from .baton import BatonScheduler
from .blocks.network import DecompiledNetwork, NetworkRunner
from .boards import Board
from .faults import FaultInjector, parse_faults
from .plugged import Plugged, Rig
from .report import Recorder
from .scheduler import RealScheduler, Scheduler
from .settings import Settings
from .sources import FrameSource
from .tape import MessageCheck, Tape, read_recording

# Once the run is over, a script that asks for keys is given this long to quit by itself.
GRACE_S = 2.0
# Moments are sums of fractions: this near the end of a wait is after it.
_SLACK_S = 1e-6


class SessionDevice(Protocol):
    """What a session asks of its devices; ``stand_in.Device`` is one."""

    # Whether the script has let go of it without closing it.
    is_dropped: bool

    @property
    def is_open(self) -> bool:
        """Whether it has been neither closed nor lost."""
        ...

    def close(self) -> None:
        """End its pipeline."""
        ...

    def abandon(self) -> None:
        """Forget its pipeline, which is another process's."""
        ...

    def report(self) -> dict[str, Any]:
        """What it did, as plain values."""
        ...

    def traffic(self) -> dict[str, Any]:
        """What flows in it now, as plain values."""
        ...


class Session:
    """See the module. ``source`` takes the place of what ``settings.source`` names."""

    def __init__(
        self,
        settings: Settings,
        *,
        source: FrameSource | None = None,
        end: Callable[[], BaseException] | None = None,
    ) -> None:
        self.settings = settings
        self.scheduler: Scheduler
        if settings.deterministic:
            self.scheduler = BatonScheduler(patience_s=settings.patience_s or 60.0)
        else:
            self.scheduler = RealScheduler(patience_s=settings.patience_s)
        self.scheduler.end = end or _end_of_run
        self.faults: FaultInjector | None = None
        if settings.faults:
            self.faults = FaultInjector(parse_faults(settings.faults), self.scheduler)
        recording = read_recording(settings.replay) if settings.replay else None
        self.rig = Rig(settings, source, recording, self._are_away)
        self.check: MessageCheck | None = None
        if recording is not None:
            is_timed = settings.deterministic and bool(recording.settings.get("deterministic"))
            self.check = MessageCheck(recording.folder / recording.messages, is_timed=is_timed)
        self._recorded_digest = recording.digest if recording is not None else None
        self.recorder = Recorder(
            self.scheduler.clock, digests=settings.deterministic, judged=settings.judged
        )
        self.devices: list[SessionDevice] = []
        # Nodes whose threads would not end when their device was closed.
        self.stuck: list[str] = []
        self.failure: OakwrightError | None = None
        # Whether the script has asked for keys: then it can be told to quit by one.
        self.asks_for_keys = False
        self.is_ending = False
        self._lock = threading.Lock()
        self._blobs: dict[str, Blob] = {}
        self._host = self.scheduler.adopt("host")
        self.started_s = self.scheduler.clock.now()
        if settings.seconds is not None:
            self.ends_at_s: float | None = self.started_s + settings.seconds
            self.scheduler.finish(self.ends_at_s)
        else:
            self.ends_at_s = None
        # Last: what fails before it must leave no folder.
        self.tape: Tape | None = None
        if settings.record:
            self.tape = Tape(
                settings.record,
                limit=settings.record_limit,
                is_timed=settings.deterministic,
                on_full=self.end_soon,
            )

    @property
    def board(self) -> Board:
        """What the first camera carries."""
        return self.rig.cameras[0].board

    def _are_away(self) -> bool:
        return self.faults is not None and self.faults.away_for_s() > _SLACK_S

    # -- the run's end

    def may_arrive(self, stream: str) -> bool:
        """Whether a stream may have one more message, within ``frames``."""
        limit = self.settings.frames
        return limit is None or self.recorder.count(stream) < limit

    def arrived(self, stream: str, message: Any) -> None:
        """A message has reached the host."""
        if self.tape is not None:
            self.tape.arrived(stream, message)
        if self.check is not None:
            self.check.see(stream, message)
        if self.recorder.arrived(stream, message) == self.settings.frames:
            self.end_soon()

    def asks_for_key(self) -> None:
        """The script waits for keys: it can be told to quit by one, and gets time for that."""
        if not self.asks_for_keys:
            self.asks_for_keys = True
            if self.ends_at_s is not None and not self.is_ending:
                self.scheduler.end_at_s = self.ends_at_s + GRACE_S

    def end_soon(self) -> None:
        """The frames or seconds are over: the host may finish its round, then its waits raise."""
        if not self.is_ending:
            self.is_ending = True
            # In real time the other streams' messages of the same moment are still on their way.
            grace = GRACE_S if self.asks_for_keys else 0.0 if self.settings.deterministic else 0.2
            self.scheduler.finish(self.scheduler.clock.now() + grace)

    def should_quit(self) -> bool:
        """Whether a key that quits is due."""
        if self.ends_at_s is not None and self.scheduler.clock.now() >= self.ends_at_s:
            self.end_soon()
        return self.is_ending

    def fail(self, error: BaseException) -> None:
        """A node failed: the host gets the error at its next wait."""
        self.failure = self.failure or error  # type: ignore[assignment]
        self.scheduler.end = lambda: error
        self.is_ending = True
        self.scheduler.finish(self.scheduler.clock.now())

    # -- for devices

    def close_dropped(self) -> None:
        """Close what the script has let go of, as a real device is then."""
        for device in self.devices:
            if device.is_dropped and device.is_open:
                device.close()

    def source_for(self, camera: Plugged, calibration: Any) -> FrameSource:
        """What a camera sees from now on; ``calibration``: what its nodes use."""
        return self.rig.source_for(camera, self.tape, calibration)

    def open_network(self, data: Any, title: str) -> NetworkRunner:
        """Something that runs a blob's bytes; a blob is read once per session."""
        blob = Blob.from_bytes(bytes(data))
        with self._lock:
            blob = self._blobs.setdefault(blob.digest, blob)
        return DecompiledNetwork(blob, precision=self.settings.precision)

    def close(self) -> None:
        """Close devices and source."""
        for device in list(self.devices):
            device.close()
        self.rig.close()
        tape, self.tape = self.tape, None
        if tape is not None:
            tape.finish(self.settings.recorded_facts(), self.recorder.digest)
        if isinstance(self.scheduler, BatonScheduler):
            # Threads of the script's own may still want to end; nobody is held up any more.
            self.scheduler.retire()

    def abandon(self) -> None:
        """After a fork: the nodes' threads are the parent's, so only forget them."""
        # One of them may have held it at that moment.
        self.scheduler.lock._at_fork_reinit()  # type: ignore[attr-defined]
        # The recording is the parent's, too.
        self.tape = None
        for device in self.devices:
            device.abandon()

    def report(self) -> dict[str, Any]:
        """What happened, as plain values for JSON."""
        return {
            "board": self.board.product if self.settings.replay else self.settings.board,
            "source": self.settings.replay or self.settings.source,
            "deterministic": self.settings.deterministic,
            "seconds": round(self.scheduler.clock.now() - self.started_s, 3),
            # Real seconds of the script's own work, on the thread that made the session.
            "host_busy_s": round(self._host.busy_s, 3),
            **self.recorder.report(),
            "devices": [device.report() for device in self.devices],
            "replay": self._replay_report(),
            "faults": self.faults.report() if self.faults is not None else {},
            "failure": str(self.failure) if self.failure else None,
        }

    def _replay_report(self) -> dict[str, Any]:
        if self.check is None:
            return {}
        return {"recorded_digest": self._recorded_digest, **self.check.report()}


def _end_of_run() -> BaseException:
    return EndOfRun("the frames or seconds that were asked for are over")
