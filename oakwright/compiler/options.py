"""What can be asked of the compile engine, checked where it is said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oakwright.errors import UsageError
from oakwright.tensor import Precision

MAX_SHAVES = 16
MAX_CMX_SLICES = 19

# layout_e of the engine's C API.
LAYOUTS = {
    "NCHW": 1,
    "NHWC": 2,
    "NCDHW": 3,
    "NDHWC": 4,
    "SCALAR": 95,
    "C": 96,
    "CHW": 128,
    "HW": 192,
    "NC": 193,
    "CN": 194,
}

# precision_e of the engine's C API.
PRECISIONS = {
    Precision.FP32: 10,
    Precision.FP16: 11,
    Precision.U8: 40,
    Precision.I8: 50,
    Precision.I32: 70,
}

# Engine keys that have an option of their own, or must never be set.
_RESERVED = {
    "NUMBER_OF_SHAVES": "use shaves=",
    "NUMBER_OF_CMX_SLICES": "use cmx_slices=",
    "THROUGHPUT_STREAMS": "leave it: other values than 1 limit the number of shaves",
    "PLATFORM": "leave it: there is one platform",
    "DEVICE_ID": "leave it: no device takes part in compiling",
    "IGNORE_UNKNOWN_LAYERS": "leave it: with it the engine silently makes a wrong blob",
}

Pairs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class CompileOptions:
    """Options of one compile; everything is checked here, so a made object is a valid one.

    The four ``input_*``/``output_*`` tables go by tensor name and may be given as mappings; they
    are kept as sorted tuples of pairs, which makes the options hashable. Tensors they do not name
    get FP16 (I32 where the network's own type is an integer) and the engine's usual layout.

    ``shaves``: 1..16. ``cmx_slices``: 128 KiB memory slices, at least ``shaves`` (the default).
    ``timeout_s``: the compile process is killed after that many seconds. ``memory_limit_mb``:
    address space of the compile process in MiB. ``skip_device_wait``: do not wait five seconds for
    a USB stick; the blob is the same. ``config``: further keys for the engine, as they are.
    """

    shaves: int = 4
    cmx_slices: int | None = None
    input_precisions: Mapping[str, Precision] | Pairs = ()
    output_precisions: Mapping[str, Precision] | Pairs = ()
    input_layouts: Mapping[str, str] | Pairs = ()
    output_layouts: Mapping[str, str] | Pairs = ()
    timeout_s: float = 120.0
    memory_limit_mb: int | None = None
    skip_device_wait: bool = True
    config: Mapping[str, str] | Pairs = ()

    def __post_init__(self) -> None:
        _whole("shaves", self.shaves, 1, MAX_SHAVES)
        if self.cmx_slices is not None:
            _whole("cmx_slices", self.cmx_slices, self.shaves, MAX_CMX_SLICES)
        if self.memory_limit_mb is not None:
            _whole("memory_limit_mb", self.memory_limit_mb, 1, 1 << 30)
        timeout = self.timeout_s
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise UsageError(f"timeout_s is {timeout!r}, not a number of seconds")
        if not (timeout > 0 and math.isfinite(timeout)):
            raise UsageError(f"timeout_s is {timeout}, which is not a time", remedy="e.g. 120")
        for field in ("input_precisions", "output_precisions"):
            self._keep(field, _precisions(field, getattr(self, field)))
        for field in ("input_layouts", "output_layouts"):
            self._keep(field, _layouts(field, getattr(self, field)))
        self._keep("config", _config(self.config))

    def _keep(self, field: str, value: Pairs) -> None:
        object.__setattr__(self, field, value)

    @property
    def cmx(self) -> int:
        """The number of CMX slices that is compiled for."""
        return self.shaves if self.cmx_slices is None else self.cmx_slices

    def engine_config(self) -> dict[str, str]:
        """The engine's configuration, key to value."""
        return {
            "VPU_MYRIAD_PLATFORM": "VPU_MYRIAD_2480",  # a device to compile for where none is
            "MYRIAD_NUMBER_OF_SHAVES": str(self.shaves),
            "MYRIAD_NUMBER_OF_CMX_SLICES": str(self.cmx),
            # The plugin reckons with two streams otherwise and refuses more than 8 shaves.
            "MYRIAD_THROUGHPUT_STREAMS": "1",
            # Otherwise dimension 0 of every input becomes 1; where it is 1, nothing changes.
            "MYRIAD_DETECT_NETWORK_BATCH": "NO",
            **dict(self.config),
        }


def _whole(field: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(
            f"{field} is {value!r}", remedy=f"give a whole number from {low} to {high}"
        )


def _pairs(field: str, table: object) -> list[tuple[str, Any]]:
    items = table.items() if isinstance(table, Mapping) else table
    try:
        pairs = [(name, value) for name, value in items]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise UsageError(f"{field} is {table!r}", remedy="give a mapping by name") from None
    for name, _ in pairs:
        if not isinstance(name, str) or not name or "\0" in name:
            raise UsageError(f"{field} names {name!r}, which is not a name")
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise UsageError(f"{field} names something twice: {', '.join(names)}")
    return sorted(pairs)


def _known(field: str, name: str, value: object, known: Iterable[str]) -> UsageError:
    return UsageError(f"{field}: {name} is {value!r}", remedy=f"use one of {', '.join(known)}")


def _precisions(field: str, table: object) -> Pairs:
    result = []
    for name, value in _pairs(field, table):
        if not isinstance(value, str):
            raise _known(field, name, value, (p.value for p in PRECISIONS))
        precision = value if isinstance(value, Precision) else Precision.parse(value)
        result.append((name, precision))
    return tuple(result)


def _layouts(field: str, table: object) -> Pairs:
    result = []
    for name, value in _pairs(field, table):
        if not isinstance(value, str) or value.upper() not in LAYOUTS:
            raise _known(field, name, value, LAYOUTS)
        result.append((name, value.upper()))
    return tuple(result)


def _config(table: object) -> Pairs:
    pairs = _pairs("config", table)
    for key, value in pairs:
        if not isinstance(value, str) or "\0" in value:
            raise UsageError(f"config: {key} is {value!r}", remedy="give text")
        for ending, advice in _RESERVED.items():
            if key.upper().endswith(ending):
                raise UsageError(f"config: {key} cannot be set this way", remedy=advice)
    return tuple(pairs)
