"""What ``oakwright convert`` does with ``--config`` and with NN Archives."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from oakwright import recipe
from oakwright.archive import read_archive
from oakwright.errors import UsageError

from .facts import print_facts

# Options of `convert` that a recipe does not say itself.
_BESIDE = {"model", "out", "to", "no_cache", "quiet", "as_json", "keep_ir", "config", "settings"}


def convert_recipe(config: str, values: dict[str, Any]) -> None:
    """Convert what a YAML file says."""
    _refuse_others()
    changes = [_pair(text) for text in values["settings"]]
    read = recipe.read_recipe(config, changes)
    _run(read, Path(config).parent, values)


def convert_archive(path: str, values: dict[str, Any]) -> None:
    """Convert the model inside an NN Archive, as its config.json says."""
    _refuse_others()
    archive = read_archive(path)
    read = recipe.archive_recipe(archive, where=path)
    with tempfile.TemporaryDirectory() as folder:
        archive.extract(Path(folder))
        _run(read, Path(folder), values)


def _run(read: recipe.Recipe, base: Path, values: dict[str, Any]) -> None:
    is_quiet = values["quiet"] or values["as_json"]
    out = Path(values["out"] or f"{read.name}-out")
    facts = []
    made_all = recipe.run_recipe(read, base, form=values["to"], cache=not values["no_cache"])
    for made in made_all:
        folder = out if len(read.stages) == 1 else out / made.stage.name
        written = recipe.save_made(made, folder, keep_ir=values["keep_ir"])
        facts.append({**made.converted.manifest, "files": [str(path) for path in written]})
        if not is_quiet:
            if len(read.stages) > 1:
                click.echo(f"stage  {made.stage.name}")
            print_facts(made.converted, made.notes)
        if not values["as_json"]:
            for path in written:
                click.echo(path)
    if values["as_json"]:
        click.echo(json.dumps(facts, indent=2))


def _refuse_others() -> None:
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    for key in context.params:
        if key not in _BESIDE and context.get_parameter_source(key) is typed:
            raise UsageError(
                f"--{key.replace('_', '-')} stands beside what a recipe or archive says itself",
                remedy="change a recipe's value with --set KEY=VALUE",
                key=key,
            )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text} has no value", remedy="write KEY=VALUE", key="set")
    return key.strip(), value
