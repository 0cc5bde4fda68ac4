"""The book of jobs in one SQLite file: for one machine, with nothing to install."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .clock import now
from .job import (
    DAY_S,
    MOST_ATTEMPTS,
    OPEN,
    PAGE,
    STATES,
    Bounds,
    Job,
    counted,
    died_over,
    steadily,
)

__all__ = ["MOST_ATTEMPTS", "OPEN", "STATES", "Job", "Ledger"]

_TABLE = """
create table if not exists jobs (
    number integer primary key autoincrement,
    id text unique not null, key text not null, name text not null, state text not null,
    created real not null, started real, finished real, attempts integer not null default 0,
    worker text, request text not null, steps text not null default '[]',
    result text, error text, from_cache integer not null default 0,
    client text not null default '', size integer not null default 0
);
create index if not exists jobs_by_key on jobs (key, state);
create index if not exists jobs_by_state on jobs (state, number);
create index if not exists jobs_by_client on jobs (client, state);
create table if not exists tally (name text primary key, value real not null);
"""
_OVER = "state not in ('queued', 'running')"
_CHUNK = 400  # of the parameters a statement may have

T = TypeVar("T")


@dataclass(frozen=True)
class Ledger:
    """Jobs in one SQLite file. A full or locked disk is waited for, ``patience_s`` seconds."""

    path: Path
    patience_s: float = 2.0
    # Open as long as the book is: else SQLite would make and remove its side files with every
    # question, which takes time and, on a full disk, cannot be done.
    _held: list[sqlite3.Connection] = field(default_factory=list, repr=False, compare=False)
    # Used by one thread at a time; opening one takes longer than most questions.
    _idle: list[sqlite3.Connection] = field(default_factory=list, repr=False, compare=False)

    def _do(self, work: Callable[[sqlite3.Connection], T], *, write: bool = False) -> T:
        """``work`` in one transaction. Raises QueueDown."""

        def once() -> T:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._open()
            try:
                connection.execute("begin immediate" if write else "begin")
                found = work(connection)
                connection.execute("commit")
            except BaseException:
                connection.close()  # which takes back what was begun
                raise
            self._idle.append(connection)
            return found

        return steadily(once, (sqlite3.OperationalError,), self.patience_s, "the book of jobs")

    def _open(self) -> sqlite3.Connection:
        made = sqlite3.connect(
            self.path, timeout=20.0, isolation_level=None, check_same_thread=False
        )
        made.row_factory = sqlite3.Row
        # Enough for a killed process; only a machine that loses power may lose the last.
        made.execute("pragma synchronous=normal")
        return made

    def prepare(self) -> None:
        """Make the tables where they are not yet."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        book = sqlite3.connect(self.path, timeout=20.0, check_same_thread=False)
        book.execute("pragma journal_mode=wal")
        book.executescript(_TABLE)
        book.execute("select count(*) from jobs").fetchall()
        self._held.append(book)

    def add(
        self,
        key: str,
        name: str,
        request: Mapping[str, Any],
        result: Mapping[str, str] | None,
        *,
        client: str = "",
        size: int = 0,
        bounds: Bounds | None = None,
    ) -> Job:
        """Write down a new job; one whose ``result`` is known already is done at once."""
        time = now()
        row = {
            "id": uuid.uuid4().hex,
            "key": key,
            "name": name,
            "state": "done" if result else "queued",
            "created": time,
            "started": time if result else None,
            "finished": time if result else None,
            "request": json.dumps(request),
            "result": json.dumps(result) if result else None,
            "from_cache": int(bool(result)),
            "client": client,
            "size": size,
        }

        def work(book: sqlite3.Connection) -> Job:
            if bounds and not result:
                bounds.check(
                    _one(book, "count(*) from jobs where state = 'queued'"),
                    _one(book, f"count(*) from jobs where client = ? and not {_OVER}", client),
                    _one(
                        book,
                        "coalesce(sum(size), 0) from jobs where client = ? and created > ?",
                        *(client, time - DAY_S),
                    ),
                    size,
                )
            marks = ", ".join("?" * len(row))
            book.execute(f"insert into jobs ({', '.join(row)}) values ({marks})", [*row.values()])
            if result:
                _count(book, counted("done", None, cached=True))
            return _get(book, str(row["id"]))

        return self._do(work, write=True)

    def get(self, job_id: str) -> Job:
        """A job. Raises KeyError."""
        return self._do(lambda book: _get(book, job_id))

    def states(self, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
        """State and number of steps of jobs; unknown ones are left out."""

        def work(book: sqlite3.Connection) -> dict[str, tuple[str, int]]:
            found = {}
            for first in range(0, len(ids), _CHUNK):
                some = ids[first : first + _CHUNK]
                rows = book.execute(
                    "select id, state, json_array_length(steps) from jobs"
                    f" where id in ({', '.join('?' * len(some))})",
                    some,
                )
                found.update({row[0]: (row[1], row[2]) for row in rows})
            return found

        return self._do(work)

    def newest(self, state: str | None = None, limit: int = 50) -> list[Job]:
        """Jobs, the newest first."""
        where, values = ("where state = ?", [state]) if state else ("", [])
        text = f"select * from jobs {where} order by number desc limit ?"
        return self._do(
            lambda book: [_job(row) for row in book.execute(text, [*values, limit]).fetchall()]
        )

    def in_state(self, state: str) -> list[Job]:
        """All jobs in a state, the oldest first."""
        return self.newest(state, limit=-1)[::-1]

    def count(self, state: str) -> int:
        """How many jobs are in a state."""
        return self._do(lambda book: _one(book, "count(*) from jobs where state = ?", state))

    def done_before(self, key: str) -> dict[str, str] | None:
        """The result of a job of the same key, or None."""

        def work(book: sqlite3.Connection) -> dict[str, str] | None:
            row = book.execute(
                "select result from jobs where key = ? and state = 'done'"
                " order by number desc limit 1",
                (key,),
            ).fetchone()
            return json.loads(row["result"]) if row else None

        return self._do(work)

    def claim(self, job_id: str, worker: str) -> Job | None:
        """Take a queued job for a worker; None where somebody else has it or it is over."""
        took = self._change(
            "state = 'running', worker = ?, started = ?, attempts = attempts + 1, steps = '[]'",
            "id = ? and state = 'queued'",
            (worker, now(), job_id),
        )
        return self.get(job_id) if took else None

    def is_mine(self, job_id: str, worker: str) -> bool:
        """Whether a job still runs for that worker; not where it was cancelled."""
        try:
            job = self.get(job_id)
        except KeyError:
            return False
        return job.state == "running" and job.worker == worker

    def note(self, job: Job, step: str, seconds: float) -> None:
        """Add a step to a running job."""
        job.steps.append([step, round(seconds, 3)])
        self._change("steps = ?", "id = ? and state = 'running'", (json.dumps(job.steps), job.id))

    def finish(self, job_id: str, worker: str, result: Mapping[str, str]) -> bool:
        """A job is done; False where it was cancelled or taken away meanwhile."""
        return self._change(
            "state = 'done', result = ?, finished = ?",
            "id = ? and state = 'running' and worker = ?",
            (json.dumps(result), now(), job_id, worker),
            "done",
        )

    def fail(self, job_id: str, worker: str | None, error: Mapping[str, Any]) -> bool:
        """A job failed, with its reason."""
        return self._change(
            "state = 'failed', error = ?, finished = ?",
            "id = ? and state = 'running' and worker is ?",
            (json.dumps(error), now(), job_id, worker),
            "failed",
        )

    def put_back(self, job: Job, *, counts: bool = True) -> bool:
        """A running job waits again: its worker died, or (not ``counts``) was told to stop."""
        if counts and job.attempts >= MOST_ATTEMPTS:
            self.fail(job.id, job.worker, died_over(job))
            return False
        return self._change(
            f"state = 'queued', worker = null, attempts = attempts - {0 if counts else 1}",
            "id = ? and state = 'running' and worker is ?",
            (job.id, job.worker),
            "died" if counts else "",
        )

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or running job; False where it is over."""
        return self._change(
            "state = 'cancelled', finished = ?",
            "id = ? and state in ('queued', 'running')",
            (now(), job_id),
            "cancelled",
        )

    def pages(self) -> Iterator[list[Job]]:
        """All jobs, the newest first, some at a time."""
        text, last = "select * from jobs where number < ? order by number desc limit ?", 1 << 62
        while True:
            values = (last, PAGE)

            def work(book: sqlite3.Connection, values: tuple[int, int] = values) -> Any:
                return book.execute(text, values).fetchall()

            rows = self._do(work)
            if not rows:
                return
            last = rows[-1]["number"]
            yield [_job(row) for row in rows]

    def forget(self, ids: Sequence[str]) -> int:
        """Remove those of the jobs that are over; gives how many."""
        text, count = f"delete from jobs where id = ? and {_OVER}", 0
        for first in range(0, len(ids), PAGE):
            some = [(job_id,) for job_id in ids[first : first + PAGE]]

            def work(book: sqlite3.Connection, some: list[tuple[str]] = some) -> int:
                return book.executemany(text, some).rowcount

            count += self._do(work, write=True)
        return count

    def tally(self) -> dict[str, float]:
        """What came of all jobs ever."""
        return self._do(lambda book: dict(book.execute("select name, value from tally").fetchall()))

    def _change(self, what: str, where: str, values: tuple[Any, ...], end: str = "") -> bool:
        """Change a job where it is as ``where`` says; ``end``: what is counted then."""

        def work(book: sqlite3.Connection) -> bool:
            row = book.execute(
                f"update jobs set {what} where {where} returning started, finished", values
            ).fetchone()
            if row is not None and end:
                timed = row["started"] is not None and row["finished"] is not None
                _count(book, counted(end, row["finished"] - row["started"] if timed else None))
            return row is not None

        return self._do(work, write=True)


def _one(book: sqlite3.Connection, text: str, *values: Any) -> int:
    return int(book.execute(f"select {text}", values).fetchone()[0])


def _count(book: sqlite3.Connection, rows: Mapping[str, float]) -> None:
    book.executemany(
        "insert into tally values (?, ?) on conflict (name) do update set value = value + ?",
        [(name, amount, amount) for name, amount in rows.items()],
    )


def _get(book: sqlite3.Connection, job_id: str) -> Job:
    row = book.execute("select * from jobs where id = ?", (job_id,)).fetchone()
    if row is None:
        raise KeyError(job_id)
    return _job(row)


def _job(row: sqlite3.Row) -> Job:
    plain = dict(row)
    del plain["number"]
    for name in ("request", "steps", "result", "error"):
        plain[name] = json.loads(plain[name]) if plain[name] else None
    return Job(**{**plain, "from_cache": bool(plain["from_cache"])})
