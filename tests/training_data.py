"""Small sets of coloured shapes on noise, with their boxes: what training and its tests need.

ann, root = make_set(tmp_path, "train", pictures=16, seed=1)
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("disc", "square", "triangle")
# BGR; shape and colour go together, so that a small net learns in seconds.
COLOURS = {"disc": (60, 60, 230), "square": (60, 220, 60), "triangle": (230, 120, 40)}


def make_set(
    folder: Path,
    name: str = "train",
    *,
    pictures: int = 8,
    seed: int = 0,
    width: int = 128,
    height: int = 96,
    most: int = 3,
    classes: tuple[str, ...] = CLASSES,
    suffix: str = ".png",
) -> tuple[Path, Path]:
    """Write ``<folder>/<name>.json`` (COCO) and its pictures; gives (file, root of pictures).

    The same arguments give the same bytes.
    """
    rng = np.random.default_rng([seed, *name.encode()])
    root = folder / name
    root.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(pictures):
        picture, boxes = draw(rng, width, height, most, classes)
        file_name = f"{name}_{number:04d}{suffix}"
        assert cv2.imwrite(str(root / file_name), picture)
        images.append({"id": number + 1, "file_name": file_name, "width": width, "height": height})
        for label, (x0, y0, x1, y1) in boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number + 1,
                    "category_id": label + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    whole = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i + 1, "name": each} for i, each in enumerate(classes)],
    }
    file = folder / f"{name}.json"
    # An annotation a line, as exports have it: findings by line can be checked.
    file.write_text(json.dumps(whole, indent=1))
    return file, root


def draw(
    rng: np.random.Generator, width: int, height: int, most: int, classes: tuple[str, ...]
) -> tuple[np.ndarray, list[tuple[int, tuple[int, int, int, int]]]]:
    """One picture, uint8 BGR, and (label, (x0, y0, x1, y1)) of 1 to ``most`` shapes."""
    ground = rng.integers(0, 110, 3)
    noise = rng.integers(-12, 13, (height, width, 3))
    picture = np.clip(ground + noise, 0, 255).astype(np.uint8)
    boxes: list[tuple[int, tuple[int, int, int, int]]] = []
    short = min(width, height)
    for _ in range(int(rng.integers(1, most + 1))):
        side = int(rng.integers(short // 5, short // 2))
        x0, y0 = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        box = (x0, y0, x0 + side, y0 + side)
        if any(_overlap(box, other) for _, other in boxes):
            continue
        label = int(rng.integers(len(classes)))
        _shape(picture, classes[label], box)
        boxes.append((label, box))
    return picture, boxes


def _shape(picture: np.ndarray, name: str, box: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = box
    colour = COLOURS.get(name, (200, 200, 200))
    if name == "disc":
        grid_y, grid_x = np.mgrid[y0:y1, x0:x1] + 0.5
        radius = (x1 - x0) / 2
        inside = (grid_x - (x0 + x1) / 2) ** 2 + (grid_y - (y0 + y1) / 2) ** 2 <= radius**2
    elif name == "triangle":
        grid_y, grid_x = np.mgrid[y0:y1, x0:x1] + 0.5
        inside = abs(grid_x - (x0 + x1) / 2) <= (grid_y - y0) / 2
    else:
        inside = np.ones((y1 - y0, x1 - x0), bool)
    picture[y0:y1, x0:x1][inside] = colour


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
