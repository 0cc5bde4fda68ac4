"""OpenVINO's front-end errors, said as people need them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from oakwright.errors import OakwrightError, UnreadableModel, UnsupportedModel
from oakwright.ir import Finding


def unsupported_by_front_end(
    error: Exception, name: str, nodes: Mapping[str, tuple[str, str]] | None = None
) -> OakwrightError:
    """What a front end's exception means: operations it has no rule for, or a broken model.

    ``nodes`` tells which layers have such an operation: output -> (operation, node's name).
    """
    text = str(error)
    operations = re.findall(r"No conversion rule found for operations: (.+)", text)
    operations += re.findall(r"(?:ONNX )?[Uu]nsupported (?:ops?|operations?)[^:]*: (.+)", text)
    operations += re.findall(r"No translator found for ((?:aten|prim|ai\.onnx)[\w.:]+)", text)
    operations += re.findall(r"No translator found for (\w+) node", text)
    half_known = re.findall(r"Conversion is failed for: (.+)", text)
    reason = "OpenVINO's front end has no rule for it"
    if half_known and not operations:
        operations = half_known
        reason = "OpenVINO's front end does not read it in this form"
    parts = {part.strip() for entry in operations for part in entry.split(",")}
    names = sorted(part for part in parts if re.fullmatch(r"[\w.:]+(-\d+)?", part))
    if names:
        findings = _findings(names, nodes or {}, reason)
        lines = "\n".join(f"  - {finding}" for finding in findings)
        return UnsupportedModel(
            f"{name}: OpenVINO cannot read these operations\n{lines}",
            remedy="replace them in the model and export it again; other layers can be checked"
            " only then",
            findings=tuple(findings),
        )
    return UnreadableModel(
        f"{name} cannot be read: {reason_of(error)}",
        remedy="check that the model runs in its own framework, and export it again",
        path=name,
    )


def _findings(
    operations: Sequence[str], nodes: Mapping[str, tuple[str, str]], reason: str
) -> list[Finding]:
    """One finding per layer with such an operation, or per operation where layers are unknown."""
    findings = []
    for operation in operations:
        kind = re.sub(r"-\d+$", "", operation.rpartition(".")[2])
        layers = [(out, label) for out, (op, label) in nodes.items() if op == kind]
        for output, label in layers or [(operation, "")]:
            findings.append(Finding(label or output, operation, output, reason, ""))
    return findings


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
