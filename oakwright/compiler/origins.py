"""Which layer of the IR each stage of a blob comes from, as the engine itself tells.

Blobs hold no names. But the engine can write the graph it ends with as a DOT file, in which
every stage has its place in the blob, its type and the layer it was made for. Rule of this file:
what is not in that form is passed over; the origins are a help for people, nothing relies on them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DUMP_KEY = "MYRIAD_DUMP_INTERNAL_GRAPH_FILE_NAME"

# [place in the blob / place in the graph] Stage NAME, then "type = ..." and "origLayer = [...]";
# line breaks are written \l. Stages that need no work, such as views, have the place -1.
_STAGE = re.compile(r'label="\[(-?\d+) / -?\d+\] Stage (.*?)\\ltype = (\w+)\\l(.*?)"\s*$', re.M)
_LAYER = re.compile(r"origLayer = \[\\l\s*name = (.*?)\\l\s*type = (\w+)")


@dataclass(frozen=True)
class StageOrigin:
    """Where a stage comes from.

    ``index``: of the stage in the blob. ``name``, ``type``: the engine's own words for it.
    ``layer``: the IR layer it was made for, empty where it was made for none; ``operation``: that
    layer's kind as the engine names it (``FullyConnected``, ``ScaleShift`` ...).
    """

    index: int
    name: str
    type: str
    layer: str
    operation: str


def read_origins(dot: str) -> tuple[StageOrigin, ...]:
    """The stages of the engine's graph that are in the blob, in its order."""
    found = []
    for match in _STAGE.finditer(dot):
        index, name, kind, rest = match.groups()
        if int(index) < 0:
            continue
        layer = _LAYER.search(rest)
        named = (layer.group(1), layer.group(2)) if layer else ("", "")
        found.append(StageOrigin(int(index), name, kind, *named))
    return tuple(sorted(found, key=lambda origin: origin.index))
