"""A blob in words: summary, table of stages, JSON."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from .cost import parameter_bytes, stage_macs
from .enums import DataType, HwPadMode, Location
from .hardware import HwOp, HwParams
from .header import TRAILER_ELEMENT_TYPES, Header
from .memory import memory_profile
from .stages import Stage
from .tensors import Buffer, IOInfo, TensorDesc
from .validate import validate

if TYPE_CHECKING:
    from .reader import BlobReader

# Version stamps and who writes them.
VERSIONS = {
    "6.0": "OpenVINO 2020.4 to 2022.1",
    "2020.4": "Luxonis' build of OpenVINO 2020.4",
    "2021.1": "Luxonis' build of OpenVINO 2021.1",
    "2021.2": "Luxonis' build of OpenVINO 2021.2",
    "2021.3": "Luxonis' build of OpenVINO 2021.3",
    "2021.4": "Luxonis' build of OpenVINO 2021.4",
    "2022.1": "Luxonis' build of OpenVINO 2022.1",
}


def bytes_text(size: float) -> str:
    """A size for people: ``1.3 MB`` (decimal units)."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def count_text(number: float) -> str:
    """A count for people: ``62.4 M``."""
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.0f}" if not unit else f"{number:.1f}{unit}"
        number /= 1000
    return f"{number:.1f} T"


def summary_rows(blob: BlobReader) -> list[tuple[str, str]]:
    """What to know about a blob at first sight: name and value, in order."""
    header = blob.header
    profile = memory_profile(blob)
    kinds = Counter(stage.name for stage in blob.walk())
    injected = sum(stage.is_injected for stage in blob.walk())
    rows = [
        ("version", f"{blob.version} ({VERSIONS.get(blob.version, 'unknown writer')})"),
        ("file", f"{bytes_text(blob.size)}, sha256 {blob.digest[:16]}"),
        ("SHAVEs", str(blob.shaves)),
        ("CMX slices", f"{blob.cmx_slices} ({bytes_text(blob.cmx_bytes)})"),
        ("BSS", bytes_text(blob.bss_bytes)),
        ("constants", bytes_text(blob.constants.size)),
        ("batch", str(header.batch_size)),
    ]
    rows += [(f"input {info.index}", _io_text(info)) for info in blob.inputs]
    rows += [(f"output {info.index}", _io_text(info)) for info in blob.outputs]
    rows += [
        ("stages", f"{header.stages_count}" + f" and {injected} injected" * bool(injected)),
        ("stage types", ", ".join(f"{n} {name}" for name, n in kinds.most_common())),
        ("MACs", count_text(profile.macs)),
        (
            "live at most",
            f"BSS {bytes_text(profile.bss_peak_bytes)}, CMX {bytes_text(profile.cmx_peak_bytes)}",
        ),
    ]
    return rows


def _io_text(info: IOInfo) -> str:
    return f"{info.spec}, at byte {info.offset} of the transfer"


@dataclass(frozen=True)
class StageRow:
    """One line of the table of stages; ``inputs`` and ``outputs`` say shape and place."""

    index: int
    type: str
    is_injected: bool
    shaves: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int
    parameter_bytes: int
    detail: str  # the parameters, shortly


STAGE_COLUMNS = ("#", "type", "SHAVEs", "inputs", "outputs", "MACs", "parameters", "detail")


def stage_rows(blob: BlobReader) -> list[StageRow]:
    """The table of stages; an injected stage stands before the one that carries it."""
    return [
        StageRow(
            stage.index,
            stage.name,
            stage.is_injected,
            stage.shaves,
            _places(stage.inputs, stage),
            _places(stage.outputs, stage),
            stage_macs(stage),
            parameter_bytes(stage),
            detail_text(stage),
        )
        for stage in blob.walk()
    ]


def _places(chosen: tuple[Buffer, ...], stage: Stage) -> tuple[str, ...]:
    """Operands that are not constants, with their places."""
    return tuple(str(each) for each in chosen if not each.is_constant)


def detail_text(stage: Stage) -> str:
    """The parameters of a stage in one short line."""
    if isinstance(stage.params, HwParams):
        return _hardware_text(stage.params.ops)
    words = (f"{name}={_value_text(value)}" for name, value in stage.params.items())
    return " ".join(words)


def _value_text(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, tuple):
        return "[" + ",".join(_value_text(each) for each in value) + "]"
    if is_dataclass(value) and not isinstance(value, type):
        return "(" + ",".join(_value_text(getattr(value, f.name)) for f in fields(value)) + ")"
    return str(value)


def _hardware_text(ops: tuple[HwOp, ...]) -> str:
    if not ops:
        return "no operations"
    op = ops[0]
    words = [op.op_type.name]
    if op.pool_type is not None:
        words = [f"{op.pool_type.name} POOL"]
    if op.kernel_w is not None:
        words.append(f"{op.kernel_w}x{op.kernel_h} s{op.stride}")
    if op.with_pad:
        # Masked, not "in": Python 3.10 also iterates over ZEROS, which is in everything.
        sides = [side.name.lower() for side in HwPadMode if side & op.pad_mode and side.name]
        words.append("pad" + " edge" * bool(op.pad_mode) + "".join(f" {s}" for s in sides))
    if op.bias is not None:
        words.append("bias")
    if op.scale is not None:
        words.append("scale")
    if op.relu is not None:
        plain = (op.relu.a0, op.relu.a1) == (0, 1)
        words.append("relu" if plain else f"relu {op.relu.a0}/{op.relu.a1}")
    if op.clamp_max is not None:
        words.append(f"clamp {op.clamp_max:g}")
    if len(ops) > 1:
        words.append(f"in {len(ops)} operations")
    return " ".join(words)


def describe(blob: BlobReader) -> str:
    """Summary and table of stages as plain text, one stage per line; stable, for golden files."""
    lines = [f"{name:<14} {value}" for name, value in summary_rows(blob)]
    if blob.trailer is not None:
        for what, records in (
            ("parameter", blob.trailer.parameters),
            ("result", blob.trailer.results),
        ):
            for each in records:
                kind = TRAILER_ELEMENT_TYPES.get(each.element_type, str(each.element_type))
                shape = "x".join(map(str, each.shape))
                lines.append(f"{what:<14} {each.name} {kind} {shape}")
    lines.append("")
    for row in stage_rows(blob):
        mark = "*" if row.is_injected else " "
        head = f"{row.index:>4}{mark} {row.type} x{row.shaves}"
        lines.append(
            f"{head}: {', '.join(row.inputs) or '-'} -> {', '.join(row.outputs) or '-'}"
            f" | {row.macs} MACs, {row.parameter_bytes} B | {row.detail}".rstrip(" |")
        )
    return "\n".join(lines) + "\n"


def to_json(blob: BlobReader) -> dict[str, Any]:
    """Everything but the constants' contents, as values that JSON knows.

    Numbers that JSON does not know (infinities, NaN) are given as text.
    """
    profile = memory_profile(blob)
    return {
        "version": blob.version,
        "size": blob.size,
        "sha256": blob.digest,
        "header": {f.name: getattr(blob.header, f.name) for f in fields(Header)},
        "inputs": [_io_json(info) for info in blob.inputs],
        "outputs": [_io_json(info) for info in blob.outputs],
        "stages": [_stage_json(stage) for stage in blob.stages],
        "trailer": _plain(blob.trailer),
        "memory": {
            "bss_bytes": profile.bss_bytes,
            "cmx_bytes": profile.cmx_bytes,
            "bss_peak_bytes": profile.bss_peak_bytes,
            "cmx_peak_bytes": profile.cmx_peak_bytes,
            "macs": profile.macs,
            "stages": [_plain(use) for use in profile.stages],
        },
        "findings": [str(finding) for finding in validate(blob)],
    }


def _io_json(info: IOInfo) -> dict[str, Any]:
    return {
        "index": info.index,
        "name": info.name,
        "offset": info.offset,
        "precision": info.spec.precision.value,
        "shape": list(info.spec.shape),
        "layout": info.spec.layout,
        **_desc_json(info.desc),
    }


def _desc_json(desc: TensorDesc) -> dict[str, Any]:
    return {
        "data_type": DataType(desc.data_type).name,
        "order": desc.order_name,
        "dims": list(desc.dims),
        "strides": list(desc.strides),
    }


def _buffer_json(buffer: Buffer) -> dict[str, Any]:
    found = _desc_json(buffer.desc)
    found |= {"location": Location(buffer.location).name, "offset": buffer.offset}
    if buffer.io_index is not None:
        found |= {"io_index": buffer.io_index, "io_bytes": buffer.io_bytes}
    return found


def _stage_json(stage: Stage) -> dict[str, Any]:
    roles = zip(stage.roles, stage.buffers, strict=True)
    return {
        "index": stage.index,
        "type": stage.name,
        "number": int(stage.type),
        "shaves": stage.shaves,
        "offset": stage.offset,
        "length": stage.length,
        "macs": stage_macs(stage),
        "parameter_bytes": parameter_bytes(stage),
        "params": _plain(stage.params),
        "operands": {role: _buffer_json(each) for role, each in roles},
        "injected": None if stage.injected is None else _stage_json(stage.injected),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value
