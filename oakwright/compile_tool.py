"""Compile Tool's command line: ``python -m oakwright.compile_tool -m X.xml -o X.blob -ip U8 ...``.

Scripts that call ``compile_tool`` by ``subprocess`` work by changing one path. As there, real
inputs and outputs are FP16 unless said otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from oakwright import conversion
from oakwright.errors import OakwrightError, UsageError
from oakwright.files import write_aside


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile as Compile Tool would be asked to; gives the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    try:
        asked = conversion.read_compile_arguments(words)
        if not asked.model:
            raise UsageError("no model was given", remedy="-m X.xml")
        for flag in asked.ignored:
            print(f"note: {flag} changes nothing here")
        data = conversion.compile_as_asked(asked)
        out = write_aside(asked.out or f"{Path(asked.model).stem}.blob", data)
    except OakwrightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Done. {out}: {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
