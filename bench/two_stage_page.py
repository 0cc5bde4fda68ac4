"""The page of figures that ``two_stage.py`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bench.two_stage import MaskRow
    from bench.two_stage_siblings import Check

HEAD = """\
# A two-stage application, measured

Written by `bench/two_stage.py`, which says what it needs. The face-mask demo (`gen2-age-gender` on
branch `DONT_DELETE_sbd_mask_tutorial` of luxonis/depthai-experiments) runs as its authors wrote it:
camera, face detector, a Script that crops, mask classifier, two queues kept in step by the host.

- The detector is the vendor's own blob, `face-detection-retail-0004`.
- `sbd_mask.blob` is a real face-mask classifier (PaddleHub's, ONNX) in the clothes the demo
  expects: 224x224 RGB bytes in, two scores out, the second for a mask. Resizing, colour order, mean
  and scale are in the blob; `oakwright.convert` made it. It was trained on wider crops than the
  detector's boxes, so the wrapper repeats the crop's edge around it, 16 of 128 pixels wide: of the
  widths tried on the detector's boxes in these frames (0, 8, 16, 24, 32) the best. Its outputs are
  [no mask, mask]: read the other way, every bare front face here would wear one.
- The halves are the same video, cut so that faces are twice as large; the script is not changed.
- Labels: 30 frames of `masks.mp4`, 148 faces, drawn by hand before any detection was seen
  (`tests/corpus/masks_labels.json`). Faces of which no eye is seen do not count either way.
- A box is a face's from an overlap (intersection over union) of 0.4 on.
"""


def as_page(
    masks: Sequence[MaskRow],
    digests: tuple[str, str] | None,
    depth: tuple[Mapping[float, Sequence[float]], int] | None,
    siblings: Sequence[tuple[str, Check]],
) -> str:
    """Markdown of what was measured."""
    parts = [HEAD]
    if masks:
        parts += [_masks(masks), _direct(masks)]
    if digests:
        parts.append(_same(digests))
    if depth:
        parts.append(_depth(*depth))
    if siblings:
        parts.append(_siblings(siblings))
    return "\n".join(parts)


def _share(count: int, of: int) -> str:
    return f"{count} of {of} ({count / of:.0%})" if of else "0 of 0"


def _masks(rows: Sequence[MaskRow]) -> str:
    lines = [
        "## Boxes and labels\n",
        "| picture | the detector gets | faces | found (recall) | of front views | precision "
        "| labels right | masked | bare |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        s = row.score
        front = s.by_view.get("front", [0, 0])
        masked, bare = s.by_mask.get(True, [0, 0]), s.by_mask.get(False, [0, 0])
        lines.append(
            f"| {row.picture} | {row.detector} | {s.faces} | {_share(s.hits, s.faces)} "
            f"| {_share(front[1], front[0])} | {_share(s.hits, s.boxes)} "
            f"| {_share(s.right, s.labelled)} | {masked[1]} of {masked[0]} "
            f"| {bare[1]} of {bare[0]} |"
        )
    return (
        "\n".join(lines)
        + """

As written the detector gets RGB: the demo asks its ImageManip for `RGB888p`, and the network was
trained on BGR. The faces are 20 to 25 pixels wide in a frame 540 high, 12 in the detector's 300,
most wear masks, and it was not trained on those either. With the one word changed in the temporary
copy (`BGR888p`) the same pipeline finds ten times as many: check the colour order first, as the
tutorial says, and for both networks.
"""
    )


def _direct(rows: Sequence[MaskRow]) -> str:
    device, alone, both = (sum(getattr(r, n) for r in rows) for n in ("device", "alone", "both"))
    same = sum(r.same_labels for r in rows)
    return f"""\
## Is it the networks or the device?

The same networks without a device (OpenCV cuts and scales, OpenVINO infers the blob's graph and the
ONNX): over all frames of the runs above, the device drew {device} boxes, the detector alone
finds {alone}, {both} are in both with an overlap of 0.7. They differ where a confidence is near the
threshold of 0.5. The label is the one that the ONNX gives to the crop of that box in {same} of
{device}: its crops are scaled in one step, the device's in two, and some 20 pixels wide leave the
classifier undecided. So the figures above are the networks'.
"""


def _same(digests: tuple[str, str]) -> str:
    verdict = "the same" if digests[0] == digests[1] else "NOT the same"
    return f"""\
Boxes and texts are read by a listener in the script's process. It changes nothing: digests of all
that the host received without and with it are {verdict} (`{digests[0]}`).
"""


def _depth(depth: Mapping[float, Sequence[float]], stills: int) -> str:
    every = [e for errors in depth.values() for e in errors]
    median = f"{np.median(every):.1%}" if every else "unknown"
    lines = [
        "## Z\n",
        "On the OAK-D board the demo adds stereo and prints `Z: 1.23 m`. Judged on a made-up "
        f"scene: {stills} stills of a drawn face from 1 to 5 m, seen by left, right and colour "
        f"camera; {len(every)} were found. Median error **{median}**.\n",
        "| distance, m | " + " | ".join(f"{z:g}" for z in depth) + " |",
        "|---|" + "--:|" * len(depth),
        "| worst error | " + " | ".join(f"{max(e):.1%}" for e in depth.values()) + " |",
    ]
    return (
        "\n".join(lines)
        + """

The preset gives whole disparities at 400 lines, so neighbouring distances are 14 % apart at 5 m
(4.73 and 5.52 m; the demo ignores what is beyond 5 m). `setSubpixel(True)` removes that:
`tests/device/test_spatial_pipeline.py` holds the spatial nodes to 5 %.
"""
    )


def _siblings(rows: Sequence[tuple[str, Check]]) -> str:
    lines = [
        "## Its siblings\n",
        "Unmodified, on `masks.mp4` and the OAK-D board, until a stream has brought 60 messages. "
        "The face detector is the vendor's. Stand-ins of the same signature, compiled by "
        "`oakwright.convert`, take the place of age-gender-recognition-retail-0013, "
        "emotions-recognition-retail-0003, head-pose-estimation-adas-0001, "
        "person-reidentification-retail-0288, face-recognition-arcface-112x112 (and its older "
        "file) and person-detection-retail-0013. A second network's stand-in answers with the mean "
        "colour of its crop, so an answer can be held against the box it is drawn with: *error* is "
        "the median difference, in levels of 255; *mixed up* what it would be with the crop of the "
        "answer before.\n",
        "| demo | result | pictures | boxes | answers that are their box's | error | mixed up |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, c in rows:
        lines.append(
            f"| {name} | {c.outcome} | {c.shown} | {c.boxes} | {c.within} "
            f"| {c.error:.1f} | {c.other:.1f} |"
        )
    return (
        "\n".join(lines)
        + """

`depthai_sdk`, of which the re-identification demos take a counter of frames, is stood in by four
lines. In the face recognition demos head pose stands between: its angle turns the crop, whose
middle square is compared.
"""
    )
