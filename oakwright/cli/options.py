"""Options that several commands share, and how ``NAME=VALUE`` is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from oakwright.conversion import STAMPS, ConvertOptions, InputOptions, parse_shaves
from oakwright.errors import UsageError
from oakwright.tensor import Precision

F = TypeVar("F", bound=Callable[..., Any])

_PER_INPUT = {
    "shape": "Fixed shape, e.g. 1,3,224,224.",
    "mean": "Subtracted, in the model's channel order: a number, one per channel, or imagenet.",
    "scale": "Divided by, after the mean: a number, one per channel, or imagenet.",
    "range": "What the model was trained on: 0..1, -1..1, -0.5..0.5 or 0..255.",
    "layout": "The model's layout (NHWC), or model->blob (NHWC->NHWC).",
    "color": "MODEL->FRAMES, e.g. 'RGB->BGR' for an RGB model fed by a BGR camera.",
    "ip": "Precision of the blob's input: U8, FP16, FP32, I32.",
    "freeze": "A constant in place of the input: NAME=VALUE or NAME=V1,V2,...",
}


def input_options(command: F) -> F:
    """Options that speak of inputs; each may be repeated as NAME=VALUE."""
    for key, text in reversed(_PER_INPUT.items()):
        command = click.option(
            f"--{key}",
            multiple=True,
            metavar="[NAME=]VALUE" if key != "freeze" else "NAME=VALUE",
            help=text,
        )(command)
    command = click.option(
        "--reverse-channels",
        is_flag=True,
        help="Swap the first and third channel of every three-channel image input.",
    )(command)
    return click.option(
        "--output", "outputs", multiple=True, metavar="NAME", help="End the model at this layer."
    )(command)


def shave_option(command: F) -> F:
    """``--shaves``, with the reason for its default."""
    return click.option(
        "--shaves",
        default="6",
        show_default="6: the chip has 16, a camera pipeline leaves 13, two threads share them",
        metavar="N|LIST|all",
        help="6, 4,6,8, 1..16 or all.",
    )(command)


def json_option(command: F) -> F:
    """``--json`` on commands that print facts."""
    return click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")(command)


def read_options(
    values: dict[str, Any], *, to: str = "blob", shaves: str = "6", op: Sequence[str] = ()
) -> ConvertOptions:
    """Make ConvertOptions of the shared options' texts."""
    tables: dict[str, dict[str, Any]] = {}
    for key in _PER_INPUT:
        for text in values.get(key) or ():
            name, value = _split(text)
            if key == "freeze" and not name:
                raise UsageError(f"--freeze {text} names no input", remedy="write NAME=VALUE")
            row = tables.setdefault(name, {})
            if key in row:
                raise UsageError(f"--{key} is given twice for {name or 'all inputs'}", key=key)
            row[key] = value
    if values.get("reverse_channels"):
        tables.setdefault("", {})["reverse_channels"] = True
    inputs = [_input(name, row) for name, row in tables.items()]
    stamp = values.get("stamp") or "6.0"
    return ConvertOptions(
        inputs=tuple(inputs),
        outputs=tuple(values.get("outputs") or ()),
        shaves=parse_shaves(shaves),
        output_precision=_outputs(op),
        stamp=stamp,
        to=to,
        verify=values.get("verify") or "auto",
        timeout_s=values.get("timeout") or 120.0,
    )


def stamp_option(command: F) -> F:
    """``--stamp``: the version in the blob's header."""
    return click.option(
        "--stamp",
        type=click.Choice(list(STAMPS)),
        default="6.0",
        show_default=True,
        help="Version in the header. 6.0 is the engine's own and fits every DepthAI 2.",
    )(command)


def _input(name: str, row: dict[str, Any]) -> InputOptions:
    freeze = row.get("freeze")
    return InputOptions.of(
        name,
        shape=row.get("shape"),
        mean=row.get("mean"),
        scale=row.get("scale"),
        range=row.get("range"),
        layout=row.get("layout"),
        color=row.get("color"),
        reverse_channels=bool(row.get("reverse_channels")),
        precision=row.get("ip"),
        freeze=_numbers(freeze) if freeze is not None else None,
    )


def _split(text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    return (name, value) if equals else ("", text)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.strip(" []()").split(",")]
    except ValueError:
        raise UsageError(f"'{text}' is not a list of numbers", key="freeze") from None


def _outputs(texts: Sequence[str]) -> tuple[tuple[str, Precision], ...]:
    pairs = []
    for part in (part for text in texts for part in text.split(",")):
        name, value = _split(part)
        precision = Precision.parse(value)
        if precision not in (Precision.FP16, Precision.FP32):
            raise UsageError(
                f"output precision {value}: real outputs can be FP16 or FP32",
                remedy="integer results are I32 by themselves",
                key="op",
            )
        pairs.append((name, precision))
    return tuple(pairs)
