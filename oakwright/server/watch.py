"""Waiting for jobs: one look into the book for all who wait, however many they are."""

from __future__ import annotations

import asyncio
import contextlib
import time

from starlette.concurrency import run_in_threadpool

from .job import OPEN, Book, QueueDown

LOOK_S = 0.05
PATIENCE_S = 60.0  # for a book that cannot be read


class Watch:
    """Those who wait for jobs, and the task that looks for them while there are any."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._waiting: dict[str, set[tuple[int, asyncio.Future[None]]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def stop(self) -> None:
        """Nobody waits any longer: the server is about to stop."""
        self._is_over = True
        for waiting in self._waiting.values():
            for _, future in waiting:
                if not future.done():
                    future.set_exception(_stopped())

    async def until(
        self, job_id: str, steps: int | None = None, seconds: float | None = None
    ) -> None:
        """Until the job is over, has more than ``steps`` steps, or ``seconds`` have passed.

        Raises QueueDown where the book cannot be read for a minute, or the server stops.
        """
        if self._is_over:
            raise _stopped()
        future = asyncio.get_running_loop().create_future()
        one = (steps if steps is not None else 1 << 30, future)
        self._waiting.setdefault(job_id, set()).add(one)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(future, seconds)
        finally:
            self._waiting.get(job_id, set()).discard(one)
            if not self._waiting.get(job_id):
                self._waiting.pop(job_id, None)

    async def _look(self) -> None:
        read_at = time.monotonic()
        while self._waiting:
            await asyncio.sleep(LOOK_S)
            ids = [*self._waiting]
            try:
                found = await run_in_threadpool(self._book.states, ids)
                read_at = time.monotonic()
            except Exception as error:
                # Whatever it is, those who wait hear of it; only what may pass is waited for.
                is_passing = isinstance(error, QueueDown)
                if not is_passing or time.monotonic() - read_at > PATIENCE_S:
                    for job_id in ids:
                        for _, future in self._waiting.get(job_id, ()):
                            if not future.done():
                                future.set_exception(error)
                continue
            for job_id in ids:
                state, steps = found.get(job_id, ("", 0))  # a forgotten job is over, too
                for wanted, future in self._waiting.get(job_id, ()):
                    if (state not in OPEN or steps > wanted) and not future.done():
                        future.set_result(None)


def _stopped() -> QueueDown:
    return QueueDown(
        "the server is being stopped",
        remedy="ask again in a while: the job is kept",
        retry_s=5,
    )
