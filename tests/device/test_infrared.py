"""Infrared light: boards that have it, and the calls for it."""

import depthai as dai
import pytest

from oakwright.device import VirtualOak


def test_a_pro_board_has_both_lights_within_their_currents():
    with VirtualOak(board="OAK-D-PRO", deterministic=True) as oak:
        with dai.Device() as device:
            # As depthai's docstring has it for such a board.
            assert device.getIrDrivers() == [("LM3644", 2, 0x63)]
            assert device.setIrLaserDotProjectorBrightness(765)
            assert device.setIrFloodLightIntensity(0.5)
            lights = oak.report()["devices"][0]["lights_mA"]
            assert lights == {"dots": 765, "flood": 750}
            assert device.setIrLaserDotProjectorIntensity(2.0)
            assert device.setIrFloodLightBrightness(-1)
        with pytest.raises(RuntimeError, match="closed"):
            device.setIrFloodLightBrightness(100)
    assert oak.report()["devices"][0]["lights_mA"] == {"dots": 1200, "flood": 0}


def test_other_boards_say_that_they_have_none():
    with VirtualOak(deterministic=True) as oak, dai.Device() as device:
        assert device.getIrDrivers() == []
        assert not device.setIrLaserDotProjectorBrightness(765)
        assert not device.setIrFloodLightIntensity(1.0)
    assert oak.report()["devices"][0]["lights_mA"] == {}
