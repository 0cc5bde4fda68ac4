"""A camera's controls: from ``CameraControl``'s commands to how pictures look (``blocks/look``).

A command is a bit of ``cmdMask``; what a message does not command stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import depthai as dai

from ..blocks.look import EFFECTS, Look
from ..boards import Sensor
from ..schema import read_pipeline

# Kelvins of the presets of white balance; AUTO and OFF leave the light as it is.
_KELVINS = {2: 2850.0, 3: 4000.0, 4: 3000.0, 5: 5500.0, 6: 6500.0, 7: 10000.0, 8: 7500.0}
_OFF = 0
# The API's ranges.
_ISO = 100, 1600
_TEN, _FOUR = range(-10, 11), range(5)
_RANGES = {
    "brightness": _TEN,
    "contrast": _TEN,
    "saturation": _TEN,
    "sharpness": _FOUR,
    "lumaDenoise": _FOUR,
    "chromaDenoise": _FOUR,
    "expCompensation": range(-9, 10),
    "lensPosition": range(256),
    "wbColorTemp": range(1000, 12001),
}
# Commands (bits) that cannot show here.
_SILENT = {
    9: "a scene mode",
    10: "anti-banding",
    17: "a capture intent",
    18: "a control mode",
    50: "an external trigger",
    52: "frame synchronisation by a signal",
    53: "the strobe",
}
_Update = Callable[[Look, Mapping[str, Any]], Look]


def _exposure(look: Look, values: Mapping[str, Any]) -> Look:
    manual = values["expManual"]
    iso = min(max(manual["sensitivityIso"], _ISO[0]), _ISO[1])
    return replace(look, exposure_us=max(manual["exposureTimeUs"], 1), iso=iso)


def _lens(look: Look, values: Mapping[str, Any]) -> Look:
    return replace(look, lens=float(values["lensPosition"]))


def _lens_raw(look: Look, values: Mapping[str, Any]) -> Look:
    return replace(look, lens=float(values["lensPositionRaw"]) * 255)


def _focus_mode(look: Look, values: Mapping[str, Any]) -> Look:
    # Off leaves the lens where it is; every other mode focuses by itself.
    return look if values["autoFocusMode"] == _OFF else replace(look, lens=None)


def _effect(look: Look, values: Mapping[str, Any]) -> Look:
    return replace(look, effect=dai.CameraControl.EffectMode(values["effectMode"]).name)


def _field(name: str, field: str) -> _Update:
    return lambda look, values: replace(look, **{field: int(values[name])})  # type: ignore[arg-type]


# What each command does, in the order of their bits.
_COMMANDS: dict[int, _Update] = {
    4: _lens,
    5: lambda look, values: replace(look, lens=None),
    6: _exposure,
    7: lambda look, values: replace(look, exposure_us=None, iso=None),
    8: lambda look, values: replace(look, kelvin=_KELVINS.get(values["awbMode"])),
    11: _field("expCompensation", "compensation"),
    24: _effect,
    26: _focus_mode,
    28: _field("saturation", "saturation"),
    31: _field("brightness", "brightness"),
    35: _field("sharpness", "sharpness"),
    44: _field("contrast", "contrast"),
    47: _field("lumaDenoise", "luma_denoise"),
    48: _field("chromaDenoise", "chroma_denoise"),
    49: lambda look, values: replace(look, kelvin=float(values["wbColorTemp"])),
    55: _lens_raw,
}
_MOVES_LENS = (4, 55)
_REGION = 45


class CameraControls:
    """A sensor's look as commands change it; ``warn`` gets what has no effect."""

    def __init__(
        self, sensor: Sensor, size: tuple[int, int], fps: float, warn: Callable[[str], None]
    ) -> None:
        self.look = Look()
        self._sensor, self._size, self._fps, self._warn = sensor, size, fps, warn
        self._pipeline = dai.Pipeline()
        self._node: Any = self._pipeline.create(dai.node.ColorCamera)

    def take_message(self, message: Any) -> None:
        """Follow a ``CameraControl``."""
        self._node.initialControl.set(message.get())
        self.take(read_pipeline(self._pipeline).nodes[0].properties["initialControl"])

    def take(self, values: Mapping[str, Any]) -> None:
        """Follow a control's values as the JSON has them."""
        mask = int(values["cmdMask"])
        told = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
        names = [text for bit, text in _SILENT.items() if bit in told]
        if values.get("miscControls"):
            names.append("miscControls")
        if names:
            self._warn(f"{', '.join(names)}: without effect here")
        limited = self._within(values)
        for bit in told:
            if bit in _MOVES_LENS and not self._sensor.has_autofocus:
                self._warn(f"{self._sensor.name} has no lens that moves")
            elif bit in _COMMANDS:
                self.look = _COMMANDS[bit](self.look, limited)
        if _REGION in told:
            self.look = replace(self.look, region=self._region(values["aeRegion"]))
        if (self.look.exposure_us or 0) > 1e6 / self._fps:
            # A frame cannot take longer than there is until the next.
            self.look = replace(self.look, exposure_us=1e6 / self._fps)
        if self.look.effect not in EFFECTS:
            self._warn(f"effect {self.look.effect}: without effect here")
            self.look = replace(self.look, effect="OFF")

    def _within(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Values brought into the API's ranges."""
        found = dict(values)
        for name, allowed in _RANGES.items():
            found[name] = min(max(int(values[name]), allowed[0]), allowed[-1])
        return found

    def _region(self, region: Mapping[str, Any]) -> tuple[float, float, float, float]:
        """Of the sensor's picture, as shares; the API has it in the mode's pixels."""
        width, height = self._size
        left, top = region["x"] / width, region["y"] / height
        right, bottom = left + region["width"] / width, top + region["height"] / height
        x0, y0, x1, y1 = (min(max(v, 0.0), 1.0) for v in (left, top, right, bottom))
        return x0, y0, x1, y1
