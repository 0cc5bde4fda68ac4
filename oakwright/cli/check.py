"""``oakwright check``: pre-flight."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from oakwright import conversion
from oakwright.blob import bytes_text, count_text

from .options import input_options, json_option, read_options

_SHOWN = 15


@click.command("check")
@click.argument("model")
@input_options
@click.option(
    "--performance",
    is_flag=True,
    help="Compile it and show what each layer costs, the dearest first.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Draw the dearest layers as .svg or .png (needs matplotlib).",
)
@click.option(
    "--shaves", default="6", show_default=True, metavar="N", help="Shaves to count costs for."
)
@json_option
def check_command(model: str, **values: Any) -> int:
    """List every layer of MODEL that the chip would refuse, with reason and remedy.

    Takes the same models and options as `oakwright convert`. Exit code 3 where it would refuse.
    With --performance it is also compiled: stages, multiply-accumulates and memory of each of
    its layers, and those that leave the hardware unit.
    """
    picture = values["picture"]
    options = read_options(values, shaves=values["shaves"])
    costs = bool(values["performance"] or picture)
    found = conversion.check(model, options=options, costs=costs)
    if picture and found.performance:
        conversion.draw_costs(found.performance, picture, found.name)
    if values["as_json"]:
        facts = {
            "name": found.name,
            "convertible": found.is_convertible,
            "findings": [asdict(finding) for finding in found.findings],
            "notes": list(found.notes),
            "rules": list(found.rules),
            "performance": found.performance.as_json() if found.performance else None,
        }
        click.echo(json.dumps(facts, indent=2))
        return 0 if found.is_convertible else 3
    for note in found.notes:
        click.echo(f"note    {note}")
    for finding in found.findings:
        color = "red" if finding.severity == "error" else "yellow"
        click.secho(f"{finding.severity:7} {finding.layer} [{finding.op}]", fg=color)
        if finding.origin not in ("", finding.layer):
            click.echo(f"        in the source: {finding.origin}")
        click.echo(f"        {finding.reason}")
        if finding.remedy:
            click.echo(f"        try: {finding.remedy}")
    errors = sum(finding.severity == "error" for finding in found.findings)
    if errors:
        many = f"{errors} layers have" if errors > 1 else "one layer has"
        click.echo(f"{found.name}: {many} no place on the chip")
        return 3
    rewritten = f", {len(found.rules)} layers are rewritten for it" if found.rules else ""
    click.echo(f"{found.name}: every layer has a place on the chip{rewritten}")
    if found.performance:
        _show(found.performance)
    if picture:
        click.echo(f"picture: {picture}")
    return 0


def _show(costs: conversion.Performance) -> None:
    """The whole and the dearest layers; what leaves the hardware unit, and why."""
    from rich.console import Console
    from rich.table import Table

    hardware = f"{100 * costs.hardware_macs / costs.macs:.0f} %" if costs.macs else "none"
    click.echo(
        f"{costs.stages} stages for {costs.shaves} shaves, {count_text(costs.macs)} multiply-"
        f"accumulates ({hardware} on the hardware unit), {bytes_text(costs.parameter_bytes)} of"
        f" constants, {bytes_text(costs.memory_bytes)} of activations at once\n"
    )
    table = Table(
        *("share", "layer", "made into", "stages", "unit", "MACs", "weights", "memory"),
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for cost in costs.layers[:_SHOWN]:
        table.add_row(
            f"{100 * cost.share:.1f} %",
            cost.layer,
            cost.operation,
            str(cost.stages),
            cost.unit,
            count_text(cost.macs),
            bytes_text(cost.parameter_bytes),
            bytes_text(cost.moved_bytes),
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    rest = costs.layers[_SHOWN:]
    if rest:
        share = 100 * sum(cost.share for cost in rest)
        click.echo(f"{share:.1f} % in {len(rest)} more layers (--json lists all)")
    for cost in costs.layers:
        for remark in cost.remarks:
            click.secho(f"slow    {cost.layer}: {remark}", fg="yellow")
    click.echo("shares are estimated from peak rates, everything else is counted in the blob")
