"""Imports inside a script that get another module: ``import blobconverter`` gets ours."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _AliasFinder(MetaPathFinder, Loader):
    """Answers an import of one name with another module."""

    def __init__(self, aliases: dict[str, str]) -> None:
        self._aliases = aliases

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in self._aliases else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return importlib.import_module(self._aliases[spec.name])

    def exec_module(self, module: Any) -> None:
        pass


@contextmanager
def serve_aliases(aliases: Sequence[tuple[str, str]]) -> Iterator[None]:
    """Serve pairs of (asked for, given) until the end of the block."""
    finder = _AliasFinder(dict(aliases))
    hidden = {name: sys.modules.pop(name) for name, _ in aliases if name in sys.modules}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, _ in aliases:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)
