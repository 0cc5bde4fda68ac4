"""What ``oakwright run`` makes of outputs: boxes, classes, pictures, a video, files."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import numpy as np

from oakwright.errors import OutputError
from oakwright.files import write_aside

Outputs = Mapping[str, np.ndarray]


def boxes_of(outputs: Outputs, threshold: float) -> list[dict[str, Any]] | None:
    """SSD detections: rows [image, label, confidence, xmin, ymin, xmax, ymax], 0..1."""
    for array in outputs.values():
        if array.shape[-1:] == (7,) and array.ndim == 4 and array.shape[:2] == (1, 1):
            found = []
            for row in array.reshape(-1, 7).astype(float):
                if row[0] < 0:
                    break
                if row[2] >= threshold:
                    box = [round(float(v), 4) for v in row[3:]]
                    found.append(
                        {"label": int(row[1]), "confidence": round(float(row[2]), 4), "box": box}
                    )
            return found
    return None


def classes_of(outputs: Outputs, top: int, names: list[str]) -> dict[str, Any]:
    """The highest values of each vector; least, mean and greatest of any other output."""
    found: dict[str, Any] = {}
    for name, array in outputs.items():
        flat = array.astype(np.float64).ravel()
        if array.size == max(array.shape, default=0) and 1 < array.size <= 100_000:
            order = np.argsort(-flat)[: max(top, 1)]
            found[name] = [
                {"class": int(i), "name": _name(names, int(i)), "value": round(float(flat[i]), 5)}
                for i in order
            ]
        else:
            with np.errstate(invalid="ignore"):
                found[name] = {
                    "shape": list(array.shape),
                    "min": float(flat.min(initial=np.inf)),
                    "mean": float(flat.mean()) if flat.size else 0.0,
                    "max": float(flat.max(initial=-np.inf)),
                }
    return found


def _name(names: list[str], index: int) -> str:
    return names[index].strip() if index < len(names) else str(index)


def print_row(row: dict[str, Any], names: list[str]) -> None:
    """One frame's result, for people."""
    click.echo(row["name"] + (": nothing found" if row.get("boxes") == [] else ""))
    for entry in row.get("boxes", ()):
        label = _name(names, entry["label"])
        click.echo(f"  {label:12} {entry['confidence']:.2f}  {entry['box']}")
    for output, found in row.get("classes", {}).items():
        if isinstance(found, list):
            click.echo(f"  {output}:")
            for entry in found:
                click.echo(f"    {entry['value']:10.5f}  {entry['name']}")
        else:
            click.echo(
                f"  {output}: {found['shape']}, {found['min']:.4g} to {found['max']:.4g},"
                f" mean {found['mean']:.4g}"
            )


def json_text(value: Any, indent: int) -> str:
    """Strict JSON: what FP16 made infinite or undefined is written as a string."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def write_arrays(path: Path, outputs: Outputs) -> None:
    """An .npz; not by ``numpy.savez``, which an output called 'file' would break."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in outputs.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    write_aside(path, buffer.getvalue())


def write_picture(path: Path, picture: np.ndarray) -> None:
    """A BGR picture as .png."""
    import cv2

    ok, png = cv2.imencode(".png", picture)
    assert ok
    write_aside(path, bytes(png))


def draw(picture: np.ndarray, boxes: list[dict[str, Any]], names: list[str]) -> np.ndarray:
    """A copy of a BGR picture with its boxes."""
    import cv2

    drawn = picture.copy()
    height, width = drawn.shape[:2]
    size = max(width, height)
    thick, scale = max(1, size // 400), size / 1200
    for entry in boxes:
        x0, y0, x1, y1 = (max(0.0, min(1.0, v)) for v in entry["box"])
        corner = (int(x0 * width), int(y0 * height))
        cv2.rectangle(drawn, corner, (int(x1 * width), int(y1 * height)), (60, 220, 60), thick)
        text = f"{_name(names, entry['label'])} {entry['confidence']:.0%}"
        place = (corner[0] + thick, max(corner[1] - 3 * thick, int(24 * scale)))
        for color, width_px in (((0, 0, 0), 3 * thick), ((255, 255, 255), thick)):
            cv2.putText(
                drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, width_px, cv2.LINE_AA
            )
    return drawn


class Film:
    """A video written aside, made when its first frame comes, kept as far as it came."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.aside = path, path.with_name(f".{path.name}.part.mp4")
        self.fps = fps
        self.writer: Any = None

    def add(self, picture: np.ndarray) -> None:
        """One more frame; all have the size of the first. Raises OutputError."""
        import cv2

        if self.writer is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.aside.touch()
            except OSError as error:
                raise self._refused(error.strerror or str(error)) from error
            size = (picture.shape[1], picture.shape[0])
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self.writer = cv2.VideoWriter(str(self.aside), code, self.fps, size)
            if not self.writer.isOpened():
                raise self._refused("OpenCV cannot write MPEG-4 here")
        self.writer.write(picture)

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: object) -> None:
        if self.writer is None:
            return
        self.writer.release()
        if self.aside.stat().st_size:
            self.aside.replace(self.path)
        else:
            self.aside.unlink()

    def _refused(self, reason: str) -> OutputError:
        return OutputError(
            f"cannot write {self.path}: {reason}",
            remedy="check that the folder exists, is writable and the disk is not full",
            path=str(self.path),
        )
