"""Where a model's time and memory will go on the chip, told by its own layers.

Everything countable is counted in the compiled blob: stages, multiply-accumulates, bytes. What a
layer takes of the whole run is an estimate from round peak rates (`RATES`), good for finding the
large ones and no promise of milliseconds: nothing here was measured on a camera.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oakwright.blob import Blob, Stage
    from oakwright.compiler import StageOrigin

RATES = {
    # 1.4 TOPS is what the camera's maker says of the neural part; a product and a sum are two.
    "hardware MACs/s": 0.7e12,
    # A SHAVE does eight FP16 products a cycle at best, at 700 MHz.
    "SHAVE MACs/s": 5.6e9,
    # A SHAVE passes over eight FP16 numbers a cycle at best.
    "SHAVE bytes/s": 11.2e9,
    "DDR bytes/s": 6.4e9,
    "stages/s": 50e3,
}
ENGINE = "(the engine's own)"
HARDWARE_KERNEL = 15
HARDWARE_STRIDE = 8
MANY_STAGES = 8

# Kinds of stages that run on SHAVEs and that the hardware unit has an operation for.
_SOFTWARE = {
    **dict.fromkeys(("Conv", "Im2ColConvolution", "RefConvolution"), "convolution"),
    **dict.fromkeys(("ConvND", "DepthConv"), "convolution"),
    **dict.fromkeys(("MaxPool", "AvgPool", "PoolND"), "pooling"),
    "FC": "fully connected",
}
_MOVES = ("Copy", "Permute", "Concat", "HwFcRelayout", "Convert", "Pad", "StridedSlice")


@dataclass(frozen=True)
class LayerCost:
    """One layer of the source model in the blob.

    ``layer``: its name in the source, ``operation`` what the engine made of it. ``kinds``: how
    many stages of each type. ``macs`` as the chip does them, padding channels included, every
    turn of a loop counted. ``parameter_bytes``: weights read. ``moved_bytes``: read from and
    written to memory off the chip. ``unit``: ``hardware``, ``SHAVEs`` or ``both``. ``share``:
    estimated part of the whole run, 0..1. ``remarks``: what makes it dear and what would help.
    """

    layer: str
    operation: str
    kinds: Mapping[str, int]
    macs: int
    parameter_bytes: int
    moved_bytes: int
    unit: str
    share: float
    remarks: tuple[str, ...]

    @property
    def stages(self) -> int:
        """How many stages of the blob the layer became."""
        return sum(self.kinds.values())


@dataclass(frozen=True)
class Performance:
    """A whole blob by source layers, the dearest first; sizes in bytes.

    ``memory_bytes``: what activations take off the chip. ``hardware_macs`` of ``macs`` run on the
    hardware unit.
    """

    shaves: int
    stages: int
    macs: int
    hardware_macs: int
    parameter_bytes: int
    memory_bytes: int
    blob_bytes: int
    layers: tuple[LayerCost, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        rows = [
            {**vars(cost), "kinds": dict(cost.kinds), "remarks": list(cost.remarks)}
            for cost in self.layers
        ]
        return {**vars(self), "layers": rows}


@dataclass
class _Sum:
    """What one layer's stages add up to."""

    operation: str
    kinds: Counter[str]
    macs: int = 0
    hardware_macs: int = 0
    parameter_bytes: int = 0
    moved_bytes: int = 0
    seconds: float = 0.0
    units: set[str] | None = None
    remarks: dict[str, None] | None = None


def performance(
    blob: Blob, origins: Sequence[StageOrigin], source_layers: Mapping[str, str]
) -> Performance:
    """Add a blob's stages up by the layer of the source model that they come from.

    ``origins``: of the blob's stages, as `compile_traced` gives them. ``source_layers``: the
    layers of the model as it was read, each with the name people know it by; a layer that the
    legaliser made is counted to the one it was made for.
    """
    from oakwright.blob import memory_profile, stage_macs

    by_index = {origin.index: origin for origin in origins}
    sums: dict[str, _Sum] = {}
    turns = _turns(blob.stages)
    for stage, times in zip(blob.stages, turns, strict=True):
        origin = by_index.get(stage.index)
        name = ENGINE
        if origin is not None and origin.layer:
            layer = source_layer(origin.layer, source_layers)
            name = source_layers.get(layer, layer)
        entry = sums.setdefault(
            name, _Sum(origin.operation if origin else "", Counter(), units=set(), remarks={})
        )
        for part in stage.walk():
            _add(entry, part, times, blob.shaves, stage_macs(part))
    total = sum(entry.seconds for entry in sums.values()) or 1.0
    layers = [_cost(name, entry, total) for name, entry in sums.items()]
    return Performance(
        shaves=blob.shaves,
        stages=len(blob.stages),
        macs=sum(entry.macs for entry in sums.values()),
        hardware_macs=sum(entry.hardware_macs for entry in sums.values()),
        parameter_bytes=blob.constants.size,
        memory_bytes=memory_profile(blob).bss_peak_bytes,
        blob_bytes=blob.size,
        layers=tuple(sorted(layers, key=lambda cost: -cost.share)),
    )


def source_layer(layer: str, known: Container[str]) -> str:
    """The source layer that a layer of the IR was made for; itself where none is.

    The legaliser names what it makes after the layer it replaces: ``name/Add``, ``name.0``.
    """
    name = layer
    while name not in known:
        cut = max(name.rfind(sign) for sign in "/.@")
        if cut <= 0:
            return layer
        name = name[:cut]
    return name


def _turns(stages: Sequence[Stage]) -> list[int]:
    """How often each stage runs: loops multiply, nested ones each other."""
    from oakwright.blob import LoopStartParams

    turns = [1] * len(stages)
    for at, stage in enumerate(stages):
        if isinstance(stage.params, LoopStartParams):
            end = min(at + stage.params.stages, len(stages))
            for inside in range(at + 1, end):
                turns[inside] *= max(stage.params.iterations, 1)
    return turns


def _add(entry: _Sum, part: Stage, times: int, shaves: int, macs: int) -> None:
    from oakwright.blob import HwParams, Location, moved_bytes, parameter_bytes

    assert entry.units is not None
    assert entry.remarks is not None
    is_hardware = isinstance(part.params, HwParams)
    weights, moved = parameter_bytes(part), 0
    for place in (Location.BSS, Location.INPUT, Location.OUTPUT):
        moved += sum(moved_bytes(part, place))
    entry.kinds[part.name] += 1
    entry.macs += macs * times
    entry.hardware_macs += macs * times * is_hardware
    entry.parameter_bytes += weights
    entry.moved_bytes += moved * times
    if part.name not in _MOVES:
        entry.units.add("hardware" if is_hardware else "SHAVEs")
    touched = sum(b.desc.nbytes for b in (*part.inputs, *part.outputs))
    if is_hardware:
        compute = macs / RATES["hardware MACs/s"]
    else:
        workers = max(part.shaves, 1)
        compute = macs / RATES["SHAVE MACs/s"] / workers
        compute = max(compute, touched / RATES["SHAVE bytes/s"] / workers)
    travel = (moved + weights) / RATES["DDR bytes/s"]
    entry.seconds += times * (max(compute, travel) + 1 / RATES["stages/s"])
    if not is_hardware and part.name in _SOFTWARE:
        entry.remarks.setdefault(why_software(part))


def _cost(name: str, entry: _Sum, total: float) -> LayerCost:
    remarks = list(entry.remarks or ())
    count = sum(entry.kinds.values())
    if count > MANY_STAGES:
        remarks.append(f"became {count} stages, each with a start of its own")
    units = entry.units or {"SHAVEs"}
    return LayerCost(
        layer=name,
        operation=entry.operation,
        kinds=dict(entry.kinds.most_common()),
        macs=entry.macs,
        parameter_bytes=entry.parameter_bytes,
        moved_bytes=entry.moved_bytes,
        unit="both" if len(units) > 1 else next(iter(units)),
        share=entry.seconds / total,
        remarks=tuple(remarks),
    )


def why_software(stage: Stage) -> str:
    """Why a convolution, pooling or product of that stage runs on SHAVEs instead of the hardware.

    The limits were found by compiling: kernels up to 15, equal strides up to 8, no dilation.
    """
    what, params = _SOFTWARE[stage.name], stage.params
    said = f"{what} on SHAVEs"
    if stage.name in ("ConvND", "PoolND"):
        return f"{said}: more than two spatial axes; the hardware unit has two"
    value = {key: getattr(params, key, 1) for key in _GEOMETRY}
    if max(value["dilation_x"], value["dilation_y"]) > 1:
        return (
            f"{said}: dilated by {value['dilation_x']}x{value['dilation_y']}; undilated kernels"
            " run on the hardware unit"
        )
    if max(value["kernel_w"], value["kernel_h"]) > HARDWARE_KERNEL:
        return (
            f"{said}: a kernel of {value['kernel_w']}x{value['kernel_h']}; the hardware unit ends"
            f" at {HARDWARE_KERNEL}: two smaller kernels in a row reach as far"
        )
    if value["stride_x"] != value["stride_y"]:
        return f"{said}: strides {value['stride_x']} and {value['stride_y']} are not equal"
    if value["stride_x"] > HARDWARE_STRIDE:
        return f"{said}: a stride of {value['stride_x']}; the hardware unit ends at 8"
    if getattr(params, "exclude_pad", False):
        return f"{said}: it leaves the padding out of the average"
    width = stage.inputs[0].desc.dim("W") if stage.inputs else 0
    return f"{said}: no tiling of a frame {width} wide fits the hardware unit"


_GEOMETRY = (
    *("kernel_w", "kernel_h", "stride_x", "stride_y"),
    *("dilation_x", "dilation_y"),
)
