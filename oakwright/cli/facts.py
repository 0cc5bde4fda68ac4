"""What a conversion prints of its result, whoever asked for it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from oakwright.conversion import Converted


def print_facts(result: Converted, notes: Sequence[str] = ()) -> None:
    """What was applied, what comes out, what was rewritten, and how well it agrees."""
    facts = result.manifest
    for line in facts["applied"]:
        click.echo(f"input  {line}")
    for output in facts["outputs"]:
        click.echo(f"output {output['name']}: {'x'.join(map(str, output['shape']))}")
    for note in (*notes, *facts["notes"]):
        click.echo(f"note   {note}")
    if facts["rules"]:
        total = sum(facts["rules"].values())
        kinds = ", ".join(sorted({rule.partition(" ")[0] for rule in facts["rules"]}))
        click.echo(f"rules  {total} layers rewritten: {kinds}")
    agreement = facts["agreement"]
    if agreement:
        note = f"; {agreement['note']}" if agreement["note"] else ""
        click.echo(f"agrees with {agreement['against']} to {agreement['difference']:.1e}{note}")
    for warning in facts["warnings"]:
        click.secho(f"warning {warning}", fg="yellow")
