"""``VirtualOak``: inside it, ``dai.Device()`` is a virtual camera."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from typing import Any

import depthai as dai
import numpy as np

from oakwright.errors import EndOfRun, UsageError

from .aliases import serve_aliases
from .baton import BatonScheduler
from .discovery import Bootloader, Connection, make_device_class
from .nodes.script import patch_messages
from .old_numpy import serve_old_numpy
from .queue_host import HostInput, HostOutput
from .session import Session
from .settings import Settings
from .sources import CheckedSource, FrameSource, PictureSource, check_pixels
from .takeover import take_over
from .view import LivePage
from .windows import Windows, collect_windows, has_windows

Source = str | os.PathLike[str] | np.ndarray | FrameSource


class VirtualOak:
    """A camera made of software, for the length of a ``with`` block::

        with oakwright.VirtualOak(source="street.mp4", frames=100) as oak:
            run_my_depthai_code()
        print(oak.report()["streams"])

    ``source`` is what ``sources.open_source`` reads, a path, a picture as an array (HxWx3 BGR),
    or any FrameSource. ``deterministic``: virtual time and the same bits in every run. ``frames``
    and ``seconds`` end the run: the host's next wait ends the block, without an error. ``view``
    serves a live page of windows and pipeline, whose ``address`` is printed. ``auto``: if a real
    camera is plugged in, nothing is replaced and that one is used; which it is, is printed.
    ``faults``: what goes wrong, as ``["drop@10%", "disconnect@5s:3s"]``; see ``faults.spec``. The
    other options are those of ``Settings``.

    What is replaced (``dai.Device``, and in deterministic mode ``time`` and ``threading``'s
    waits) is put back at the end; there can be one at a time.
    """

    _active: VirtualOak | None = None

    def __init__(
        self,
        source: Source = "pattern",
        *,
        board: str = "OAK-D",
        deterministic: bool = False,
        frames: int | None = None,
        seconds: float | None = None,
        view: bool = False,
        auto: bool = False,
        faults: Iterable[str] = (),
        **options: Any,
    ) -> None:
        words, self._source = _named(source)
        self.settings = Settings(
            source=words,
            board=board,
            deterministic=deterministic,
            frames=frames,
            seconds=seconds,
            faults=(faults,) if isinstance(faults, str) else tuple(faults),
            **options,
        )
        self._set_up(view=view, auto=auto)

    def _set_up(self, *, end: Any = None, view: bool = False, auto: bool = False) -> None:
        self._end, self._view, self._auto = end, view, auto
        # Ids of the real cameras that are used instead, where ``auto`` found any.
        self.real_cameras: list[str] = []
        self._stack = ExitStack()
        self.session: Session | None = None
        self.windows: Windows | None = None
        self.page: LivePage | None = None

    @classmethod
    def from_settings(
        cls, settings: Settings, *, end: Any = None, view: bool = False, auto: bool = False
    ) -> VirtualOak:
        """With settings as they are; ``end`` makes the error that ends the run for the host."""
        oak = cls.__new__(cls)
        oak.settings, oak._source = settings, None
        oak._set_up(end=end, view=view, auto=auto)
        return oak

    def __enter__(self) -> VirtualOak:
        if VirtualOak._active is self:
            # The pytest fixture's, entered already: the block says where its run ends.
            return self
        if VirtualOak._active is not None:
            raise UsageError(
                "there is a virtual camera already", remedy="open devices inside the one there is"
            )
        if self._auto:
            self._auto = False
            self.real_cameras = _find_real_cameras(self.settings.board)
        if self.real_cameras:
            VirtualOak._active = self
            return self
        try:
            self.session = Session(self.settings, source=self._source, end=self._end)
            self._stack.callback(self.session.close)
            self._replace_depthai(self.session)
            self._stack.callback(patch_messages())
            self._stack.enter_context(serve_aliases(self.settings.aliases))
            if self._end is not None:
                # A script run as written; a test suite's own code is told by NumPy itself.
                self._stack.enter_context(serve_old_numpy())
            self.windows = Windows(self.session)
            if self._view:
                self._open_page(self.session, self.windows)
            if self._view or self.settings.deterministic or not has_windows():
                self._stack.enter_context(collect_windows(self.windows))
            if isinstance(self.session.scheduler, BatonScheduler):
                self._stack.enter_context(take_over(self.session.scheduler))
        except BaseException:
            self._stack.close()
            raise
        VirtualOak._active = self
        _watch_forks()
        return self

    def _open_page(self, session: Session, windows: Windows) -> None:
        title = os.path.basename(sys.argv[0]) or "python"  # noqa: PTH119 - a name, not a path
        self.page = LivePage(session, windows, title)
        self._stack.callback(self.page.close)
        if not self.settings.deterministic:
            windows.pressed = deque()
        print(f"live page: {self.page.address}", file=sys.stderr, flush=True)

    def _after_fork(self) -> None:
        """In a child made by fork: the same camera, new, since its threads stayed behind."""
        if VirtualOak._active is not self or self.session is None:
            return
        if self.page is not None:
            self.page.abandon()
            self.page, self._view = None, False
        self.session.abandon()
        VirtualOak._active = None
        self._stack.close()
        self._stack = ExitStack()
        # What is recorded is the parent's camera.
        self.settings = replace(self.settings, record="", uvc="")
        self.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: Any) -> bool:
        VirtualOak._active = None
        self._stack.close()
        return kind is not None and issubclass(kind, EndOfRun)

    def report(self) -> dict[str, Any]:
        """What happened: streams, nodes, queues, windows, the digest; plain values for JSON."""
        if self.real_cameras:
            return {"real_cameras": self.real_cameras, "streams": {}, "failure": None}
        assert self.session is not None, "it has not been entered"
        windows = self.windows.report() if self.windows is not None else {}
        return {**self.session.report(), "windows": windows}

    @property
    def digest(self) -> str | None:
        """Hash of everything the host took, in order; None unless deterministic."""
        return self.session.recorder.digest if self.session is not None else None

    def _replace_depthai(self, session: Session) -> None:
        device = make_device_class(session)
        bound = {"_session": session, "__module__": "depthai"}
        for name, stand_in in {
            "Device": device,
            "DeviceBase": device,
            # What the queues are, for scripts that ask by isinstance.
            "DataOutputQueue": HostOutput,
            "DataInputQueue": HostInput,
            "DeviceBootloader": type("DeviceBootloader", (Bootloader,), bound),
            "XLinkConnection": type("XLinkConnection", (Connection,), bound),
        }.items():
            self._stack.callback(setattr, dai, name, getattr(dai, name))
            setattr(dai, name, stand_in)


def _find_real_cameras(board: str) -> list[str]:
    """Ids of the cameras that are plugged in, and a word on which is used; takes half a second."""
    found = [str(info.mxid) for info in dai.Device.getAllAvailableDevices()]
    if found:
        print(f"camera: a real one, {', '.join(found)}; nothing is simulated", file=sys.stderr)
    else:
        print(f"camera: no real one was found, so a virtual {board}", file=sys.stderr)
    return found


def _named(source: Source) -> tuple[str, FrameSource | None]:
    """Words for the report, and the source itself where it is more than words."""
    if isinstance(source, np.ndarray):
        return "array", PictureSource(check_pixels(source, "the array"))
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source), None
    return type(source).__name__, CheckedSource(source)


@cache
def _watch_forks() -> None:
    os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    if VirtualOak._active is not None:
        VirtualOak._active._after_fork()
