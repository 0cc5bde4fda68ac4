"""The process that answers one question about a stranger's model, and ends.

Reads one line from standard input, writes ``answer.json`` into its folder: what came of it, or
the error. Its memory is bound as a conversion's is; its time is the asker's to bind.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..child import describe, limit_process
from ..settings import Settings
from .works import WORKS

ANSWER = "answer.json"


def main() -> None:
    """Answer. Arguments: the settings, the folder with ``in`` in it."""
    settings, folder = Settings.from_text(sys.argv[1]), Path(sys.argv[2])
    limit_process(settings)
    asked = json.loads(sys.stdin.read())
    answer: dict[str, Any]
    try:
        answer = {"answer": WORKS[asked["work"]](asked, folder / "in")}
    except Exception as error:
        # Whatever a stranger's model did, this process is its own end and tells the reason.
        answer = {"error": describe(error, folder / "in")}
    text = json.dumps(answer, allow_nan=False)
    (folder / ANSWER).write_text(text.replace(f"{folder / 'in'}/", ""))


if __name__ == "__main__":
    main()
