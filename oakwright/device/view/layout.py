"""Where the boxes and lines of a pipeline's picture go: left to right, in layers.

After Sugiyama, Tagawa and Toda (1981): circles are cut, every box goes as far left as its sources
let it, boxes of a layer are sorted by their neighbours' places, and lines that pass a layer get a
place of their own in it. All lengths are pixels, from the top left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ROW_GAP = 26.0
# Room between two layers beside the labels of the lines that cross it.
LAYER_SPARE = 84.0
MARGIN = 14.0
# The height a line takes in a layer it only passes.
_PASSING = 34.0
_SWEEPS = 6


@dataclass
class Box:
    """A node; ``arrange`` sets ``x`` and ``y``, and widens it to the widest of its layer."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass
class Line:
    """From box ``source`` to box ``target``; ``label_*`` is its label's size and centre."""

    source: int
    target: int
    label_width: float = 0.0
    label_height: float = 0.0
    label_x: float = 0.0
    label_y: float = 0.0
    # SVG path data.
    path: str = ""
    # The boxes it goes through, source to target in drawing order, placeholders included.
    _through: list[int] = field(default_factory=list)
    _is_turned: bool = False


def arrange(boxes: Sequence[Box], lines: Sequence[Line]) -> tuple[float, float]:
    """Place boxes, lines and labels; gives the picture's width and height."""
    if not boxes:
        return 0.0, 0.0
    _turn_circles(len(boxes), lines)
    layer_of = _layers(len(boxes), lines)
    places = list(boxes)
    layers: list[list[int]] = [[] for _ in range(max(layer_of) + 1)]
    for index, layer in enumerate(layer_of):
        layers[layer].append(index)
    for line in lines:
        start, end = _ends(line)
        line._through = [start]
        for layer in range(layer_of[start] + 1, layer_of[end]):
            places.append(Box(0.0, _PASSING))
            layers[layer].append(len(places) - 1)
            line._through.append(len(places) - 1)
        line._through.append(end)
    before, after = _neighbours(len(places), lines)
    _sort(layers, before, after)
    height = _place_down(places, layers, before, after)
    width = _place_across(places, layers, layer_of, lines)
    _draw(places, lines)
    return width, height


def _ends(line: Line) -> tuple[int, int]:
    return (line.target, line.source) if line._is_turned else (line.source, line.target)


def _turn_circles(count: int, lines: Sequence[Line]) -> None:
    """Mark lines that lead back to a box on the way to their own, so that none does."""
    leaving: list[list[Line]] = [[] for _ in range(count)]
    for line in lines:
        line._is_turned = False
        leaving[line.source].append(line)
    # 0 unseen, 1 on the way, 2 done; no recursion, a pipeline may be long.
    state = [0] * count
    fed = {line.target for line in lines}
    for start in sorted(range(count), key=lambda i: i in fed):
        stack = [(start, 0)] if not state[start] else []
        while stack:
            box, position = stack.pop()
            state[box] = 1
            if position == len(leaving[box]):
                state[box] = 2
                continue
            stack.append((box, position + 1))
            line = leaving[box][position]
            if state[line.target] == 1:
                line._is_turned = True
            elif state[line.target] == 0:
                stack.append((line.target, 0))


def _layers(count: int, lines: Sequence[Line]) -> list[int]:
    """The longest way to each box; those that only feed are moved up to what they feed."""
    layer = [0] * count
    pairs = [_ends(line) for line in lines if line.source != line.target]
    for _ in range(count):
        for start, end in pairs:
            layer[end] = max(layer[end], layer[start] + 1)
    for box in range(count):
        is_fed = any(end == box for _, end in pairs)
        fed = [layer[end] for start, end in pairs if start == box]
        if fed and not is_fed:
            layer[box] = min(fed) - 1
    return layer


def _neighbours(count: int, lines: Sequence[Line]) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for line in lines:
        for start, end in pairwise(line._through):
            after[start].append(end)
            before[end].append(start)
    return before, after


def _sort(layers: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    """Sort each layer by the mean place of its neighbours, there and back again."""
    for sweep in range(_SWEEPS):
        ways = (layers[1:], before) if sweep % 2 == 0 else (layers[-2::-1], after)
        place = {box: i for layer in layers for i, box in enumerate(layer)}
        for layer in ways[0]:
            means = {
                box: sum(place[n] for n in ways[1][box]) / len(ways[1][box])
                if ways[1][box]
                else place[box]
                for box in layer
            }
            layer.sort(key=lambda box: (means[box], place[box]))
            place.update({box: i for i, box in enumerate(layer)})


def _place_down(
    places: list[Box], layers: list[list[int]], before: list[list[int]], after: list[list[int]]
) -> float:
    """Draw every box to the mean height of its neighbours, as far as its layer lets it."""
    for layer in layers:
        y = 0.0
        for box in layer:
            places[box].y = y
            y += places[box].height + ROW_GAP
    for sweep in range(4 * _SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for box in layer:
                near = before[box] + after[box]
                own = places[box]
                middle = [places[n].y + places[n].height / 2 for n in near]
                wanted.append(sum(middle) / len(middle) - own.height / 2 if near else own.y)
            _settle([places[box] for box in layer], wanted)
    return _close_gaps(places)


def _close_gaps(places: list[Box]) -> float:
    """Move everything up over bands in which nothing is; gives the picture's height."""
    bottom, shift = MARGIN, 0.0
    for box in sorted(places, key=lambda b: b.y):
        box.y += shift
        lowest = bottom + (ROW_GAP if bottom > MARGIN else 0.0)
        if box.y > lowest or bottom == MARGIN:
            shift += lowest - box.y
            box.y = lowest
        bottom = max(bottom, box.y + box.height)
    return bottom + MARGIN


def _settle(boxes: list[Box], wanted: list[float]) -> None:
    """Put boxes, in their order, as near to where they want to be as their heights allow."""
    down, up = list(wanted), list(wanted)
    for i in range(1, len(boxes)):
        down[i] = max(down[i], down[i - 1] + boxes[i - 1].height + ROW_GAP)
    for i in range(len(boxes) - 2, -1, -1):
        up[i] = min(up[i], up[i + 1] - boxes[i].height - ROW_GAP)
    # Each keeps the distances, so their mean does.
    for box, low, high in zip(boxes, down, up, strict=True):
        box.y = (low + high) / 2


def _place_across(
    places: list[Box], layers: list[list[int]], layer_of: list[int], lines: Sequence[Line]
) -> float:
    x = MARGIN
    for number, layer in enumerate(layers):
        widest = max(places[box].width for box in layer)
        for box in layer:
            # A line that passes goes straight through the layer, too.
            places[box].width, places[box].x = widest, x
        crossing = [ln.label_width for ln in lines if layer_of[_ends(ln)[0]] == number]
        x += widest + LAYER_SPARE + max(crossing, default=0.0)
        if number == len(layers) - 1:
            x -= LAYER_SPARE
    return x + MARGIN


def _draw(places: list[Box], lines: Sequence[Line]) -> None:
    """Paths and labels. Lines of a box leave and reach it beside, not on, each other."""
    leaving: dict[int, list[Line]] = {}
    reaching: dict[int, list[Line]] = {}
    for line in lines:
        leaving.setdefault(line._through[0], []).append(line)
        reaching.setdefault(line._through[-1], []).append(line)
    for group in leaving.values():
        group.sort(key=lambda ln: _middle(places[ln._through[1]]))
    for group in reaching.values():
        group.sort(key=lambda ln: _middle(places[ln._through[-2]]))
    for line in lines:
        points = []
        for i, index in enumerate(line._through):
            box = places[index]
            last = len(line._through) - 1
            y = _middle(box)
            if i == 0:
                y = _port(box, leaving[index], line)
            elif i == last:
                y = _port(box, reaching[index], line)
            if i > 0:
                points.append((box.x, y))
            if i < last:
                points.append((box.x + box.width, y))
        (x0, y0), (x1, y1) = points[:2]
        line.label_x, line.label_y = (x0 + x1) / 2, (y0 + y1) / 2
        line.path = _path(points[::-1] if line._is_turned else points)
    _part_labels(lines)


def _middle(box: Box) -> float:
    return box.y + box.height / 2


def _port(box: Box, group: list[Line], line: Line) -> float:
    step = min(16.0, (box.height - 12) / len(group))
    return _middle(box) + (group.index(line) - (len(group) - 1) / 2) * step


def _path(points: list[tuple[float, float]]) -> str:
    """Curves between layers, straight through those that are passed."""
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        half = (x0 + x1) / 2
        if i % 2 == 0:
            text += f"C{half:.1f} {y0:.1f} {half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        else:
            text += f"L{x1:.1f} {y1:.1f}"
    return text


def _part_labels(lines: Sequence[Line]) -> None:
    """Move labels that would cover each other apart, downwards, in their order from the top."""
    done: list[Line] = []
    for line in sorted(lines, key=lambda ln: (ln.label_x, ln.label_y)):
        for _ in range(len(lines)):
            hit = next((o for o in done if _covers(o, line)), None)
            if hit is None:
                break
            line.label_y = hit.label_y + (hit.label_height + line.label_height) / 2 + 2
        done.append(line)


def _covers(one: Line, other: Line) -> bool:
    return (
        abs(one.label_x - other.label_x) < (one.label_width + other.label_width) / 2
        and abs(one.label_y - other.label_y) < (one.label_height + other.label_height) / 2
    )
