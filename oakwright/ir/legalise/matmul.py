"""Being written."""

from __future__ import annotations

from collections.abc import Sequence

from .rewrite import Rule

RULES: dict[str, Sequence[Rule]] = {}
