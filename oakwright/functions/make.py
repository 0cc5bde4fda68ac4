"""From a function's name, or a place in the user's own code, to a module."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Mapping
from typing import Any

from oakwright.conversion import import_place, require_torch
from oakwright.errors import OakwrightError, UsageError

from .table import FUNCTIONS

_NONE = inspect.Parameter.empty


def function_class(name: str) -> Any:
    """The class behind a name of the table, or behind ``file.py:Class`` / ``package.module:Class``.

    Raises UsageError for names that are not there and without PyTorch.
    """
    torch = require_torch()
    if ":" in name:
        place, _, attribute = name.rpartition(":")
        if not place or not attribute:
            raise UsageError(f"'{name}' names no class", remedy="write file.py:Class", key="name")
        owner = getattr(import_place(place), attribute, None)
        if owner is None:
            raise UsageError(f"{place} has no '{attribute}'", remedy="check the name after :")
        if not callable(owner) or (
            isinstance(owner, type) and not issubclass(owner, torch.nn.Module)
        ):
            what = f"the class {attribute}" if isinstance(owner, type) else type(owner).__name__
            raise UsageError(
                f"{name} is {what}, which is no torch.nn.Module",
                remedy="name a class of modules, a module, or a function that gives one",
                key="name",
            )
        return owner
    row = FUNCTIONS.get(name)
    if row is None:
        raise UsageError(
            f"there is no function '{name}'",
            remedy="see 'oakwright functions list', or give your own as file.py:Class",
        )
    return getattr(importlib.import_module(f"oakwright.functions.{row.file}"), row.kind)


def options_of(kind: Any) -> dict[str, Any]:
    """Names and defaults of a class's options; ``inspect.Parameter.empty`` where one must be."""
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return {}
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default for p in parameters if p.kind in plain}


def make(name: str, **options: Any) -> Any:
    """A function by name as a ``torch.nn.Module``, in evaluation mode.

    ``options`` are those of its class; text is read as the default's type, so that what comes
    from a command line will do. Raises UsageError for what the class does not take.
    """
    torch = require_torch()
    kind = function_class(name)
    if isinstance(kind, torch.nn.Module):
        if options:
            raise UsageError(f"{name} is already made: it takes no options")
        return kind.eval()
    known = options_of(kind)
    missing = [key for key, default in known.items() if default is _NONE and key not in options]
    if missing:
        raise UsageError(
            f"{name} needs the option '{missing[0]}', which has no default",
            remedy=f"give {' '.join(f'{key}=VALUE' for key in missing)}",
            key=missing[0],
        )
    try:
        made = kind(**_read(name, known, options))
    except OakwrightError:
        raise
    except Exception as error:
        raise UsageError(
            f"{name} cannot be made: {type(error).__name__}: {error}",
            remedy=f"'oakwright functions show {name}' has its options",
        ) from error
    if not isinstance(made, torch.nn.Module):
        raise UsageError(
            f"{name} gives {type(made).__name__}", remedy="it is to give a torch.nn.Module"
        )
    return made.eval()


def _read(name: str, known: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    read = {}
    for key, value in options.items():
        if key not in known:
            raise UsageError(
                f"{name} has no option '{key}'",
                remedy=f"it has {', '.join(known)}" if known else "it takes none",
                key=key,
            )
        read[key] = _value(key, value, known[key]) if isinstance(value, str) else value
    return read


def _value(key: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    # An option without a default may be anything: a number if it reads as one.
    kinds: tuple[type, ...] = (
        (type(default),) if isinstance(default, (int, float)) else (int, float, str)
    )
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes", "0", "false", "no"):
            return text.lower() in ("1", "true", "yes")
        kinds = ()
    for kind in kinds:
        try:
            value = kind(text)
        except ValueError:
            continue
        if isinstance(value, float) and not math.isfinite(value):
            break
        return value
    raise UsageError(
        f"{key}={text} is not understood",
        remedy="give a number" if default is _NONE else f"write it as {key}={default}",
        key=key,
    )
