"""``oakwright check``: pre-flight."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from oakwright import conversion

from .options import input_options, json_option, read_options


@click.command("check")
@click.argument("model")
@input_options
@json_option
def check_command(model: str, **values: Any) -> int:
    """List every layer of MODEL that the chip would refuse, with reason and remedy.

    Takes the same models and options as `oakwright convert`. Exit code 3 where it would refuse.
    """
    found = conversion.check(model, options=read_options(values))
    if values["as_json"]:
        facts = {
            "name": found.name,
            "convertible": found.is_convertible,
            "findings": [asdict(finding) for finding in found.findings],
            "notes": list(found.notes),
            "rules": list(found.rules),
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
    return 0
