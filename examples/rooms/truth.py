"""How much of a furnished room the application got right, by the room's own truth."""

from collections import Counter

from oakwright.device.boards import find_board
from oakwright.device.scene import CameraModel
from oakwright.device.sources.scene import camera_model

# A box is the thing's if it has at least this much in common with it (intersection over union).
LEAST_OVERLAP = 0.5
# Who is hidden more, or smaller (pixels of the picture), need not be found.
LEAST_SEEN, SMALLEST = 0.5, 20


def camera_of(board, width, height):
    """The board's colour camera, its picture cut to that shape and size."""
    whole = camera_model(find_board(board).named("color"))
    focal = whole.fx * width / whole.width
    return CameraModel(width, height, focal, focal, width / 2, height / 2)


def overlap(a, b):
    """Intersection over union of two boxes (left, top, right, bottom)."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return across * down / max(sum(areas) - across * down, 1e-9)


def is_named(one, look):
    """Whether the second network's answer is what that thing has; of a face only the mark."""
    return (
        look is not None and look.mark == one.mark and look.color == (one.color_name or look.color)
    )


def compare(seen, objects):
    """Count what was right in one picture.

    ``seen``: of ``TwoStage.watch``; ``objects``: of ``Scene.render``, same picture. Gives a
    Counter: ``things`` that are to be found, ``found`` of them, ``named`` rightly of those,
    ``wrong``: boxes with no such thing in them; ``measured`` distances, ``far``: off by over a
    tenth.
    """
    height, width = seen.picture.shape[:2]
    count, left = Counter(), list(seen.things)
    boxes = [[v * (width, height)[i % 2] for i, v in enumerate(thing.box)] for thing in left]
    for one in objects:
        pairs = zip(left, boxes, strict=True)
        shares = [overlap(one.box, box) * (thing.name == one.label) for thing, box in pairs]
        best = max(range(len(left)), key=shares.__getitem__, default=None)
        is_found = best is not None and shares[best] >= LEAST_OVERLAP
        sides = one.box[2] - one.box[0], one.box[3] - one.box[1]
        if one.visible >= LEAST_SEEN and min(sides) >= SMALLEST:
            count["things"] += 1
            if is_found:
                count["found"] += 1
                count["named"] += is_named(one, left[best].answer)
                if left[best].place is not None:
                    count["measured"] += 1
                    count["far"] += abs(left[best].place[2] / (one.depth_mm / 1000) - 1) > 0.1
        if is_found:
            del left[best], boxes[best]
    count["wrong"] += len(left)
    return count
