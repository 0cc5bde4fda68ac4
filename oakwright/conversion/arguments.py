"""Model Optimizer's and Compile Tool's arguments, read into our options.

Both are what people have in scripts, notebooks and ``optimizer_params=[...]`` lists. A flag that
changes the result is honoured or refused by name; one that only tunes the original tools is
accepted and listed in ``ignored``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oakwright.errors import UsageError
from oakwright.tensor import Precision

from .options import ConvertOptions, InputOptions, channel_values, parse_layout

# Flags that take no value and change nothing here.
_MO_SWITCHES = {
    "silent",
    "progress",
    "stream_output",
    "static_shape",
    "disable_fusing",
    "disable_gfusing",
    "disable_resnet_optimization",
    "finegrain_fusing",
    "enable_concat_optimization",
    "keep_shape_ops",
    "disable_weights_compression",
    "generate_deprecated_IR_V7",
    "generate_experimental_IR_V10",
    "legacy_mxnet_model",
    "use_new_frontend",
    "use_legacy_frontend",
    "move_to_preprocess",
}
_MO_IGNORED = {"log_level", "framework", "version", "extensions"}
_MO_SHORT = {"m": "input_model", "w": "input_model", "n": "model_name", "o": "output_dir",
             "b": "batch", "s": "scale", "h": "help"}  # fmt: skip


@dataclass
class OptimizerArguments:
    """What Model Optimizer was asked for, as far as it is not a ConvertOptions."""

    model: str = ""
    proto: str = ""
    name: str = ""
    output_dir: str = ""
    weights: str = ""
    ignored: list[str] = field(default_factory=list)


@dataclass
class CompileArguments:
    """What Compile Tool was asked for; precisions and layouts by tensor name, "" for all.

    ``of_either``: names of -iop, which stand in both tables: of inputs or outputs, as the model has
    them.
    """

    model: str = ""
    out: str = ""
    shaves: int | None = None
    cmx_slices: int | None = None
    input_precisions: dict[str, Precision] = field(default_factory=dict)
    output_precisions: dict[str, Precision] = field(default_factory=dict)
    input_layouts: dict[str, str] = field(default_factory=dict)
    output_layouts: dict[str, str] = field(default_factory=dict)
    of_either: list[str] = field(default_factory=list)
    config: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read_mo_arguments(
    arguments: Sequence[str], options: ConvertOptions | None = None
) -> tuple[OptimizerArguments, ConvertOptions]:
    """Read Model Optimizer flags (``--mean_values=[1,2,3]`` or ``--mean_values [1,2,3]``).

    Raises UsageError naming a flag that is unknown or cannot be honoured.
    """
    found, options = OptimizerArguments(), options or ConvertOptions()
    rows: dict[str, dict[str, Any]] = {}
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    for key, value in _pairs(arguments, _MO_SWITCHES | {"reverse_input_channels", "help"}):
        if key in ("input_model", "saved_model_dir"):
            found.model = value
        elif key == "input_proto":
            found.proto = value
        elif key == "model_name":
            found.name = value
        elif key == "output_dir":
            found.output_dir = value
        elif key == "input":
            names = _read_inputs(value, rows)
        elif key == "input_shape":
            shapes = [_shape(part) for part in re.findall(r"[\[(]([^\])]*)[\])]", value)]
            if not shapes:
                shapes = [_shape(value)]
        elif key in ("mean_values", "scale_values"):
            _read_values(key[:-7], value, rows)
        elif key == "scale":
            rows.setdefault("", {})["scale"] = channel_values(value, "scale")
        elif key == "reverse_input_channels":
            if value.lower() not in ("false", "0"):
                rows.setdefault("", {})["reverse_channels"] = True
        elif key in ("layout", "source_layout"):
            for name, text in _named(value, "(", ")") or [("", value)]:
                # Model Optimizer moves axes only where an arrow says so; else it just names them.
                both = text if "->" in text else f"{text}->{text}"
                rows.setdefault(name, {})["layout"] = parse_layout(both)
        elif key == "output":
            options = replace(options, outputs=tuple(_split_outside(value)))
        elif key in ("data_type", "compress_to_fp16"):
            fp16 = value.lower() in ("fp16", "half", "true", "1", "")
            if not fp16 and value.lower() not in ("fp32", "float", "false", "0"):
                raise UsageError(f"--{key} {value} is not known", remedy="FP16 or FP32", key=key)
            options = replace(options, compress_to_fp16=fp16)
        elif key == "batch":
            if value != "1":
                raise UsageError(
                    f"--batch {value}: say it in the shape", remedy="use --input_shape", key=key
                )
        elif key in _MO_SWITCHES or key in _MO_IGNORED:
            found.ignored.append(f"--{key}")
        else:
            raise UsageError(
                f"--{key} of Model Optimizer has no counterpart here",
                remedy="leave it out; `oakwright convert --help` lists what there is",
                key=key,
            )
    for index, shape in enumerate(shapes):
        name = names[index] if index < len(names) else ("" if len(shapes) == 1 else f"#{index}")
        rows.setdefault(name, {})["shape"] = shape
    general = rows.get("", {})
    inputs = tuple(
        InputOptions(name=name, **({**general, **row} if name else row))
        for name, row in rows.items()
    )
    return found, replace(options, inputs=_merge(options.inputs, inputs))


def read_compile_arguments(arguments: Sequence[str]) -> CompileArguments:
    """Read Compile Tool flags: ``-ip U8``, ``-iop "a:U8"``, ``-VPU_NUMBER_OF_SHAVES 6``, ``-c``.

    ``arguments`` may hold several flags in one text, as blobconverter's ``compile_params`` do.
    """
    found = CompileArguments()
    words = [word for text in arguments for word in shlex.split(text)]
    at = 0
    while at < len(words):
        flag, equals, value = words[at].partition("=")
        key = flag.lstrip("-")
        if not flag.startswith("-") or not key:
            raise UsageError(f"'{words[at]}' is no Compile Tool flag", remedy="e.g. -ip U8")
        if key in ("h", "help", "pc"):
            found.ignored.append(flag)
            at += 1
            continue
        if not equals:
            if at + 1 >= len(words):
                raise UsageError(f"{flag} needs a value", key=key)
            at += 1
            value = words[at]
        at += 1
        _compile_flag(found, key, value)
    return found


# flag -> the table it fills
_COMPILE_TABLES = {
    "ip": "input_precisions",
    "op": "output_precisions",
    "iop": "input_precisions",
    "il": "input_layouts",
    "ol": "output_layouts",
    "iol": "input_layouts",
}


def _compile_flag(found: CompileArguments, key: str, value: str) -> None:
    if key == "m":
        found.model = value
    elif key == "o":
        found.out = value
    elif key == "d":
        if value.upper() != "MYRIAD":
            raise UsageError(f"-d {value}: blobs are made for MYRIAD only", key=key)
    elif key in _COMPILE_TABLES:
        table = getattr(found, _COMPILE_TABLES[key])
        reader: Any = Precision.parse if key in ("ip", "op", "iop") else str.upper
        for part in value.strip("\"'").split(","):
            name, _, text = part.strip().rpartition(":")
            table[name.strip()] = reader(text)
            if key == "iop":
                found.of_either.append(name.strip())
        if key in ("iop", "iol"):
            # These two speak of inputs and outputs alike; the engine takes what it knows.
            other = found.output_precisions if key == "iop" else found.output_layouts
            other.update(table)
    elif key == "VPU_NUMBER_OF_SHAVES":
        found.shaves = _whole(key, value)
    elif key == "VPU_NUMBER_OF_CMX_SLICES":
        found.cmx_slices = _whole(key, value)
    elif key == "c":
        _read_config(found, Path(value))
    elif key in ("log_level", "VPU_TILING_CMX_LIMIT_KB"):
        found.ignored.append(f"-{key}")
    else:
        raise UsageError(
            f"-{key} of Compile Tool has no counterpart here",
            remedy="known are -m -o -d -ip -op -iop -il -ol -iol -c -VPU_NUMBER_OF_SHAVES"
            " -VPU_NUMBER_OF_CMX_SLICES",
            key=key,
        )


def _read_config(found: CompileArguments, path: Path) -> None:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the config file {path}: {error}", key="c") from error
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise UsageError(f"{path}:{number}: expected KEY VALUE, got '{line}'", key="c")
        key, value = words
        if key.endswith("NUMBER_OF_SHAVES"):
            found.shaves = _whole(key, value)
        elif key.endswith("NUMBER_OF_CMX_SLICES"):
            found.cmx_slices = _whole(key, value)
        elif not key.endswith(("THROUGHPUT_STREAMS", "ENABLE_MX_BOOT")):  # ours already
            found.config[key] = value


def _pairs(arguments: Sequence[str], switches: set[str]) -> list[tuple[str, str]]:
    pairs, at, words = [], 0, list(arguments)
    while at < len(words):
        word = words[at]
        at += 1
        if not word.startswith("-") or re.fullmatch(r"-[\d.]+", word):
            raise UsageError(f"'{word}' is no Model Optimizer flag", remedy="flags start with --")
        flag, equals, value = word.partition("=")
        key = flag.lstrip("-")
        if not word.startswith("--"):
            key = _MO_SHORT.get(key, key)
        if key in switches:
            # A switch may be followed by a word of its own in newer versions: --compress x
            pairs.append((key, value if equals else ""))
            continue
        if not equals:
            takes_none = key == "compress_to_fp16" and (at >= len(words) or words[at][:1] == "-")
            if takes_none:
                value = ""
            elif at >= len(words):
                raise UsageError(f"{flag} needs a value", key=key)
            else:
                value = words[at]
                at += 1
        pairs.append((key, value.strip("\"'")))
    return pairs


# name{type}[shape]{type}->value, all but the name optional
_INPUT = r"(?P<n>[^\[{(]*?)(\{\w+\})?([\[(](?P<s>[^\])]*)[\])])?(\{\w+\})?(->(?P<f>.*))?"


def _read_inputs(value: str, rows: dict[str, dict[str, Any]]) -> list[str]:
    """``a[1 3 4 4],b->[0.5]``: names, shapes and frozen values of inputs."""
    names = []
    for part in _split_outside(value):
        match = re.fullmatch(_INPUT, part.strip())
        if not match or not match["n"]:
            raise UsageError(
                f"--input '{part}' is not understood", remedy="write NAME[1 3 224 224]"
            )
        name = match["n"].removesuffix(":0")
        names.append(name)
        row = rows.setdefault(name, {})
        if match["s"]:
            row["shape"] = _shape(match["s"])
        if match["f"]:
            texts = re.split(r"[\s,]+", match["f"].strip("[]() "))
            values = [{"true": 1.0, "false": 0.0}.get(t.lower(), t) for t in texts]
            try:
                row["freeze"] = tuple(float(v) for v in values)
            except ValueError:
                raise UsageError(f"--input '{part}': '{match['f']}' is no number") from None
        if not row:
            rows.pop(name)
    return names


def _read_values(key: str, value: str, rows: dict[str, dict[str, Any]]) -> None:
    """``[1,2,3]``, ``(1,2,3)``, ``a[1,2,3],b[4]`` or, in order, ``[1,2,3],[4]``."""
    named = _named(value, "[", "]") or _named(value, "(", ")") or [("", value)]
    bare = [numbers for name, numbers in named if not name]
    for index, (name, numbers) in enumerate(named):
        place = name or ("" if len(bare) == 1 else f"#{index}")
        rows.setdefault(place, {})[key] = channel_values(numbers, key)


def _named(value: str, left: str, right: str) -> list[tuple[str, str]]:
    pattern = rf"([^,\[\](){{}}]*){re.escape(left)}([^{re.escape(right)}]*){re.escape(right)}"
    return [(name.strip(), text) for name, text in re.findall(pattern, value)]


def _split_outside(text: str) -> list[str]:
    """Split at commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "[({") - (char in "])}")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in re.split(r"[\s,]+", text.strip(" []()")) if part)
    except ValueError:
        raise UsageError(
            f"shape '{text}' is not a list of whole numbers",
            remedy="the chip needs fixed shapes, e.g. [1,3,224,224]",
            key="input_shape",
        ) from None


def _whole(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"{key} '{value}' is not a whole number", key=key) from None


def _merge(
    first: Sequence[InputOptions], second: Sequence[InputOptions]
) -> tuple[InputOptions, ...]:
    """Later entries replace earlier ones of the same name."""
    table = {entry.name: entry for entry in (*first, *second)}
    return tuple(table.values())


def from_arguments(
    optimizer: Sequence[str], compiling: Sequence[str], *, shaves: int, stamp: str = "6.0"
) -> tuple[ConvertOptions, list[str]]:
    """Options of a whole conversion from both tools' flags, and the flags that change nothing."""
    asked, options = read_mo_arguments(optimizer)
    tool = read_compile_arguments(compiling)
    refused = [
        key
        for key in ("model", "out", "cmx_slices", "input_layouts", "output_layouts", "config")
        if getattr(tool, key)
    ]
    if refused:
        raise UsageError(
            f"compile parameters set {', '.join(refused)}, which cannot be passed on from here",
            remedy="make the IR first and use `python -m oakwright.compile_tool`",
        )
    rows = {entry.name: entry for entry in options.inputs}
    for name, precision in tool.input_precisions.items():
        rows[name] = replace(rows.get(name, InputOptions(name)), precision=precision)
    default = tool.input_precisions.get("")
    inputs = tuple(replace(entry, precision=entry.precision or default) for entry in rows.values())
    options = replace(
        options,
        inputs=inputs,
        shaves=(tool.shaves or shaves,),
        output_precision=tuple(tool.output_precisions.items()),
        of_either=tuple(name for name in tool.of_either if name),
        stamp=stamp,
    )
    return options, [*asked.ignored, *tool.ignored]
