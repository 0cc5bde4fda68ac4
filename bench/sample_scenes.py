"""Pictures of made-up rooms with their truth: the data of the packaged sample networks.

    python bench/sample_scenes.py [FOLDER] [--rooms 5] [--held-out 3]

``sample_networks.py`` calls it for its data; by itself it makes a few to look at. Writes
FOLDER/images and FOLDER/train.json, val.json, test.json: COCO json whose annotations also have
``color`` and ``mark``, what the second network is to tell. Each room is seen by a camera that is
carried about, of several views and shapes, with light, noise and compression of its own. A room is
in one part only, and none of them is a room of the demo.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from oakwright.device.scene import (
    LABELS,
    CameraModel,
    Rendering,
    Scene,
    Thing,
    carried_by_hand,
    furnished,
    with_face,
)

# Each part's first seed; rooms below 1000 are for demos and tests.
FIRST = {"train": 1000, "val": 50_000, "test": 60_000}
LOOKS_PER_ROOM = 4
# One room in so many holds the plain things of the source `scene`.
_PLAIN = 5
# Sizes of pictures: a camera's whole view, or a square cut from its middle.
_SIZES = ((640, 360), (640, 360), (480, 480))
# What is hidden more than this, or smaller (pixels), is not marked.
_LEAST_SEEN, _SMALLEST = 0.35, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("bench-output/sample-rooms"))
    parser.add_argument("--rooms", type=int, default=5, help="of the training part")
    parser.add_argument("--held-out", type=int, default=3, help="of the test part")
    given = parser.parse_args()
    write_parts(given.folder, given.rooms, given.held_out)


def write_parts(folder: Path, rooms: int, held_out: int) -> None:
    """All three parts; the validation part has three rooms for ten of the test part."""
    counts = {"train": rooms, "val": max(held_out * 3 // 10, 1), "test": held_out}
    for part, count in counts.items():
        print(f"{part}: {write_part(folder, part, count)} pictures", flush=True)


def write_part(folder: Path, part: str, rooms: int) -> int:
    """One part; gives how many pictures it has."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for seed in range(FIRST[part], FIRST[part] + rooms):
        for k, (picture, found) in enumerate(looks(seed)):
            name = f"{part}-{seed}-{k}.jpg"
            quality = 80 + (seed + k) % 16
            cv2.imwrite(str(folder / "images" / name), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            number = len(images) + 1
            rows, columns = picture.shape[:2]
            images.append({"id": number, "file_name": name, "width": columns, "height": rows})
            for one in found:
                annotations.append({"id": len(annotations) + 1, "image_id": number, **one})
    categories = [{"id": i, "name": name} for i, name in enumerate(LABELS) if i]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"{part}.json").write_text(json.dumps(whole))
    return len(images)


def looks(seed: int) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
    """Pictures of a room (BGR) with what COCO json says of them."""
    rng = np.random.default_rng(seed)
    things = _plain_things(seed) if seed % _PLAIN == 0 else furnished(seed)
    scene = Scene(seed, things=things, contrast=float(rng.uniform(0.04, 0.2)))
    path = carried_by_hand(seed)
    for _ in range(LOOKS_PER_ROOM):
        width, height = _SIZES[int(rng.integers(len(_SIZES)))]
        view = float(rng.uniform(50, 75)) * (0.72 if width == height else 1.0)
        moment = float(rng.uniform(0, 30))
        turned = path.rotation(moment)
        camera = replace(
            CameraModel.with_view(width, height, view),
            position_m=tuple(float(v) for v in path.position(moment)),
            rotation=tuple(tuple(float(v) for v in row) for row in turned.T),
        )
        seen = scene.render(camera, moment)
        yield lit(seen.image, rng), _annotations(seen)


def lit(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture by another lamp, through another lens, with noise."""
    values = picture.astype(np.float32) / 255
    values = values ** float(rng.uniform(0.8, 1.25)) * float(rng.uniform(0.7, 1.15))
    values *= rng.uniform(0.92, 1.08, 3).astype(np.float32)
    rows, columns = picture.shape[:2]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :, None]
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None, None]
    side, down, rim = (float(v) for v in (*rng.uniform(-0.12, 0.12, 2), rng.uniform(0, 0.15)))
    values *= 1 + side * x + down * y - rim * (x * x + y * y)
    values += rng.normal(0, float(rng.uniform(0, 0.02)), values.shape).astype(np.float32)
    seen = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        seen = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.4, 1.0)))
    return np.asarray(seen)


def _plain_things(seed: int) -> tuple[Thing, ...]:
    """The things of the source `scene`, the person's head marked as a face as it is elsewhere."""
    things = Scene(seed).things
    heads = [head for thing in things if thing.label == "person" for head in with_face(thing)]
    return (*(thing for thing in things if thing.label != "person"), *heads)


def _annotations(seen: Rendering) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for one in seen.objects:
        left, top, right, bottom = one.box
        width, height = right - left, bottom - top
        if one.visible < _LEAST_SEEN or min(width, height) < _SMALLEST:
            continue
        row: dict[str, Any] = {
            "category_id": one.class_number,
            "bbox": [left, top, width, height],
            "area": width * height,
            "iscrowd": 0,
        }
        if one.mark:
            row["mark"] = one.mark
            if one.color_name:
                row["color"] = one.color_name
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
