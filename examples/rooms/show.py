"""The second part of the demo: the complete two-stage application, filmed and judged.

    python examples/rooms/show.py [--seed 5] [--pictures 75] [--out demo-output]

The application is `room.py` as it is; the camera is the virtual OAK in a furnished room.
"""

import argparse
import os
from collections import Counter
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

os.environ.setdefault("DEPTHAI_LEVEL", "error")  # depthai warns that there is no USB here

import cv2
import room
import truth

from oakwright.apps.rooms import write_blobs
from oakwright.device import VirtualOak
from oakwright.device.scene import Scene
from oakwright.files import write_aside

SEED, PICTURES, FPS = 5, 75, 15
# With less than this something is broken: the networks do better in all rooms that were tried.
LEAST_RIGHT = 0.8


def two_stages(out, step=lambda text: nullcontext(), *, seed=SEED, pictures=PICTURES):
    """Compile the packaged networks, run the application, write `room.mp4` and, of the picture
    in which the most was named rightly, `room.png`.

    ``step``: a context for each step with its text. Gives what `truth.compare` counts, summed up.
    """
    out = Path(out)
    with step("compile the two packaged networks: a detector and a recogniser"):
        blobs = write_blobs(out)
    with step(f"furnish a room (seed {seed})"):
        scene, board = Scene.furnished(seed), "OAK-D"
    with step(f"run the two-stage application on the virtual OAK, {pictures} pictures"):
        total, best = Counter(), -1
        app = room.application(**blobs, fps=FPS)
        camera = truth.camera_of(board, *app.camera.size)
        with (
            Film(out / "room.mp4", app.camera.size) as film,
            VirtualOak(source=f"furnished:{seed}", board=board, deterministic=True),
        ):
            for seen in islice(app.watch(), pictures):
                objects = scene.render(camera, seen.number / FPS).objects
                counted = truth.compare(seen, objects)
                total += counted
                app.draw(seen.picture, seen)
                film.add(seen.picture)
                if counted["named"] > best:
                    best, still = counted["named"], seen.picture
        write_aside(out / "room.png", cv2.imencode(".png", still)[1].tobytes())
    return total


class Film:
    """A video file, whole or not there."""

    def __init__(self, path, size):
        self.path, self.count = path, 0
        self.part = path.with_name(f".part-{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.writer = cv2.VideoWriter(str(self.part), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)

    def add(self, picture):
        """One more picture, BGR."""
        self.writer.write(picture)
        self.count += 1

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.writer.release()
        if kind is None:
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)


def told(total):
    """The counts in a line."""
    line = (
        f"{total['found']} of {total['things']} things found,"
        f" {total['named']} of those named rightly, {total['wrong']} boxes with nothing in them"
    )
    if total["measured"]:
        near = total["measured"] - total["far"]
        line += f"; {near} of {total['measured']} distances within a tenth"
    return line


def is_good(total):
    """Whether what was found and named is what the networks are good for."""
    return (
        total["found"] >= LEAST_RIGHT * total["things"] > 0
        and total["named"] >= LEAST_RIGHT * total["found"]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    given = parser.parse_args()
    if given.pictures < 1:
        parser.error("--pictures: at least 1")
    print(told(two_stages(given.out, seed=given.seed, pictures=given.pictures)))
