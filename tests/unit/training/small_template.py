"""A template small enough to be trained in every run of the tests."""

from __future__ import annotations

from pathlib import Path

import yaml

from oakwright.training import read_template


def small_template(folder: Path, repeat: int) -> Path:
    """64x64 pixels and one scale: a step takes a hundredth of a second. ``repeat`` as its key.

    No mosaic: these trainings are to learn their few pictures by heart.
    """
    data = dict(read_template("mobilenet_v2-1s_ssd-192x192").data)
    data["name"] = "small"
    data["model"] = {**data["model"], "input_size": [64, 64]}
    data["hyper_parameters"]["extra"] |= {
        "precision": "float32", "freeze": 0, "warm_up": 4, "ema": 0.9, "patience": 0,
        "repeat": repeat, "mosaic": 0,
    }  # fmt: skip
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(data))
    return path
