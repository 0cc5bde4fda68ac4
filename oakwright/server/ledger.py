"""The book of jobs: what was asked, how far it is, what came of it.

The ledger is the truth and the queue only a bell: a job belongs to the worker that turned it from
``queued`` to ``running`` here, in one statement. Ringing twice or not at all loses nothing.

queued -> running -> done | failed | cancelled, and back to queued when its worker died.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATES = ("queued", "running", "done", "failed", "cancelled")
OPEN = ("queued", "running")
# A worker may be killed by anyone; one that dies over the same job again and again is its doing.
MOST_ATTEMPTS = 3

_TABLE = """
create table if not exists jobs (
    id text primary key, key text not null, name text not null, state text not null,
    created real not null, started real, finished real, attempts integer not null default 0,
    worker text, request text not null, steps text not null default '[]',
    result text, error text, from_cache integer not null default 0
);
create index if not exists by_key on jobs (key, state);
create index if not exists by_state on jobs (state, created);
"""


@dataclass(frozen=True)
class Job:
    """One job. Times are seconds since 1970; ``steps``: ``[text, seconds it took]``.

    ``result``: file name -> SHA-256 in the store. ``error``: kind, message, remedy, layer ...
    """

    id: str
    key: str
    name: str
    state: str
    created: float
    started: float | None
    finished: float | None
    attempts: int
    worker: str | None
    request: dict[str, Any]
    steps: list[list[Any]]
    result: dict[str, str] | None
    error: dict[str, Any] | None
    from_cache: bool

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in OPEN


@dataclass(frozen=True)
class Ledger:
    """Jobs in one SQLite file; safe to use from many processes and threads."""

    path: Path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=20.0)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def prepare(self) -> None:
        """Make the tables where they are not yet."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as book:
            book.execute("pragma journal_mode=wal")
            book.executescript(_TABLE)

    def add(
        self, key: str, name: str, request: Mapping[str, Any], result: Mapping[str, str] | None
    ) -> Job:
        """Write down a new job; one whose ``result`` is known already is done at once."""
        job_id, now = uuid.uuid4().hex, time.time()
        with self._open() as book:
            book.execute(
                "insert into jobs (id, key, name, state, created, started, finished, request,"
                " result, from_cache) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    key,
                    name,
                    "done" if result else "queued",
                    now,
                    now if result else None,
                    now if result else None,
                    json.dumps(request),
                    json.dumps(result) if result else None,
                    int(bool(result)),
                ),
            )
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """A job. Raises KeyError."""
        with self._open() as book:
            row = book.execute("select * from jobs where id = ?", (job_id,)).fetchone()
        if row is None:
            raise KeyError(job_id)
        return _job(row)

    def newest(self, state: str | None = None, limit: int = 50) -> list[Job]:
        """Jobs, the newest first."""
        where, values = ("where state = ?", [state]) if state else ("", [])
        with self._open() as book:
            rows = book.execute(
                f"select * from jobs {where} order by created desc, rowid desc limit ?",
                [*values, limit],
            ).fetchall()
        return [_job(row) for row in rows]

    def in_state(self, state: str) -> list[Job]:
        """All jobs in a state, the oldest first."""
        return self.newest(state, limit=-1)[::-1]

    def count(self, state: str) -> int:
        """How many jobs are in a state."""
        with self._open() as book:
            row = book.execute("select count(*) from jobs where state = ?", (state,)).fetchone()
        return int(row[0])

    def done_before(self, key: str) -> dict[str, str] | None:
        """The result of a job of the same key, or None."""
        with self._open() as book:
            row = book.execute(
                "select result from jobs where key = ? and state = 'done'"
                " order by finished desc limit 1",
                (key,),
            ).fetchone()
        return json.loads(row["result"]) if row else None

    def claim(self, job_id: str, worker: str) -> Job | None:
        """Take a queued job for a worker; None where somebody else has it or it is over."""
        took = self._change(
            "state = 'running', worker = ?, started = ?, attempts = attempts + 1, steps = '[]'",
            "id = ? and state = 'queued'",
            (worker, time.time(), job_id),
        )
        return self.get(job_id) if took else None

    def is_mine(self, job_id: str, worker: str) -> bool:
        """Whether a job still runs for that worker; not where it was cancelled."""
        job = self.get(job_id)
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
            (json.dumps(result), time.time(), job_id, worker),
        )

    def fail(self, job_id: str, worker: str | None, error: Mapping[str, Any]) -> bool:
        """A job failed, with its reason."""
        return self._change(
            "state = 'failed', error = ?, finished = ?",
            "id = ? and state = 'running' and worker is ?",
            (json.dumps(error), time.time(), job_id, worker),
        )

    def put_back(self, job: Job, *, counts: bool = True) -> bool:
        """A running job waits again: its worker died, or (not ``counts``) was told to stop."""
        if counts and job.attempts >= MOST_ATTEMPTS:
            reason = f"the worker died {job.attempts} times over this job"
            error = {
                "kind": "WorkerDied",
                "message": reason,
                "remedy": "tell whoever runs the server; its log says how they died",
            }
            self.fail(job.id, job.worker, error)
            return False
        return self._change(
            f"state = 'queued', worker = null, attempts = attempts - {0 if counts else 1}",
            "id = ? and state = 'running' and worker is ?",
            (job.id, job.worker),
        )

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or running job; False where it is over."""
        return self._change(
            "state = 'cancelled', finished = ?",
            "id = ? and state in ('queued', 'running')",
            (time.time(), job_id),
        )

    def _change(self, what: str, where: str, values: tuple[Any, ...]) -> bool:
        with self._open() as book:
            return book.execute(f"update jobs set {what} where {where}", values).rowcount == 1


def _job(row: sqlite3.Row) -> Job:
    plain = dict(row)
    for name in ("request", "steps", "result", "error"):
        plain[name] = json.loads(plain[name]) if plain[name] else None
    return Job(**{**plain, "from_cache": bool(plain["from_cache"])})
