"""The calibration in a ``dai.Device``'s memory: read, set, flashed."""

from __future__ import annotations

import json
from typing import Any

from .boards import copy_calibration
from .stand_in_base import OpenCamera


class Memory(OpenCamera):
    """See the module."""

    # The memory's, None for the board's own, and what is used until the device closes.
    _flashed: Any
    _calibration: Any

    def readCalibration(self) -> Any:
        """What is flashed, the board's own otherwise; a copy, which its taker may change."""
        self._check_open()
        return copy_calibration(self._flashed or self._camera.factory_calibration())

    readCalibration2 = readCalibrationOrDefault = readCalibration

    def readFactoryCalibration(self) -> Any:
        """The board's own; a copy."""
        self._check_open()
        return self._camera.factory_calibration()

    readFactoryCalibrationOrDefault = readFactoryCalibration

    def getCalibration(self) -> Any:
        """What the nodes use; a copy."""
        self._check_open()
        return copy_calibration(self._current_calibration())

    def _current_calibration(self) -> Any:
        """Set while it runs, by the pipeline, or flashed: the first there is of these."""
        if self._calibration is None:
            self._calibration = self._flashed or self._camera.factory_calibration()
        return self._calibration

    def setCalibration(self, handler: Any) -> None:
        """Use this one from now on."""
        self._check_open()
        self._calibration = copy_calibration(handler)

    def flashCalibration(self, handler: Any) -> bool:
        """Lasts as long as this device; the nodes use it at once."""
        self._check_open()
        self._flashed = self._calibration = copy_calibration(handler)
        return True

    flashFactoryCalibration = flashCalibration

    def flashCalibration2(self, handler: Any) -> None:
        """See flashCalibration."""
        self.flashCalibration(handler)

    def factoryResetCalibration(self) -> None:
        """Back to the board's."""
        self._flashed = self._calibration = None

    flashEepromClear = flashFactoryEepromClear = factoryResetCalibration

    def isEepromAvailable(self) -> bool:
        """There is one, as far as calibration goes."""
        return True

    def readCalibrationRaw(self) -> list[int]:
        """The calibration as the bytes of its JSON."""
        return list(json.dumps(self.readCalibration().eepromToJson()).encode())

    readFactoryCalibrationRaw = readCalibrationRaw
