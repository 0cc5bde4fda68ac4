"""The queue: huey, which carries the number of a job and nothing else.

Messages are JSON, not huey's pickles: whoever can write to the queue cannot run code by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .job import QueueDown

T = TypeVar("T")


class Bell:
    """Rings for a job (any process), is listened to (workers); see ``job`` for who owns it."""

    def __init__(self, huey: Any, passing: tuple[type[Exception], ...]) -> None:
        self._huey, self._passing = huey, passing

        @huey.task(name="convert")  # type: ignore[untyped-decorator]
        def convert(job_id: str) -> None:
            """Never run by huey: the worker takes the number and looks into the ledger."""

        self._convert = convert

    @classmethod
    def in_file(cls, path: Path) -> Bell:
        """In an SQLite file."""
        import sqlite3

        from huey import SqliteHuey

        made = SqliteHuey(
            "oakwright", filename=str(path), results=False, serializer=_plain(), timeout=20
        )
        return cls(made, (sqlite3.OperationalError,))

    @classmethod
    def on_redis(cls, url: str) -> Bell:
        """In the Redis at an address."""
        from huey import RedisHuey
        from redis import ConnectionPool

        from .redis_ledger import passing_errors

        pool = ConnectionPool.from_url(url, socket_timeout=10, socket_connect_timeout=5)
        # Listening ends after a second, so that a worker sees what else there is to see.
        made = RedisHuey(
            "oakwright", connection_pool=pool, results=False, serializer=_plain(), read_timeout=1
        )
        return cls(made, passing_errors())

    def ring(self, job_id: str) -> None:
        """Tell the workers that a job waits. Raises QueueDown."""
        self._gate(lambda: self._huey.enqueue(self._convert.s(job_id)))

    def listen(self) -> str | None:
        """The number of a job that was rung for, or None. Raises QueueDown."""
        task = self._gate(self._huey.dequeue)
        return str(task.args[0]) if task is not None else None

    def waiting(self) -> int:
        """How many rings nobody has heard yet. Raises QueueDown."""
        return int(self._gate(self._huey.pending_count))

    def _gate(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except self._passing as error:
            text = " ".join(str(error).split())[:200]
            raise QueueDown(f"the queue: {text}", remedy="try again in a while") from error


def _plain() -> Any:
    from huey.registry import Message
    from huey.serializer import Serializer

    class Plain(Serializer):  # type: ignore[misc]
        def _serialize(self, data: Any) -> bytes:
            return json.dumps(list(data)).encode()

        def _deserialize(self, data: bytes) -> Any:
            return Message(*json.loads(bytes(data)))

    return Plain()
