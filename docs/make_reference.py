"""Write docs/reference/cli.md from the commands' own help: `python docs/make_reference.py`."""

from __future__ import annotations

from pathlib import Path

import click

from oakwright.cli.main import COMMANDS, cli

HEAD = """# Command line

Written by `python docs/make_reference.py` from the commands themselves; a test holds it to them.
Exit codes: 0 done, 1 a designed error, 2 wrong usage, 3 differences (`diff`) or findings (`check`).
"""


def help_of(command: click.Command, name: str, parent: click.Context) -> list[tuple[str, str]]:
    """(name, help text) of a command and its subcommands."""
    context = click.Context(command, info_name=name, parent=parent, max_content_width=96)
    context.terminal_width = 96
    # click keeps the option of the first context it saw, which may have been another one.
    command._help_option = None
    pages = [(context.command_path, command.get_help(context))]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            pages += help_of(found, child, context)
    return pages


def reference() -> str:
    """The whole page."""
    top = click.Context(cli, info_name="oakwright", **cli.context_settings)
    parts = [HEAD]
    for name in COMMANDS:
        command = cli.get_command(top, name)
        assert command is not None
        for path, text in help_of(command, name, top):
            parts.append(f"## {path}\n\n```\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("reference").joinpath("cli.md").write_text(reference())
