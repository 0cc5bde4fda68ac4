"""Conversions written down: modelconverter's YAML, our own options file, NN Archives."""

from .read import archive_recipe, parse_recipe, read_recipe
from .recipe import FORMS, Recipe, Stage, WantedInput
from .run import Made, archive_of, run_recipe, save_made, superblob_of, with_form

__all__ = [
    "FORMS",
    "Made",
    "Recipe",
    "Stage",
    "WantedInput",
    "archive_of",
    "archive_recipe",
    "parse_recipe",
    "read_recipe",
    "run_recipe",
    "save_made",
    "superblob_of",
    "with_form",
]
