"""What is wrong with a dataset: collected by file and line, told all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oakwright.errors import DatasetError

SHOWN = 25


@dataclass(frozen=True)
class Finding:
    """One thing wrong in one place: ``line`` counts from 1, 0 where a file has no lines.

    Where ``is_error`` is false reading can go on without the thing, and says so in ``text``.
    """

    file: str
    line: int
    text: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By file and line, each once."""
    return sorted(set(findings), key=lambda f: (f.file, f.line, f.text))


def refuse(findings: Sequence[Finding]) -> None:
    """Raise DatasetError with all errors among ``findings``; do nothing if there are none.

    The message shows the first 25; the error's field ``findings`` has every one.
    """
    errors = in_order(f for f in findings if f.is_error)
    if not errors:
        return
    lines = [str(finding) for finding in errors[:SHOWN]]
    if len(errors) > SHOWN:
        lines.append(f"and {len(errors) - SHOWN} more")
    head = "the dataset has a problem" if len(errors) == 1 else "the dataset has problems"
    raise DatasetError(
        f"{head}:\n  " + "\n  ".join(lines),
        remedy="correct these places; `oakwright dataset check` lists them all",
        findings=[str(finding) for finding in errors],
        path=errors[0].file,
        line=errors[0].line,
    )
