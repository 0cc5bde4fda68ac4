"""From the graph that mirrors the stages to the graph that a person would draw.

Rules are small and local; each gives a value that computes the same. They are applied in walks
over the whole graph until nothing changes: first whatever brings slices and reshapes to rest,
then what joins equal pieces, then what names a combination by its own op.
"""

from __future__ import annotations

from ..graph import Graph
from . import channels, join, recompose, tidy, windows
from .rewrite import Rule, rewrite

MAX_WALKS = 60

RULES: dict[str, list[Rule]] = {
    "Slice": [
        tidy.slice_of_slice,
        tidy.slice_of_concat,
        tidy.slice_of_reshape,
        channels.crop_outputs,
        windows.absorb_crop,
        tidy.slice_before,
    ],
    "Concat": [tidy.concat_of_concat, join.join_inputs],
    "Reshape": [tidy.reshape_of_reshape, tidy.reshape_before],
    "Transpose": [tidy.transpose_of_transpose, tidy.transpose_before],
    "Add": [channels.partial_sums],
}
# After everything is joined: these would hide pieces from the rules above.
LAST: dict[str, list[Rule]] = {
    "Convolution": [recompose.full_connection, recompose.deconvolution, channels.depthwise],
    "GroupConvolution": [recompose.deconvolution],
    "Multiply": [recompose.swish, recompose.hswish],
    "Reshape": RULES["Reshape"],
    "Transpose": RULES["Transpose"],
}


def simplify(graph: Graph) -> None:
    """Rewrite the graph in place until no rule applies."""
    for rules in (RULES, LAST):
        for _ in range(MAX_WALKS):
            if not rewrite(graph, rules):
                break
    recompose.splits(graph)
