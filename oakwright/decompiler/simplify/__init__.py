"""From the graph that mirrors the stages to the graph that a person would draw.

Rules are small and local; each gives a value that computes the same. They are applied in walks
over the whole graph until nothing changes, in three phases: what was computed in pieces is
joined; slices and reshapes come to rest; combinations are named by their own op. Joining comes
first because a slice that looks into a tensor's pieces keeps them from being joined.
"""

from __future__ import annotations

from ..graph import Graph
from . import channels, join, recompose, tidy, windows
from .rewrite import Rule, rewrite

MAX_WALKS = 60

_JOINING: dict[str, list[Rule]] = {
    "Slice": [
        tidy.slice_of_slice,
        channels.crop_outputs,
        windows.absorb_crop,
        tidy.slice_before,
    ],
    "Concat": [tidy.concat_of_concat, tidy.concat_of_slices, join.join_inputs],
    "Reshape": [tidy.reshape_of_reshape, tidy.reshape_before],
    "Transpose": [tidy.transpose_of_transpose, tidy.transpose_before],
    "Add": [channels.partial_sums],
    "Convolution": [channels.without_unused_inputs],
}
_SETTLING: dict[str, list[Rule]] = {
    **_JOINING,
    "Slice": [
        tidy.slice_of_slice,
        tidy.slice_of_concat,
        tidy.slice_of_reshape,
        *_JOINING["Slice"],
    ],
    "Concat": [*_JOINING["Concat"], tidy.concat_of_reshapes],
}
_NAMING: dict[str, list[Rule]] = {
    "Convolution": [recompose.full_connection, recompose.deconvolution, channels.depthwise],
    "GroupConvolution": [recompose.deconvolution],
    "Minimum": [recompose.clamp],
    "Multiply": [
        recompose.swish,
        recompose.hswish,
        recompose.hsigmoid,
        channels.scaled_weights,
    ],
    "Reshape": _JOINING["Reshape"],
    "Transpose": _JOINING["Transpose"],
}


def simplify(graph: Graph) -> None:
    """Rewrite the graph in place until no rule applies."""
    windows.without_junk(graph)
    for rules in (_JOINING, _SETTLING, _NAMING):
        for _ in range(MAX_WALKS):
            if not rewrite(graph, rules):
                break
    recompose.splits(graph)
