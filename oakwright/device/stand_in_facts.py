"""What a ``dai.Device`` says it is: its names, cameras, IMU, stereo pairs and lights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import depthai as dai

from .facts import camera_features
from .stand_in_base import OpenCamera

if TYPE_CHECKING:
    from .facts import Lights


class Facts(OpenCamera):
    """See the module."""

    _usb_speed: Any
    _lights: Lights

    def getMxId(self) -> str:
        """Its id."""
        return self._id

    def getDeviceInfo(self) -> Any:
        """As discovery has it, booted."""
        info = dai.DeviceInfo()
        info.name, info.mxid = self._camera.name, self._id
        info.state = dai.XLinkDeviceState.X_LINK_BOOTED
        info.protocol = dai.XLinkProtocol.X_LINK_USB_VSC
        info.platform = dai.XLinkPlatform.X_LINK_MYRIAD_X
        info.status = dai.XLinkError_t.X_LINK_SUCCESS
        return info

    def getDeviceName(self) -> str:
        """The product's name."""
        return self.board.product

    def getProductName(self) -> str:
        """The product's name."""
        return self.board.product

    def getBootloaderVersion(self) -> Any:
        """None: it is plugged into USB, with nothing flashed."""
        return None

    def getState(self) -> Any:
        """As long as it is open: booted."""
        return dai.XLinkDeviceState.X_LINK_BOOTED

    def getUsbSpeed(self) -> Any:
        """What was asked for, SUPER otherwise."""
        return self._usb_speed

    def getConnectedCameras(self) -> list[Any]:
        """Sockets that carry a camera."""
        return [dai.CameraBoardSocket(c.socket) for c in self.board.cameras]

    def getCameraSensorNames(self) -> dict[Any, str]:
        """Socket to sensor name."""
        cameras = self.board.cameras
        return {dai.CameraBoardSocket(c.socket): c.sensor.name for c in cameras}

    def getConnectedCameraFeatures(self) -> list[Any]:
        """What each camera is and can."""
        return [camera_features(camera) for camera in self.board.cameras]

    def getConnectionInterfaces(self) -> list[Any]:
        """USB only."""
        return [dai.connectionInterface.USB]

    def getConnectedIMU(self) -> str:
        """The IMU's name, NONE without one."""
        return self.board.imu

    def getIMUFirmwareVersion(self) -> Any:
        """A version, as the real one has."""
        return dai.Version(3, 9, 9)

    def getEmbeddedIMUFirmwareVersion(self) -> Any:
        """A version, as the real one has."""
        return dai.Version(3, 9, 9)

    def getIMUFirmwareUpdateStatus(self) -> tuple[bool, float]:
        """No update runs."""
        return False, 0.0

    def startIMUFirmwareUpdate(self, forceUpdate: bool = False) -> bool:
        """There is no firmware to update."""
        return False

    def getStereoPairs(self) -> list[Any]:
        """The pairs calibrated for stereo."""
        return self.getAvailableStereoPairs()

    def getAvailableStereoPairs(self) -> list[Any]:
        """Left and right, where the board has them."""
        board = self.board
        left, right = board.named("left"), board.named("right")
        if left is None or right is None:
            return []
        pair = dai.StereoPair()
        pair.left, pair.right = (dai.CameraBoardSocket(c.socket) for c in (left, right))
        pair.baseline = abs(right.x_cm - left.x_cm)
        return [pair]

    def getIrDrivers(self) -> list[Any]:
        """The chip that drives the infrared light, on boards with such light."""
        return self._lights.drivers()

    def setIrLaserDotProjectorBrightness(self, mA: float, mask: int = -1) -> bool:
        """Whether there is one; the pictures stay as they are."""
        self._check_open()
        return self._lights.set_current("dots", mA)

    def setIrFloodLightBrightness(self, mA: float, mask: int = -1) -> bool:
        """Whether there is one; the pictures stay as they are."""
        self._check_open()
        return self._lights.set_current("flood", mA)

    def setIrLaserDotProjectorIntensity(self, intensity: float, mask: int = -1) -> bool:
        """Whether there is one; the pictures stay as they are."""
        self._check_open()
        return self._lights.set_intensity("dots", intensity)

    def setIrFloodLightIntensity(self, intensity: float, mask: int = -1) -> bool:
        """Whether there is one; the pictures stay as they are."""
        self._check_open()
        return self._lights.set_intensity("flood", intensity)
