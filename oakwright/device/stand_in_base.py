"""What every part of the stand-in for ``dai.Device`` knows of the camera it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .boards import Board
    from .plugged import Plugged
    from .session import Session


class OpenCamera:
    """A camera that a script has opened, until it is closed or lost."""

    _session: Session
    _camera: Plugged
    _id: str
    _is_closed: bool

    @property
    def board(self) -> Board:
        """What it carries."""
        return self._camera.board

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("Device already closed or disconnected: 'X_LINK_ERROR'")
