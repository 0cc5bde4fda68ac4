"""How a template trains: the numbers under ``hyper_parameters``."""

from __future__ import annotations

from dataclasses import dataclass

from .values import Reader

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# Blocks of the trunk that stay as they came, where the template says auto: on a CPU a step that
# leaves five alone costs half, and detectors of small data sets are no worse for it.
FREEZE = {"cpu": 5, "cuda": 1}

_FLIPS: dict[str, tuple[str, ...]] = {
    "none": (),
    "horizontal": ("horizontal",),
    "both": ("horizontal", "vertical"),
}


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters. ``freeze`` counts blocks of the trunk, -1 leaves it to the device."""

    batch_size: int
    learning_rate: float
    epochs: int
    repeat: int
    freeze: int
    frozen_norm: bool
    precision: str
    warm_up: int
    weight_decay: float
    ema: float
    patience: int
    matches: int
    negatives: float
    fits_anchors: bool
    crop: float
    flips: tuple[str, ...]
    colour: float
    mosaic: float


def read_recipe(reader: Reader) -> Recipe:
    """The table ``hyper_parameters`` of a template. Raises TemplateError."""
    basic, extra = reader.table("basic"), reader.table("extra")
    is_auto = extra.get("freeze") == "auto"
    return Recipe(
        batch_size=basic.whole("batch_size", 1, 4096),
        learning_rate=basic.number("base_learning_rate", 1e-8, 10),
        epochs=basic.whole("epochs", 1, 100_000),
        repeat=extra.whole("repeat", 1, 1000),
        freeze=-1 if is_auto else extra.whole("freeze", 0, 18),
        frozen_norm=extra.one_of("batch_norm", ("train", "frozen")) == "frozen",
        precision=extra.one_of("precision", PRECISIONS),
        warm_up=extra.whole("warm_up", 0, 100_000),
        weight_decay=extra.number("weight_decay", 0, 1),
        ema=extra.number("ema", 0, 0.999999),
        patience=extra.whole("patience", 0, 100_000),
        matches=extra.whole("matches", 1, 32),
        negatives=extra.number("negatives", 0.1, 100),
        fits_anchors=extra.one_of("anchors", ("data", "template")) == "data",
        crop=extra.number("crop", 0.05, 1),
        flips=_FLIPS[extra.one_of("flip", tuple(_FLIPS))],
        colour=extra.number("colour", 0, 1),
        # Not in templates and checkpoints of before it was there.
        mosaic=extra.number("mosaic", 0, 1, default=0),
    )
