"""Which rule does this model's own decoding follow? Asked, not guessed.

Every rule that fits the heads' channels is a hypothesis; anchors are read from what the model
answers to zeros. The hypothesis whose boxes equal the model's own on random numbers is the truth;
where the model has no decoding of its own, somebody has to say the family.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oakwright.decode import Rule, sigmoid
from oakwright.errors import UnsupportedModel, UsageError

from .decode import decode, flat
from .layout import FAMILIES, TOLERANCE, Detector, Scale
from .own_decoding import OwnDecoding, as_rows

_MOST_ANCHORS = 9
_Heads = Mapping[str, np.ndarray]


def recognise(
    scales: Sequence[Scale], picture: tuple[int, int], own: OwnDecoding | None
) -> Detector:
    """The detector whose decoding agrees with the model's own.

    Raises UsageError (key ``family``) where the model has none, UnsupportedModel where none of
    the rules agrees with it.
    """
    if own is None:
        raise UsageError(
            "this export ends in raw tensors: nothing in it says how they become boxes",
            remedy=f"say which detector it is with --family: {', '.join(FAMILIES)}"
            " (and --anchors, if they are not the published ones)",
            key="family",
        )
    heads = random_heads(scales)
    answers = own(heads)
    closest = float("inf")
    for detector in _hypotheses(scales, picture, own):
        found = difference(detector, heads, answers)
        closest = min(closest, found)
        if found < TOLERANCE:
            return replace(detector, difference=found)
    hint = f" (the nearest differs by {closest:.2g} of a side)" if closest < 1 else ""
    raise UnsupportedModel(
        "the model's own decoding follows none of the rules the camera's decoder knows" + hint,
        remedy="convert it with `oakwright convert` and decode on the host; if you know its raw"
        " tensors better, say --family",
        findings=(),
    )


def named(
    family: str,
    scales: Sequence[Scale],
    picture: tuple[int, int],
    own: OwnDecoding | None,
    anchors: Sequence[float] = (),
) -> Detector:
    """The detector that somebody says it is, with its published anchors or the given ones.

    Where the model has a decoding of its own, the difference from it is noted, not judged.
    Raises UsageError where the heads do not fit the family.
    """
    if family not in FAMILIES:
        raise UsageError(
            f"family '{family}' is not known",
            remedy=f"use one of {', '.join(FAMILIES)}",
            key="family",
        )
    kind = FAMILIES[family]
    if kind.rule in (Rule.ANCHORS, Rule.SQUARES):
        fitting = [_named_with_anchors(family, scales, picture, anchors)]
    else:
        fitting = [d for d in _without_anchors(scales, picture) if d.rule is kind.rule]
        if anchors or not fitting:
            raise UsageError(
                f"{family} has no anchors"
                if fitting
                else f"heads of {_channels(scales)} channels are not those of {family}",
                remedy="leave --family out to have the detector recognised, or name another",
                key="family",
            )
    if own is None:
        return fitting[0]
    heads = random_heads(scales)
    answers = own(heads)
    measured = [(difference(detector, heads, answers), detector) for detector in fitting]
    found, detector = min(measured, key=lambda pair: pair[0])
    return replace(detector, difference=found if np.isfinite(found) else None)


def random_heads(scales: Sequence[Scale]) -> dict[str, np.ndarray]:
    """Random raw tensors for all heads, the same in every run."""
    generator = np.random.default_rng(0)
    return {
        key: generator.normal(0, 1.5, tuple(tensor.shape)).astype(np.float32)
        for scale in scales
        for key, tensor in zip(scale.keys, scale.tensors, strict=True)
    }


def difference(detector: Detector, heads: _Heads, answers: Sequence[np.ndarray]) -> float:
    """How far the nearest of ``answers`` is from what the detector decodes ``heads`` to.

    The largest difference of a box in sides of the picture (or in its own size, where that is
    larger), or of a score; infinite where no answer has as many rows.
    """
    parts, best = decode(detector, heads), float("inf")
    for arranged, by_cell in itertools.product((parts, parts[::-1]), (False, True)):
        boxes, objectness, scores = flat(arranged, by_cell=by_cell)
        for values in answers:
            rows = as_rows(values, len(boxes))
            if rows is not None:
                best = min(best, _row_difference(rows, boxes, objectness, scores, detector))
    return best


def _row_difference(
    rows: np.ndarray,
    boxes: np.ndarray,
    objectness: np.ndarray,
    scores: np.ndarray,
    detector: Detector,
) -> float:
    classes = detector.classes
    gap = 0.0
    if rows.shape[1] == 5 + classes:
        gap = max(abs(rows[:, 4] - objectness).max(), abs(rows[:, 5:] - scores).max())
        # v7's and YOLOX's exports for other decoders multiply early.
        joint = abs(rows[:, 5:] - scores * objectness[:, None]).max()
        gap = min(gap, max(abs(rows[:, 4] - objectness).max(), joint))
    elif rows.shape[1] == 4 + classes:
        gap = abs(rows[:, 4:] - scores * objectness[:, None]).max()
    elif rows.shape[1] != 4:
        return float("inf")
    sides = np.array([*detector.picture, *detector.picture], np.float64)
    size = np.maximum(np.maximum(abs(boxes), sides), np.tile(boxes[:, 2:], 2))
    away = min(
        float((abs(told - boxes) / size).max()) for told in _readings(rows[:, :4], detector.picture)
    )
    return max(float(gap), away)


def _readings(values: np.ndarray, picture: tuple[int, int]) -> Iterator[np.ndarray]:
    """Four numbers as centre and size in pixels, however they were meant."""
    values = values.astype(np.float64)
    for unit in (1.0, np.array([*picture, *picture], np.float64)):
        yield values * unit
        low, high = (values * unit)[:, :2], (values * unit)[:, 2:]
        yield np.concatenate([(low + high) / 2, high - low], axis=1)


# -- hypotheses


def _hypotheses(
    scales: Sequence[Scale], picture: tuple[int, int], own: OwnDecoding
) -> Iterator[Detector]:
    if len(scales[0].tensors) == 1:
        yield from _with_anchors(scales, picture, own)
    else:
        yield from _without_anchors(scales, picture)


def _without_anchors(scales: Sequence[Scale], picture: tuple[int, int]) -> Iterator[Detector]:
    count = len(scales[0].tensors)
    for order in itertools.permutations(range(count)):
        sorted_scales = tuple(
            replace(scale, tensors=tuple(scale.tensors[i] for i in order)) for scale in scales
        )
        channels = {scale.channels for scale in sorted_scales}
        if len(channels) != 1:
            continue
        (sizes,) = channels
        if count == 2 and sizes[0] % 4 == 0:
            yield Detector(Rule.DISTANCES, sorted_scales, sizes[1], picture, bins=sizes[0] // 4)
        if count == 3 and sizes[:2] == (4, 1):
            yield Detector(Rule.EXPONENTS, sorted_scales, sizes[2], picture)


@dataclass(frozen=True)
class _Zero:
    """Boxes [A,cells,4] by scale that the model gives for zeros, in one way of reading them."""

    parts: list[np.ndarray]
    candidate: int
    reading: int
    is_turned: bool
    by_cell: bool


def _with_anchors(
    scales: Sequence[Scale], picture: tuple[int, int], own: OwnDecoding
) -> Iterator[Detector]:
    channels = {scale.channels[0] for scale in scales}
    if len(channels) != 1:
        return
    size = channels.pop()
    zeros = {
        key: np.zeros(tuple(t.shape), np.float32)
        for s in scales
        for key, t in zip(s.keys, s.tensors, strict=True)
    }
    at_zero = own(zeros)
    at_one = own({key: array + 1 for key, array in zeros.items()})
    for count in range(1, _MOST_ANCHORS + 1):
        if size % count or size // count < 6:
            continue
        for zero in _arrangements(scales, picture, at_zero, count):
            spread = max(float(np.ptp(part[..., 2:], axis=1).max()) for part in zero.parts)
            if spread > 1e-3 * max(picture):
                continue  # anchors are the same in every cell
            anchors = tuple(
                tuple((float(w), float(h)) for w, h in part[:, :, 2:].mean(axis=1))
                for part in zero.parts
            )
            if min(n for scale in anchors for pair in scale for n in pair) <= 0:
                continue
            detector = Detector(Rule.SQUARES, tuple(scales), size // count - 5, picture, anchors)
            yield detector
            one = _same_arrangement(scales, picture, at_one, count, zero)
            moved = (one[0][..., 0] - zero.parts[0][..., 0]).mean()
            stride = picture[0] / scales[0].columns
            stretch = float(moved / stride / (sigmoid(np.array(1.0)) - 0.5))
            yield replace(detector, rule=Rule.ANCHORS, stretch=round(stretch, 4))


def _arrangements(
    scales: Sequence[Scale], picture: tuple[int, int], answers: Sequence[np.ndarray], count: int
) -> Iterator[_Zero]:
    boxes = count * sum(scale.cells for scale in scales)
    for candidate, values in enumerate(answers):
        rows = as_rows(values, boxes)
        if rows is None or rows.shape[1] < 4:
            continue
        for reading, told in enumerate(_readings(rows[:, :4], picture)):
            for is_turned, by_cell in itertools.product((False, True), (False, True)):
                parts = _split(told, scales, count, is_turned, by_cell)
                yield _Zero(parts, candidate, reading, is_turned, by_cell)


def _same_arrangement(
    scales: Sequence[Scale],
    picture: tuple[int, int],
    answers: Sequence[np.ndarray],
    count: int,
    like: _Zero,
) -> list[np.ndarray]:
    boxes = count * sum(scale.cells for scale in scales)
    rows = as_rows(answers[like.candidate], boxes)
    assert rows is not None
    told = [*_readings(rows[:, :4], picture)][like.reading]
    return _split(told, scales, count, like.is_turned, like.by_cell)


def _split(
    rows: np.ndarray, scales: Sequence[Scale], count: int, is_turned: bool, by_cell: bool
) -> list[np.ndarray]:
    """Rows [N,4] as [A,cells,4] by scale, finest first."""
    parts, first = [], 0
    for scale in scales[::-1] if is_turned else scales:
        block = rows[first : first + count * scale.cells]
        first += len(block)
        shape = (scale.cells, count, 4) if by_cell else (count, scale.cells, 4)
        part = block.reshape(shape)
        parts.append(part.swapaxes(0, 1) if by_cell else part)
    return parts[::-1] if is_turned else parts


def _named_with_anchors(
    family: str, scales: Sequence[Scale], picture: tuple[int, int], anchors: Sequence[float]
) -> Detector:
    kind = FAMILIES[family]
    numbers = list(anchors or kind.anchors)
    each = len(numbers) // 2 // len(scales)
    sizes = {scale.channels[0] for scale in scales}
    fits = all(len(scale.tensors) == 1 for scale in scales) and len(sizes) == 1
    if not fits or not each or len(numbers) != 2 * each * len(scales) or min(sizes) % each:
        raise UsageError(
            f"{len(numbers)} numbers of anchors do not fit {len(scales)} grids of"
            f" {_channels(scales)} channels",
            remedy="give width,height for each anchor, the finest grid's first: --anchors"
            " 10,13,16,30,...",
            key="anchors",
        )
    classes = min(sizes) // each - 5
    if classes < 1:
        raise UsageError(
            f"{min(sizes)} channels are not {each} anchors with 5 numbers and classes each",
            remedy="name another family, or give its anchors",
            key="family",
        )
    table = [(float(w), float(h)) for w, h in zip(numbers[::2], numbers[1::2], strict=True)]
    by_scale = tuple(tuple(table[i * each : (i + 1) * each]) for i in range(len(scales)))
    return Detector(kind.rule, tuple(scales), classes, picture, by_scale)


def _channels(scales: Sequence[Scale]) -> str:
    return ", ".join("+".join(map(str, scale.channels)) for scale in scales)
