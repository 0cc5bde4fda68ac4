"""``metrics.yaml`` as the OpenVINO Training Extensions write it: files, and metrics by key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oakwright.errors import OutputError
from oakwright.files import PathLike, write_aside

from .complexity import Complexity
from .metrics import STATS, Metrics

_LONGEST = 1 << 20


def metric_rows(metrics: Metrics, complexity: Complexity) -> list[dict[str, Any]]:
    """Rows of key, value, unit and display_name: OTE's three first, then the rest of COCO's.

    Operations have the name of their counter beside them.

    Shares are in per cent; all is rounded to three digits as OTE does; numbers that COCO leaves
    undefined (no box of that size, say) are null.
    """
    rows = [
        _row("complexity", complexity.flops / 1e9, "GFLOPs", "Complexity")
        | {"counter": complexity.counter},
        _row("size", complexity.parameters / 1e6, "Mp", "Size"),
        _row("bbox", metrics.ap * 100, "%", "AP @ [IoU=0.50:0.95]"),
    ]
    for key, name in STATS[1:]:
        value = metrics.stats[key]
        rows.append(_row(key, None if value < 0 else value * 100, "%", name))
    for score in metrics.classes:
        name = f"AP @ [IoU=0.50:0.95 | class={score.name}]"
        rows.append(
            _row(f"AP_class_{score.name}", None if score.ap < 0 else score.ap * 100, "%", name)
        )
    return rows


def save_metrics(path: PathLike, weights: PathLike, rows: list[dict[str, Any]]) -> Path:
    """Write or update ``path``: other keys and other metrics that are there stay.

    ``weights`` is the file that was evaluated; a link counts as what it leads to. Raises
    OutputError, also where the file that is there is no such table; it is then left alone.
    """
    import yaml

    place = Path(path)
    whole = _there(place)
    source = Path(weights)
    whole["files"] = [
        {
            "name": source.resolve().name,
            "size": source.stat().st_size,
            "sha256": _sha256(source),
            "source": str(source),
        }
    ]
    new = {row["key"]: row for row in rows}
    old = [row for row in whole.get("metrics") or [] if row.get("key") not in new]
    whole["metrics"] = [*new.values(), *old]
    return write_aside(place, yaml.safe_dump(whole, allow_unicode=True, width=100))


def _there(place: Path) -> dict[str, Any]:
    import yaml

    if not place.exists():
        return {}
    try:
        if place.stat().st_size > _LONGEST:
            raise ValueError("it is larger than 1 MB")
        whole = yaml.safe_load(place.read_text(encoding="utf-8"))
        whole = {} if whole is None else whole
        if not isinstance(whole, dict):
            raise ValueError("it is not a table")
        rows = whole.get("metrics") or []
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise ValueError("its metrics are not a list of tables")
        return whole
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise OutputError(
            f"{place} is there, but no metrics.yaml that could be updated: {reason}",
            remedy="remove it, or name another file",
            path=str(place),
        ) from error


def _row(key: str, value: float | None, unit: str, name: str) -> dict[str, Any]:
    rounded = None if value is None else round(float(value), 3)
    return {"key": key, "value": rounded, "unit": unit, "display_name": name}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
