"""The ``oakwright`` command: a table of commands, each loaded when it is called.

Exit codes: 0 done, 1 a designed error (one message, with what to try), 2 wrong usage,
3 differences found (``diff``) or findings (``check``), 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from oakwright import __version__
from oakwright.errors import OakwrightError, UsageError

# command -> (module, function, one line)
COMMANDS = {
    "convert": ("convert", "convert_command", "Any model to a blob (or IR)."),
    "compile": ("convert", "compile_command", "An IR v10 to a blob, as it is."),
    "yolo": ("yolo", "yolo_command", "A YOLO detector, ready for DepthAI's decoder."),
    "functions": ("functions", "functions_group", "Vision functions: list, export, preview."),
    "zoo": ("zoo", "zoo_group", "Models by their zoo's description: list, download, convert."),
    "templates": ("train", "templates_command", "Detectors that can be trained."),
    "instantiate": ("train", "instantiate_command", "A work folder for one of them."),
    "dataset": ("dataset", "dataset_group", "Pictures with boxes: check, count, show, split."),
    "detector": ("detector", "detector_group", "From pictures with boxes to a camera, in one go."),
    "train": ("train", "train_command", "Train a detector on pictures with boxes."),
    "eval": ("eval", "eval_command", "COCO's numbers of a checkpoint, ONNX, IR or blob."),
    "compress": ("compress", "compress_command", "A trained detector as int8, for CPUs."),
    "export": ("export", "export_command", "A trained detector as IR, ONNX, blob or archive."),
    "check": ("check", "check_command", "Every layer the chip would refuse, at once."),
    "inspect": ("inspect", "inspect_command", "Look inside a blob, an IR or an ONNX file."),
    "diff": ("inspect", "diff_command", "Differences of two blobs, field by field."),
    "run": ("run", "run_command", "Run a blob on the CPU."),
    "decompile": ("decompile", "decompile_command", "A blob back to a model."),
    "netron": ("decompile", "netron_command", "Show a blob, IR or ONNX graph in Netron."),
    "app": ("app", "app_group", "A DepthAI script to begin with, and its tests."),
    "device": ("device", "device_group", "Run DepthAI scripts with no camera."),
    "serve": ("serve", "serve_command", "A converter for a team: HTTP API and web page."),
    "serve-key": ("serve", "key_command", "Make an API key for a server."),
    "worker": ("serve", "worker_command", "Convert for a server on another machine."),
    "doctor": ("system", "doctor_command", "What is here, what is missing, what to do."),
    "engine": ("system", "engine_group", "Find, fetch or install the compile engine."),
    "cache": ("system", "cache_group", "Where results are kept; clean it."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the table's order: the order of the trip."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[name]
        command = getattr(importlib.import_module(f"oakwright.cli.{module}"), function)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="oakwright")
def cli() -> None:
    """From any model to a Myriad X blob and back, on your own machine."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(arguments if arguments is not None else sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line; gives the exit code. Errors go to stderr in one message."""
    try:
        result: Any = cli.main(arguments, prog_name="oakwright", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return _say("interrupted", 130)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UsageError as error:
        return _say(f"error: {error}", 2)
    except OakwrightError as error:
        return _say(f"error: {error}", 1)
    except BrokenPipeError:
        # The reader of our output went away; do not complain again at exit.
        _close_stdout()
        return 1
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _close_stdout()
        return _say(f"error: cannot print: {error.strerror}", 1)
    return result if isinstance(result, int) else 0


def _close_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str, code: int) -> int:
    click.secho(text, fg="red" if sys.stderr.isatty() else None, err=True)
    return code
