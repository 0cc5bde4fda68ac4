"""OpenVINO's front-end errors, said as people need them."""

from __future__ import annotations

import re

from oakwright.errors import OakwrightError, UnreadableModel, UnsupportedModel


def unsupported_by_front_end(error: Exception, name: str) -> OakwrightError:
    """What a front end's exception means: operations it has no rule for, or a broken model."""
    text = str(error)
    operations = re.findall(r"No conversion rule found for operations: (.+)", text)
    operations += re.findall(r"(?:ONNX )?[Uu]nsupported (?:ops?|operations?)[^:]*: (.+)", text)
    operations += re.findall(r"No translator found for ((?:aten|prim|ai\.onnx)[\w.:]+)", text)
    names = sorted({part.strip() for entry in operations for part in entry.split(",")} - {""})
    if names:
        return UnsupportedModel(
            f"{name}: no rule for {', '.join(names)}",
            remedy="replace them in the model, or cut it before them with --output",
            findings=tuple(names),
        )
    return UnreadableModel(
        f"{name} cannot be read: {reason_of(error)}",
        remedy="check that the model runs in its own framework, and export it again",
        path=name,
    )


def reason_of(error: Exception) -> str:
    """The last line that says something: OpenVINO puts the cause after the place."""
    text = str(error)
    lines = [line.strip().removeprefix("-- ") for line in text.splitlines()]
    lines = [
        line
        for line in lines
        if line and not re.match(r"(Exception from|Check '|FrontEnd API|While validating)", line)
    ]
    return (lines[-1] if lines else text.strip() or "no reason given")[:400]
