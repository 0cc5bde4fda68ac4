"""Operation -> rules: every rewriting the legaliser knows, merged from the family files.

Rules of one operation are tried in order; the first that returns a replacement wins. Where two
families know the same operation, the family named first here is asked first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import (
    accumulate,
    activations,
    attention,
    convolution,
    empties,
    indexing,
    logical,
    matmul,
    normalisation,
    pooling,
    quantise,
    reductions,
    resize,
    scatter,
    sequences,
    transforms,
    versions,
)
from .rewrite import Rule

FAMILIES = (
    empties,
    versions,
    pooling,
    convolution,
    indexing,
    accumulate,
    scatter,
    matmul,
    attention,
    activations,
    logical,
    reductions,
    normalisation,
    resize,
    sequences,
    quantise,
    transforms,
)


def merge(tables: Sequence[Mapping[str, Sequence[Rule]]]) -> dict[str, tuple[Rule, ...]]:
    """One table out of several; rules of the same operation are lined up, first table first."""
    merged: dict[str, tuple[Rule, ...]] = {}
    for table in tables:
        for kind, rules in table.items():
            merged[kind] = (*merged.get(kind, ()), *rules)
    return merged


RULES: dict[str, tuple[Rule, ...]] = merge([family.RULES for family in FAMILIES])
