"""StereoDepth's settings: from the JSON's values to what the blocks take, and back to a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import depthai as dai

from ..blocks import depth_filters
from ..blocks.depth_filters import Filters, Mean
from ..blocks.stereo import CENTER, LEFT, RIGHT, Matching
from ..schema import read_pipeline

# dai.StereoDepthConfig.AlgorithmControl.DepthAlign
_ALIGNMENTS = {0: RIGHT, 1: LEFT, 2: CENTER}
# dai.StereoDepthConfig.AlgorithmControl.DepthUnit: units in a metre; 5 is the script's own.
_UNITS_PER_M = {0: 1.0, 1: 100.0, 2: 1000.0, 3: 39.3701, 4: 3.28084}
_OWN_UNIT = 5
_LEVELS = {0: 64, 1: 96}
_FILTERS = {
    1: depth_filters.DECIMATION,
    2: depth_filters.SPECKLE,
    3: depth_filters.MEDIAN,
    4: depth_filters.SPATIAL,
    5: depth_filters.TEMPORAL,
}
_DECIMATIONS = {
    0: depth_filters.SKIP,
    1: depth_filters.NON_ZERO_MEDIAN,
    2: depth_filters.NON_ZERO_MEAN,
}
# The chip's median takes no finer disparity than eighths.
_MEDIAN_BITS = 3
# What the fields may be; the API's own documentation gives the ranges.
_ALLOWED: Mapping[str, Iterable[int]] = {
    "algorithmControl.depthAlign": _ALIGNMENTS,
    "algorithmControl.depthUnit": (*_UNITS_PER_M, _OWN_UNIT),
    "algorithmControl.subpixelFractionalBits": (3, 4, 5),
    "algorithmControl.disparityShift": range(257),
    "algorithmControl.numInvalidateEdgePixels": range(4097),
    "costMatching.confidenceThreshold": range(256),
    "costMatching.disparityWidth": _LEVELS,
    "costMatching.invalidDisparityValue": range(256),
    "postProcessing.bilateralSigmaValue": range(65536),
    "postProcessing.median": (0, 3, 5, 7),
    "postProcessing.decimationFilter.decimationFactor": range(5),
    "postProcessing.decimationFilter.decimationMode": _DECIMATIONS,
    "postProcessing.spatialFilter.numIterations": range(6),
    "postProcessing.spatialFilter.holeFillingRadius": range(17),
    "postProcessing.temporalFilter.persistencyMode": range(9),
}


@dataclass(frozen=True)
class StereoConfig:
    """What a step needs of the settings. ``range``: nearest and farthest depth, in its unit."""

    values: Mapping[str, Any]
    matching: Matching
    filters: Filters
    units_per_m: float
    range: tuple[int, int]
    brightness: tuple[int, int]
    compands: bool = False
    # What a disparity map holds where there is none.
    invalid: int = 0


def unsupported(values: Mapping[str, Any]) -> list[str]:
    """Settings out of what can be done; one line each."""
    found = []
    for name, allowed in _ALLOWED.items():
        value: Any = values
        for key in name.split("."):
            value = value[key]
        if int(value) not in allowed:
            found.append(f"initialConfig.{name} = {value} is not supported")
    found += _wrong_companding(values)
    own = values["algorithmControl"]["customDepthUnitMultiplier"]
    if values["algorithmControl"]["depthUnit"] == _OWN_UNIT and not own > 0:
        found.append(f"initialConfig.algorithmControl.customDepthUnitMultiplier = {own}")
    return found


def _wrong_companding(values: Mapping[str, Any]) -> Iterable[str]:
    """What sparse matching is documented for is 96 whole disparities."""
    cost, control = values["costMatching"], values["algorithmControl"]
    if cost["enableCompanding"]:
        for name, is_on in (
            ("enableExtended", control["enableExtended"]),
            ("enableSubpixel", control["enableSubpixel"]),
            ("disparityShift", control["disparityShift"]),
            ("disparityWidth 64", _LEVELS.get(cost["disparityWidth"]) == 64),
        ):
            if is_on:
                yield f"initialConfig.costMatching.enableCompanding with {name} is not supported"


def read_config(values: Mapping[str, Any], align: str | None) -> StereoConfig:
    """The settings of values that ``unsupported`` has nothing against.

    ``align`` takes the place of what they say, where a camera was asked for.
    """
    control, cost = values["algorithmControl"], values["costMatching"]
    post = values["postProcessing"]
    bits = control["subpixelFractionalBits"] if control["enableSubpixel"] else 0
    matching = Matching(
        levels=_LEVELS[cost["disparityWidth"]],
        shift=control["disparityShift"],
        extended=control["enableExtended"],
        subpixel_bits=bits,
        check=control["leftRightCheckThreshold"] if control["enableLeftRightCheck"] else None,
        confidence=cost["confidenceThreshold"],
        align=align or _ALIGNMENTS[control["depthAlign"]],
        edge=control["numInvalidateEdgePixels"],
    )
    unit, own = control["depthUnit"], control["customDepthUnitMultiplier"]
    limits, brightness = post["thresholdFilter"], post["brightnessFilter"]
    return StereoConfig(
        values,
        matching,
        _read_filters(post, bits),
        own if unit == _OWN_UNIT else _UNITS_PER_M[unit],
        (limits["minRange"], limits["maxRange"]),
        (brightness["minBrightness"], brightness["maxBrightness"]),
        bool(cost["enableCompanding"]),
        int(cost["invalidDisparityValue"]),
    )


def _read_filters(post: Mapping[str, Any], bits: int) -> Filters:
    speckle, spatial = post["speckleFilter"], post["spatialFilter"]
    temporal, decimation = post["temporalFilter"], post["decimationFilter"]
    return Filters(
        order=[_FILTERS[number] for number in post["filteringOrder"] if number in _FILTERS],
        bilateral=post["bilateralSigmaValue"],
        median=post["median"] if bits <= _MEDIAN_BITS else 0,
        decimation=decimation["decimationFactor"],
        decimation_mode=_DECIMATIONS[decimation["decimationMode"]],
        speckle=(speckle["speckleRange"], speckle["differenceThreshold"])
        if speckle["enable"]
        else None,
        spatial=Mean(
            spatial["alpha"],
            spatial["delta"],
            reach=spatial["holeFillingRadius"],
            rounds=spatial["numIterations"],
        )
        if spatial["enable"]
        else None,
        temporal=Mean(temporal["alpha"], temporal["delta"], persistency=temporal["persistencyMode"])
        if temporal["enable"]
        else None,
    )


def config_message(config: Mapping[str, Any]) -> Any:
    """A ``StereoDepthConfig`` of its values as the JSON has them."""
    message = dai.StereoDepthConfig()
    raw = message.get()
    _assign(raw, config)
    message.set(raw)
    return message


def _assign(target: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            part = getattr(target, name)
            _assign(part, value)
            setattr(target, name, part)
        elif name == "filteringOrder":
            kinds = dai.StereoDepthConfig.PostProcessing.Filter
            setattr(target, name, [kinds(number) for number in value])
        elif value is not None:
            kind = type(getattr(target, name))
            setattr(target, name, kind(value) if hasattr(kind, "__members__") else value)


class ConfigReader:
    """Reads a config message completely, by way of a node that is serialised."""

    def __init__(self) -> None:
        self._pipeline = dai.Pipeline()
        self._node = self._pipeline.create(dai.node.StereoDepth)

    def read(self, message: Any) -> Mapping[str, Any]:
        """Its values as the JSON has them."""
        self._node.initialConfig.set(message.get())
        config: Mapping[str, Any] = (
            read_pipeline(self._pipeline).nodes[0].properties["initialConfig"]
        )
        return config
