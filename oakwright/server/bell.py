"""The queue: huey on SQLite, which carries the number of a job and nothing else.

Messages are JSON, not huey's pickles: whoever can write to the queue cannot run code by it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Bell:
    """Rings for a job (any process), is listened to (workers); see ``ledger`` for who owns it."""

    def __init__(self, path: Path) -> None:
        from huey import SqliteHuey
        from huey.registry import Message
        from huey.serializer import Serializer

        class Plain(Serializer):  # type: ignore[misc]
            def _serialize(self, data: Any) -> bytes:
                return json.dumps(list(data)).encode()

            def _deserialize(self, data: bytes) -> Any:
                return Message(*json.loads(bytes(data)))

        self._huey = SqliteHuey(
            "oakwright", filename=str(path), results=False, serializer=Plain(), timeout=20
        )

        @self._huey.task(name="convert")  # type: ignore[untyped-decorator]
        def convert(job_id: str) -> None:
            """Never run by huey: the worker takes the number and looks into the ledger."""

        self._convert = convert

    def ring(self, job_id: str) -> None:
        """Tell the workers that a job waits."""
        self._huey.enqueue(self._convert.s(job_id))

    def listen(self) -> str | None:
        """The number of a job that was rung for, or None."""
        task = self._huey.dequeue()
        return str(task.args[0]) if task is not None else None
