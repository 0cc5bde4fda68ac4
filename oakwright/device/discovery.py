"""What a script finds before it opens a camera: discovery, as depthai answers, and the classes.

``make_device_class`` makes what stands on ``depthai`` as ``Device``: a thin handle that passes
every call on to a ``stand_in.Device``. The session holds the latter; what a script lets go of
without closing it is known by its handle, and closed when its camera is wanted again, as a real
device is closed when nobody holds it any more.
"""

from __future__ import annotations

import functools
from typing import Any

import depthai as dai

from oakwright.errors import UsageError

from .plugged import Plugged
from .session import Session
from .stand_in import Device


def device_info(camera: Plugged) -> Any:
    """What discovery says of a camera."""
    return _info(camera.id, camera.name, is_open=camera.is_open)


def _info(id: str, name: str, *, is_open: bool) -> Any:
    info, states = dai.DeviceInfo(), dai.XLinkDeviceState
    info.name, info.mxid = name, id
    info.state = states.X_LINK_BOOTED if is_open else states.X_LINK_UNBOOTED
    info.protocol = dai.XLinkProtocol.X_LINK_USB_VSC
    info.platform = dai.XLinkPlatform.X_LINK_MYRIAD_X
    info.status = dai.XLinkError_t.X_LINK_SUCCESS
    return info


def _first(infos: list[Any]) -> tuple[bool, Any]:
    """As depthai's searches answer: whether there is one, and which."""
    return (True, infos[0]) if infos else (False, dai.DeviceInfo())


class Discovery:
    """The searches that Device, DeviceBootloader and XLinkConnection share."""

    _session: Session

    @classmethod
    def getAllAvailableDevices(cls) -> list[Any]:
        """The cameras that are not open; none while a fault has them away."""
        cls._session.close_dropped()
        return [device_info(camera) for camera in cls._session.rig.free()]

    @classmethod
    def getAllConnectedDevices(cls, *arguments: Any) -> list[Any]:
        """All cameras, open ones included; with a state only those in it."""
        cls._session.close_dropped()
        states = [a for a in arguments if isinstance(a, dai.XLinkDeviceState)]
        infos = [device_info(camera) for camera in cls._session.rig.found()]
        wanted = [s for s in states if s != dai.XLinkDeviceState.X_LINK_ANY_STATE]
        return [info for info in infos if not wanted or info.state in wanted]

    @classmethod
    def getFirstAvailableDevice(cls, *arguments: Any) -> tuple[bool, Any]:
        """The first camera that is not open."""
        return _first(cls.getAllAvailableDevices())

    getAnyAvailableDevice = getFirstAvailableDevice

    @classmethod
    def getDeviceByMxId(cls, mxId: str, *arguments: Any) -> tuple[bool, Any]:
        """The camera of that id, unless it is open."""
        return _first([info for info in cls.getAllAvailableDevices() if info.mxid == mxId])


class Bootloader(Discovery):
    """Stands for ``dai.DeviceBootloader``: discovery works, flashing does not."""

    Version = dai.Version

    def __init__(self, *arguments: Any, **named: Any) -> None:
        raise UsageError(
            "a virtual camera has no bootloader", remedy="run scripts that flash on a real one"
        )


class Connection(Discovery):
    """Stands for ``dai.XLinkConnection``: discovery."""

    getFirstDevice = Discovery.getFirstAvailableDevice

    @classmethod
    def bootBootloader(cls, deviceInfo: Any) -> Any:
        """The camera, which would be in its bootloader now; the next Device boots it again."""
        return _info(deviceInfo.mxid, deviceInfo.name, is_open=False)


def make_device_class(session: Session) -> type[Any]:
    """The class that stands on ``depthai`` as ``Device`` while the session lasts."""
    opened = type("OpenDevice", (Device,), {"_session": session})

    def start(self: Any, *arguments: Any, **named: Any) -> None:
        self._opened = None
        self._opened = opened(*arguments, **named)

    def let_go(self: Any) -> None:
        # Wherever the interpreter does this, maybe on a node's own thread: only a note.
        if self.__dict__.get("_opened") is not None:
            self._opened.is_dropped = True

    def entered(self: Any) -> Any:
        return self

    body: dict[str, Any] = {
        "_session": session,
        "__module__": "depthai",
        "__doc__": Device.__doc__,
        "__init__": start,
        "__del__": let_go,
        "__enter__": entered,
        "__exit__": lambda self, *exception: self._opened.close(),
        "Config": Device.Config,
    }
    # The stand-in is put together of several classes.
    names = {name: made for kind in reversed(Device.__mro__) for name, made in vars(kind).items()}
    for name, made in names.items():
        if not name.startswith("_") and name not in body:
            body[name] = made if isinstance(made, staticmethod) else _passed_on(name, made)
    return type("Device", (Discovery,), body)


def _passed_on(name: str, made: Any) -> Any:
    if isinstance(made, property) or not callable(made):
        return property(lambda self: getattr(self._opened, name))

    @functools.wraps(made)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        return getattr(self._opened, name)(*arguments, **named)

    return call
