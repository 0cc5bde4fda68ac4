"""HighGUI where there is none: what a script shows is collected.

Headless OpenCV has no windows; in deterministic mode a real one would not keep virtual time. So
``imshow`` keeps the last picture of each window, ``waitKey`` lets its time pass and, once the run
is over, presses q, then Esc; trackbars, mouse and selectROI answer as if nobody touched them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .session import Session

# How fast the windows' videos are played: one picture for each imshow.
VIDEO_FPS = 30.0
# What is pressed once the run is over: q first, then Esc, in turns.
_QUIT_KEYS = (ord("q"), 27)


@dataclass
class Window:
    """What a window shows, and how often it was drawn."""

    pixels: np.ndarray | None = None
    shown: int = 0
    video_size: tuple[int, int] = (0, 0)


class Windows:
    """All windows of a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        # Where each window is also kept as a video; None keeps the last picture only.
        self.folder: Path | None = None
        self._videos: dict[str, Any] = {}
        self.windows: dict[str, Window] = {}
        self.trackbars: dict[tuple[str, str], int] = {}
        self._quit_presses = 0
        # What the settings' keys still have to press, the next one last.
        self._to_press = [
            (time_s, key) for time_s, keys in sorted(session.settings.keys) for key in keys
        ][::-1]
        # Keys pressed on the live page; None where nobody can press any.
        self.pressed: deque[int] | None = None

    def show(self, name: str, picture: Any) -> None:
        """``cv2.imshow``."""
        pixels = picture.get() if isinstance(picture, cv2.UMat) else np.asarray(picture)
        if pixels.size == 0:
            raise cv2.error(f"window '{name}': the picture is empty")
        window = self.windows.setdefault(str(name), Window())
        window.pixels, window.shown = pixels.copy(), window.shown + 1
        if self.folder is not None:
            self._film(str(name), _as_picture(pixels))

    def wait_key(self, delay: int = 0) -> int:
        """``cv2.waitKey``: -1 for no key.

        Without a delay it waits for ever: for a key on the live page, 1 ms where there is none.
        """
        session = self.session
        session.asks_for_key()
        if delay <= 0 and self.pressed is not None:
            self._await_key()
        else:
            session.scheduler.sleep(max(delay, 1) / 1000)
        if not session.should_quit():
            return self.pressed.popleft() if self.pressed else self._due_key()
        self._quit_presses += 1
        return _QUIT_KEYS[(self._quit_presses - 1) % len(_QUIT_KEYS)]

    def _due_key(self) -> int:
        """The next key of the settings if its time has come, one at a time; -1 for none."""
        since = self.session.scheduler.clock.now() - self.session.started_s
        if self._to_press and self._to_press[-1][0] <= since:
            return ord(self._to_press.pop()[1])
        return -1

    def _await_key(self) -> None:
        """Somebody is looking: wait for a key, or for the end of the run."""
        while not self.pressed and not self.session.should_quit():
            self.session.scheduler.sleep(0.02)

    def press(self, code: int) -> None:
        """A key, for the next ``waitKey``."""
        if self.pressed is not None:
            self.pressed.append(code)

    def overview(self) -> list[dict[str, Any]]:
        """Name, times drawn and size of every window, in the order they were opened."""
        return [
            {
                "name": name,
                "shown": window.shown,
                "width": window.pixels.shape[1] if window.pixels is not None else 0,
                "height": window.pixels.shape[0] if window.pixels is not None else 0,
            }
            for name, window in list(self.windows.items())
        ]

    def as_jpeg(self, number: int, after: int) -> tuple[int, bytes | None]:
        """A window by its number, once it was drawn more than ``after`` times: count, bytes."""
        windows = list(self.windows.values())
        window = windows[number] if number < len(windows) else Window()
        shown, pixels = window.shown, window.pixels
        if pixels is None or shown <= after:
            return shown, None
        picture = np.ascontiguousarray(_as_picture(pixels))
        return shown, cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()

    def save(self, folder: Path) -> list[Path]:
        """Write the last picture of every window; gives the files."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for video in self._videos.values():
            video.release()
        for name, window in sorted(self.windows.items()):
            if window.pixels is None:
                continue
            path = folder / f"{_file_name(name)}.png"
            cv2.imwrite(str(path), _as_picture(window.pixels))
            files.append(path)
        return files

    def _film(self, name: str, pixels: np.ndarray) -> None:
        """Add a picture to the window's video; it keeps the size of its first one."""
        assert self.folder is not None
        height, width = pixels.shape[:2]
        if name not in self._videos:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._videos[name] = cv2.VideoWriter(
                str(self.folder / f"{_file_name(name)}.mp4"),
                cv2.VideoWriter.fourcc(*"mp4v"),
                VIDEO_FPS,
                (width, height),
            )
            self.windows[name].video_size = (width, height)
        size = self.windows[name].video_size
        color = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        if (width, height) != size:
            color = cv2.resize(color, size)
        self._videos[name].write(np.ascontiguousarray(color[:, :, :3]))

    def report(self) -> dict[str, Any]:
        """How often each was drawn, and the size of what it shows."""
        return {
            name: {"shown": w.shown, "shape": list(w.pixels.shape) if w.pixels is not None else []}
            for name, w in sorted(self.windows.items())
        }


def has_windows() -> bool:
    """Whether the installed OpenCV has HighGUI."""
    lines = [line.strip() for line in cv2.getBuildInformation().splitlines()]
    return not any(line.startswith("GUI:") and "NONE" in line for line in lines)


@contextmanager
def collect_windows(windows: Windows) -> Iterator[None]:
    """Put the collector in the place of HighGUI until the end of the block."""
    replaced = {name: getattr(cv2, name, None) for name in _functions(windows)}
    for name, function in _functions(windows).items():
        setattr(cv2, name, function)
    try:
        yield
    finally:
        for name, original in replaced.items():
            if original is not None:
                setattr(cv2, name, original)


def _functions(windows: Windows) -> dict[str, Callable[..., Any]]:
    def create_trackbar(
        name: str, window: str, value: int, count: int, onChange: Any = None
    ) -> None:
        windows.trackbars[window, name] = value

    def set_trackbar(name: str, window: str, value: int) -> None:
        windows.trackbars[window, name] = value

    def select(window: Any, picture: Any = None, *rest: Any, **named: Any) -> Any:
        pixels = picture if isinstance(picture, np.ndarray) else window
        height, width = np.asarray(pixels).shape[:2]
        return width // 4, height // 4, width // 2, height // 2

    def nothing(*arguments: Any, **named: Any) -> None:
        return None

    def is_visible(name: str, what: int = 0) -> float:
        return 1.0 if str(name) in windows.windows else -1.0

    def close(name: str) -> None:
        windows.windows.setdefault(str(name), Window())

    return {
        "imshow": windows.show,
        "waitKey": windows.wait_key,
        "waitKeyEx": windows.wait_key,
        "pollKey": lambda: windows.wait_key(1),
        "namedWindow": lambda name, *flags: (
            windows.windows.setdefault(str(name), Window()) and None
        ),
        "destroyWindow": close,
        "destroyAllWindows": nothing,
        "resizeWindow": nothing,
        "moveWindow": nothing,
        "setWindowTitle": nothing,
        "setWindowProperty": nothing,
        "getWindowProperty": is_visible,
        "getWindowImageRect": lambda name: (0, 0, 640, 480),
        "createTrackbar": create_trackbar,
        "getTrackbarPos": lambda name, window: windows.trackbars.get((window, name), 0),
        "setTrackbarPos": set_trackbar,
        "setTrackbarMin": nothing,
        "setTrackbarMax": nothing,
        "setMouseCallback": nothing,
        "selectROI": select,
        "selectROIs": lambda *a, **n: np.array([select(*a, **n)]),
        "startWindowThread": lambda: 1,
    }


def _as_picture(pixels: np.ndarray) -> np.ndarray:
    """What imshow would draw: floats are 0..1, 16 bits are divided by 256."""
    if pixels.dtype.kind == "f":
        return np.asarray(np.clip(pixels * 255, 0, 255), np.uint8)
    if pixels.dtype == np.uint16:
        return np.asarray(pixels >> 8, np.uint8)
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    return pixels


def _file_name(window: str) -> str:
    return "".join(c if c.isalnum() or c in "-_ " else "_" for c in window).strip() or "_"
