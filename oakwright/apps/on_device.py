"""The Script that runs on the camera: for every picture with detections, a crop of each thing.

It also sends the host all that belongs to that picture, so that what is lost under load is lost
for both: the picture, what was found in it, and a plan, whose text is the picture's number and the
positions of the things that an answer will follow for.
"""

from __future__ import annotations

# Names in capitals are set by `script`; ImageManipConfig, Buffer and Tracklet are there on the
# device.
_SCRIPT = """
def box_of(thing):
    if EVERY:
        roi = thing.roi
        return roi.x, roi.y, roi.x + roi.width, roi.y + roi.height
    return thing.xmin, thing.ymin, thing.xmax, thing.ymax

def cut(low, high):
    # Wider by the margin, inside the picture, and never empty, wherever the box is.
    margin = (high - low) * MARGIN
    low = min(max(low - margin, 0.0), 1 - LEAST)
    return low, max(min(high + margin, 1.0), low + LEAST)

def is_due(thing):
    if not EVERY:
        return not KEEP or thing.label in KEEP
    status = thing.status
    if status != Tracklet.TrackingStatus.NEW and status != Tracklet.TrackingStatus.TRACKED:
        return False
    return thing.id not in asked or number - asked[thing.id] >= EVERY

def sure(i):
    thing = things[i]
    return -(thing.srcImgDetection.confidence if EVERY else thing.confidence)

frame, asked = None, {}
while True:
    found = node.io['found'].get()
    number = found.getSequenceNum()
    while frame is None or frame.getSequenceNum() < number:
        frame = node.io['frames'].get()
    if frame.getSequenceNum() > number:
        continue  # This picture was lost under load.
    things = found.tracklets if EVERY else found.detections
    if EVERY:
        there = set(thing.id for thing in things)
        asked = dict((i, n) for i, n in asked.items() if i in there)
    due = sorted((i for i in range(len(things)) if is_due(things[i])), key=sure)[:MOST]
    words = ' '.join(str(n) for n in [number] + due).encode()
    plan = Buffer(len(words))
    plan.setData(words)
    node.io['plan'].send(plan)
    node.io['seen'].send(found)
    node.io['frame'].send(frame)
    for i in due:
        x0, y0, x1, y1 = box_of(things[i])
        x0, x1 = cut(x0, x1)
        y0, y1 = cut(y0, y1)
        config = ImageManipConfig()
        config.setCropRect(x0, y0, x1, y1)
        config.setResize(WIDTH, HEIGHT)
        config.setKeepAspectRatio(False)
        node.io['config'].send(config)
        node.io['crop'].send(frame)
        if EVERY:
            asked[things[i].id] = number
"""
# The smallest crop, as a share of the picture.
_LEAST = 0.01


def script(
    size: tuple[int, int],
    *,
    margin: float,
    most: int,
    every: int = 0,
    keep: tuple[int, ...] = (),
) -> str:
    """The script's text.

    ``size``: the recogniser's width and height. ``margin``: see Recognizer.
    ``most``: so many things of a picture are looked at, the surest. ``every``: 0 for detections;
    with a tracker, a thing is looked at again after so many pictures. ``keep``: labels; all if
    empty.
    """
    values = {
        "WIDTH": size[0],
        "HEIGHT": size[1],
        "MARGIN": float(margin),
        "LEAST": _LEAST,
        "MOST": most,
        "EVERY": every,
        "KEEP": tuple(int(k) for k in keep),
    }
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    return "\n".join(lines) + _SCRIPT
