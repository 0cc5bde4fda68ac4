"""What is in the room? One network finds things, a second one looks at each of them.

    oakwright device run --source furnished:5 examples/rooms/room.py     without a camera
    python examples/rooms/room.py                                        on an OAK

The networks come with oakwright and know its made-up rooms; they are compiled into the folder that
is given, or `room-networks`. q ends it. With a stereo pair on the board, distances are shown.
"""

import sys
from pathlib import Path

from oakwright.apps import Camera, Canvas, Detector, Recognizer, TwoStage, color_of, rooms


def describe(name, look):
    """What a thing is, in words: its class and the second network's answer."""
    if name == "face":
        return look.mark
    if name in ("box", "sign"):
        return f"{look.color} {name}, {look.mark}"
    striped = "striped " if look.mark == "stripes" else ""
    if name == "person":
        return f"person in {striped}{look.color}"
    return f"{striped}{look.color} {name}"


def size(thing):
    """Its share of the picture."""
    x0, y0, x1, y1 = thing.box
    return (x1 - x0) * (y1 - y0)


def draw(picture, seen):
    """A box for each thing, with what it is and how far away."""
    canvas = Canvas(picture)
    # Large things first: a small one's label may cover theirs.
    for thing in sorted(seen.things, key=size, reverse=True):
        away = f" {thing.place[2]:.1f} m" if thing.place and thing.name != "person" else ""
        words = describe(thing.name, thing.answer) if thing.answer else thing.name
        canvas.box(thing.box, color_of(thing.label), words + away)
    return canvas


def application(detector, recognizer, fps=15):
    """The two-stage application of two blobs."""
    return TwoStage(
        # As sure as this is right most often, found on rooms that were not trained on.
        Detector(detector, labels=rooms.facts()["labels"], confidence=0.4),
        Recognizer(recognizer),
        decode=rooms.look,
        draw=draw,
        camera=Camera((1280, 720), fps),
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "room-networks")
    application(**rooms.write_blobs(folder)).run("room")
