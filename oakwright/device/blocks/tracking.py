"""Following things from detection to detection: identities, births, losses and deaths.

Of DepthAI's four kinds, ZERO_TERM ones only match detections with what was seen last, by place and
size, or by colours as well; SHORT_TERM ones move on without detections too, by a constant speed
(Kalman's filter) or by correlation of the picture.

- A detection that matches nothing is born as NEW. NEW becomes TRACKED after ``birth`` matches in a
  row (the first included), and REMOVED at the first miss.
- TRACKED becomes LOST at the first detections without it, and TRACKED again by a match.
- LOST becomes REMOVED after ``lifespan`` pictures, or where something that was seen of its class
  covers more than ``occlusion`` of it. REMOVED is said once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from .assignment import assign
from .boxes import Motion, as_box, covered, distance, middle
from .kcf import Box, CorrelationFilter

NEW, TRACKED, LOST, REMOVED = "NEW", "TRACKED", "LOST", "REMOVED"
IMAGELESS, HISTOGRAM, KCF = "imageless", "histogram", "kcf"

# A pair costs 1 - IoU, and how far the middles are apart in diagonals; above this it is none.
_MOST = 1.6
# What wholly different colours add.
_COLOR_WEIGHT = 1.0
_BINS = 8
# Pictures whose boxes are remembered, for detections that come late.
_REMEMBERED = 64


@dataclass(frozen=True)
class Rules:
    """``looks``: how it compares, a constant above. ``predicts``: whether it is SHORT_TERM."""

    looks: str = IMAGELESS
    predicts: bool = False
    threshold: float = 0.0
    most: int = 60
    labels: Collection[int] = ()
    smallest_id: bool = False
    per_class: bool = True
    birth: int = 3
    lifespan: int = 120
    occlusion: float = 0.4


@dataclass(frozen=True)
class Sighting:
    """A detection: left, top, right, bottom in 0..1; ``origin`` is anything of the caller's."""

    box: Box
    label: int
    confidence: float
    origin: Any = None


@dataclass(frozen=True)
class Picture:
    """BGR or grey pixels, and their clock time in seconds; no pixels where the kind needs none."""

    time_s: float
    pixels: np.ndarray | None = None


@dataclass
class Track:
    """Something followed; ``sighting`` is the last one, ``age`` in pictures since its birth."""

    id: int
    sighting: Sighting
    box: Box
    status: str = NEW
    age: int = 0
    matches: int = 1
    missed: int = 0
    colors: np.ndarray | None = None
    motion: Motion | None = None
    filter: CorrelationFilter | None = None
    history: deque[tuple[float, Box]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def box_at(self, time_s: float) -> Box:
        """Where it was thought to be then."""
        return min(self.history, key=lambda entry: abs(entry[0] - time_s))[1]


class Tracker:
    """See the module."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.tracks: list[Track] = []
        self._born = 0

    def step(
        self, sightings: Sequence[Sighting] | None, seen: Picture, now: Picture
    ) -> list[Track]:
        """All tracks at the picture ``now``, those just removed included, by id.

        ``sightings`` were made in the picture ``seen``, which may be an older one; None where
        nobody looked.
        """
        for track in self.tracks:
            track.age += 1
            self._move(track, now)
            track.history.append((now.time_s, track.box))
        if sightings is not None:
            wanted = [s for s in sightings if self._wants(s)]
            self._match(wanted, seen, now)
        for track in self.tracks:
            if track.history and track.history[-1][0] == now.time_s:
                track.history.pop()
            track.history.append((now.time_s, track.box))
            if track.status == LOST:
                track.missed += 1
                if track.missed > self.rules.lifespan:
                    track.status = REMOVED
        said = sorted(self.tracks, key=lambda track: track.id)
        self.tracks = [track for track in self.tracks if track.status != REMOVED]
        return said

    def remove(self, ids: Collection[int]) -> None:
        """These are REMOVED at the next step, whatever is seen."""
        for track in self.tracks:
            if track.id in ids:
                track.status = REMOVED

    # -- the parts of a step

    def _wants(self, sighting: Sighting) -> bool:
        rules = self.rules
        left, top, right, bottom = sighting.box
        return (
            sighting.confidence >= rules.threshold
            and (not rules.labels or sighting.label in rules.labels)
            and right > left
            and bottom > top
        )

    def _move(self, track: Track, now: Picture) -> None:
        if track.motion is not None:
            track.box = track.motion.predict(now.time_s)
        elif track.filter is not None and track.status != LOST:
            assert now.pixels is not None
            track.filter.follow(_grey(now.pixels))
            track.box = track.filter.box

    def _match(self, sightings: list[Sighting], seen: Picture, now: Picture) -> None:
        candidates = [track for track in self.tracks if track.status != REMOVED]
        colors = [_colors(seen.pixels, s.box) if self._has_colors else None for s in sightings]
        costs = np.array(
            [
                [
                    self._cost(track, sighting, color, seen)
                    for sighting, color in zip(sightings, colors, strict=True)
                ]
                for track in candidates
            ],
            np.float64,
        ).reshape(len(candidates), len(sightings))
        pairs = assign(costs, _MOST)
        matched = {row for row, _ in pairs}
        for row, column in pairs:
            self._renew(candidates[row], sightings[column], colors[column], seen, now)
        for row, track in enumerate(candidates):
            if row not in matched:
                track.matches = 0
                track.status = REMOVED if track.status == NEW else LOST
        self._remove_covered([candidates[row] for row in sorted(matched)])
        taken = {column for _, column in pairs}
        fresh = [c for c in range(len(sightings)) if c not in taken]
        for column in sorted(fresh, key=lambda c: -sightings[c].confidence):
            if sum(track.status != REMOVED for track in self.tracks) >= self.rules.most:
                break
            self._bear(sightings[column], colors[column], seen, now)

    @property
    def _has_colors(self) -> bool:
        return self.rules.looks == HISTOGRAM

    def _cost(
        self, track: Track, sighting: Sighting, colors: np.ndarray | None, seen: Picture
    ) -> float:
        if self.rules.per_class and track.sighting.label != sighting.label:
            return 2 * _MOST
        cost = distance(track.box_at(seen.time_s), sighting.box)
        if colors is not None and track.colors is not None:
            apart = cv2.compareHist(track.colors, colors, cv2.HISTCMP_BHATTACHARYYA)
            cost += _COLOR_WEIGHT * float(apart)
        return cost

    def _renew(
        self,
        track: Track,
        sighting: Sighting,
        colors: np.ndarray | None,
        seen: Picture,
        now: Picture,
    ) -> None:
        track.missed, track.matches, track.sighting = 0, track.matches + 1, sighting
        if track.status == LOST or track.matches >= self.rules.birth:
            track.status = TRACKED
        if colors is not None and track.colors is not None:
            # Light changes slowly; a wrong match does not spoil all.
            track.colors = 0.7 * track.colors + 0.3 * colors
        if track.motion is not None:
            # What it moved since the picture of the detection, it moved in the detection too.
            then = track.box_at(seen.time_s)
            moved = [
                b + now_ - then_
                for b, now_, then_ in zip(sighting.box, track.box, then, strict=True)
            ]
            track.box = track.motion.correct(as_box(moved))
        else:
            self._place(track, sighting, seen, now)

    def _place(self, track: Track, sighting: Sighting, seen: Picture, now: Picture) -> None:
        track.box = sighting.box
        if self.rules.looks == KCF:
            assert seen.pixels is not None
            assert now.pixels is not None
            track.filter = CorrelationFilter(_grey(seen.pixels), sighting.box)
            if now.time_s != seen.time_s:
                track.filter.follow(_grey(now.pixels))
            track.box = track.filter.box

    def _bear(
        self, sighting: Sighting, colors: np.ndarray | None, seen: Picture, now: Picture
    ) -> None:
        track = Track(self._next_id(), sighting, sighting.box, colors=colors)
        if self.rules.birth <= 1:
            track.status = TRACKED
        if self.rules.predicts and self.rules.looks == IMAGELESS:
            track.motion = Motion(sighting.box, now.time_s)
        else:
            self._place(track, sighting, seen, now)
        self.tracks.append(track)

    def _next_id(self) -> int:
        self._born += 1
        if not self.rules.smallest_id:
            return self._born - 1
        used = {track.id for track in self.tracks}
        return next(number for number in range(len(used) + 1) if number not in used)

    def _remove_covered(self, seen: list[Track]) -> None:
        for track in self.tracks:
            if track.status != LOST:
                continue
            for other in seen:
                is_rival = not self.rules.per_class or other.sighting.label == track.sighting.label
                if is_rival and covered(track.box, other.box) > self.rules.occlusion:
                    track.status = REMOVED
                    break


# -- pixels


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))


def _colors(pixels: np.ndarray | None, box: Box) -> np.ndarray:
    """Shares of colours (or greys) in the middle of a box, float32."""
    assert pixels is not None
    height, width = pixels.shape[:2]
    x, y, across, down = middle(box)
    left, right = (int(np.clip((x + s * across * 0.4) * width, 0, width)) for s in (-1, 1))
    top, bottom = (int(np.clip((y + s * down * 0.4) * height, 0, height)) for s in (-1, 1))
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    channels = 1 if pixels.ndim == 2 else 3
    counts = cv2.calcHist(
        [part], list(range(channels)), None, [_BINS] * channels, [0, 256] * channels
    )
    shares: np.ndarray = counts / max(float(counts.sum()), 1.0)
    return shares.astype(np.float32)
