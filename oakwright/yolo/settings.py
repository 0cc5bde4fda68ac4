"""Decoder settings: the JSON that DepthAI 2 scripts read beside a YOLO blob, and class names.

The shape is that of Luxonis' online converter, which scripts parse as
``config["nn_config"]["NN_specific_metadata"]``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oakwright.errors import UnreadableModel, UsageError

from .layout import Detector

_LONGEST_FILE = 1 << 20


def decoder_settings(
    detector: Detector,
    labels: Sequence[str],
    *,
    name: str,
    confidence: float = 0.5,
    iou: float = 0.5,
) -> dict[str, Any]:
    """What setNumClasses, setAnchors, ... of a YoloDetectionNetwork are to be called with.

    ``confidence`` and ``iou``: the thresholds, 0..1. Raises UsageError for thresholds or labels
    that do not fit.
    """
    for key, value in (("confidence", confidence), ("iou", iou)):
        if not 0 < value < 1:
            raise UsageError(f"{key} {value} must be between 0 and 1", key=key)
    width, height = detector.picture
    return {
        "model": {"xml": f"{name}.xml", "bin": f"{name}.bin"},
        "nn_config": {
            "output_format": "detection",
            "NN_family": "YOLO",
            "input_size": f"{width}x{height}",
            "NN_specific_metadata": {
                "classes": detector.classes,
                "coordinates": 4,
                "anchors": detector.flat_anchors,
                "anchor_masks": detector.masks if detector.anchors else {},
                "iou_threshold": iou,
                "confidence_threshold": confidence,
            },
        },
        "mappings": {"labels": list(labels)},
        "version": 1,
    }


def read_labels(path: str | Path) -> list[str]:
    """Class names from a text file (one a line), or a YAML or JSON with ``names`` or a list.

    Raises UnreadableModel (with ``path``).
    """
    import yaml

    place = Path(path)
    try:
        if place.stat().st_size > _LONGEST_FILE:
            raise UnreadableModel(f"{place} is too long for class names", path=str(place))
        text = place.read_text(encoding="utf-8")
        if place.suffix.lower() in (".yaml", ".yml", ".json"):
            content = yaml.safe_load(text)
            found = content.get("names", content) if isinstance(content, dict) else content
        else:
            found = [line.strip() for line in text.splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnreadableModel(
            f"cannot read class names from {place}: {error}",
            remedy="one name a line, or a YAML file with names: [...]",
            path=str(place),
        ) from error
    names = _in_order(found)
    if not names:
        raise UnreadableModel(
            f"{place} holds no class names",
            remedy="one name a line, or a YAML file with names: [...]",
            path=str(place),
        )
    return names


def labels_of(metadata: Mapping[str, str], classes: int) -> list[str]:
    """Class names that the exporter wrote into the model, or an empty list."""
    try:
        found = _in_order(ast.literal_eval(metadata.get("names", "[]")[:_LONGEST_FILE]))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return found if len(found) == classes else []


def _in_order(found: Any) -> list[str]:
    if isinstance(found, dict):
        try:
            return [str(found[key]) for key in sorted(found, key=int)]
        except (TypeError, ValueError):
            return []
    return [str(name) for name in found] if isinstance(found, (list, tuple)) else []
