"""A recipe: conversions written down, one stage for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oakwright.archive import Head
from oakwright.conversion import ConvertOptions
from oakwright.errors import UsageError

FORMS = ("blob", "superblob", "archive", "ir")


@dataclass(frozen=True)
class WantedInput:
    """What modelconverter's file says of an input, "" for all; rules need the model to apply it.

    ``encoding``: colour order the model wants, then that of the frames; (NONE, NONE) is no picture.
    """

    name: str = ""
    shape: tuple[int, ...] | None = None
    layout: str | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    encoding: tuple[str, str] | None = None
    freeze: tuple[float, ...] | None = None


def check_name(name: str) -> None:
    """Raise UsageError for a name that would lead out of the folder its files are written to.

    Names come from files that strangers wrote (recipes, NN Archives), and become files' names.
    """
    if name.startswith(".") or any(sign in name for sign in "/\\\0"):
        raise UsageError(
            f"the name {name!r} is no name of a file",
            remedy="use letters, digits, spaces, '-' and '_', and dots inside",
            key="name",
        )


@dataclass(frozen=True)
class Stage:
    """One model: ``model`` is its path or address, empty where the file leaves it out.

    ``wanted`` is None where ``options`` say everything; otherwise they are what is left to say
    when modelconverter's rules have been applied to the model's inputs.
    """

    name: str
    model: str
    options: ConvertOptions
    form: str = "blob"
    wanted: tuple[WantedInput, ...] | None = None
    heads: tuple[Head, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True)
class Recipe:
    """What a file asks for. ``dialect``: ``modelconverter``, ``oakwright`` or ``archive``."""

    name: str
    dialect: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        check_name(self.name)

    def stage_names(self) -> Sequence[str]:
        """Names of the stages, in order."""
        return [stage.name for stage in self.stages]
