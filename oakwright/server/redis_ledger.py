"""The book of jobs in Redis: for servers and workers on several machines.

A job is a hash of JSON texts; sorted sets by state give order and counts. Whatever must happen in
one step is one script, which Redis runs alone.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .clock import now
from .job import DAY_S, MOST_ATTEMPTS, PAGE, STATES, Bounds, Job, counted, died_over, steadily

PREFIX = "oakwright:"
_FIELDS = tuple(Job.__dataclass_fields__)

# KEYS: none, the prefix comes as the first argument. Texts in the hash are JSON.
_ADD = """
local p, id, client, key, row, known = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local mine, day = p .. 'open:' .. client, p .. 'day:' .. client .. ':' .. ARGV[7]
if known == '' and ARGV[8] ~= '' then
  local b = cjson.decode(ARGV[8])
  local waiting, open = redis.call('zcard', p .. 'state:queued'), redis.call('scard', mine)
  local today = tonumber(redis.call('get', day) or '0')
  if waiting >= b[1] or open >= b[2] or today + b[4] > b[3] then
    return {waiting, open, today}
  end
end
local state = known == '' and 'queued' or 'done'
local number = redis.call('incr', p .. 'number')
redis.call('hset', p .. 'job:' .. id, 'number', number, unpack(cjson.decode(row)))
redis.call('zadd', p .. 'jobs', number, id)
redis.call('zadd', p .. 'state:' .. state, number, id)
redis.call('incrby', day, ARGV[9])
redis.call('expire', day, 172800)
if known == '' then
  redis.call('sadd', mine, id)
else
  redis.call('set', p .. 'key:' .. key, id)
end
return false
"""
# Arguments: prefix, id, states it may have, worker it must have ('*': any), state it gets,
# fields to set, what is added to the number of attempts.
_MOVE = """
local p, id = ARGV[1], ARGV[2]
local job = p .. 'job:' .. id
local was = redis.call('hmget', job, 'state', 'worker', 'number', 'client', 'key', 'attempts')
if not was[1] then return 0 end
local state, may = cjson.decode(was[1]), false
for _, one in ipairs(cjson.decode(ARGV[3])) do may = may or one == state end
if not may or (ARGV[4] ~= '*' and was[2] ~= ARGV[4]) then return 0 end
local to = ARGV[5]
redis.call('hset', job, 'state', cjson.encode(to), unpack(cjson.decode(ARGV[6])))
if ARGV[7] ~= '0' then
  redis.call('hset', job, 'attempts', tostring(tonumber(was[6]) + tonumber(ARGV[7])))
end
if to ~= state then
  redis.call('zrem', p .. 'state:' .. state, id)
  redis.call('zadd', p .. 'state:' .. to, was[3], id)
end
if to ~= 'queued' and to ~= 'running' then
  redis.call('srem', p .. 'open:' .. cjson.decode(was[4]), id)
  if to == 'done' then redis.call('set', p .. 'key:' .. cjson.decode(was[5]), id) end
end
return 1
"""
_FORGET = """
local p, id = ARGV[1], ARGV[2]
local job = p .. 'job:' .. id
local was = redis.call('hmget', job, 'state', 'key')
if not was[1] then return 0 end
local state, key = cjson.decode(was[1]), p .. 'key:' .. cjson.decode(was[2])
if state == 'queued' or state == 'running' then return 0 end
redis.call('zrem', p .. 'state:' .. state, id)
redis.call('zrem', p .. 'jobs', id)
if redis.call('get', key) == id then redis.call('del', key) end
redis.call('del', job)
return 1
"""

T = TypeVar("T")


def connect(url: str) -> Any:
    """A client of the Redis at an address such as ``redis://host:6379/0``; asks nothing yet."""
    import redis

    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=15,
    )


def passing_errors() -> tuple[type[Exception], ...]:
    """What Redis' client raises where Redis is away, starts, or has no room: it may pass."""
    import redis

    known = redis.exceptions
    return (known.ConnectionError, known.TimeoutError, known.BusyLoadingError, known.ResponseError)


@dataclass(frozen=True)
class RedisLedger:
    """Jobs in Redis. One that is away is waited for, ``patience_s`` seconds."""

    redis: Any
    patience_s: float = 3.0

    def _do(self, call: Callable[[], T]) -> T:
        return steadily(call, passing_errors(), self.patience_s, "Redis")

    def _script(self, text: str, *arguments: str | float) -> Any:
        return self._do(lambda: self.redis.eval(text, 0, PREFIX, *arguments))

    def prepare(self) -> None:
        """See that Redis answers. Raises QueueDown."""
        self._do(self.redis.ping)

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
        over = time if result else None
        job = Job(
            id=uuid.uuid4().hex,
            key=key,
            name=name,
            state="done" if result else "queued",
            created=time,
            started=over,
            finished=over,
            attempts=0,
            worker=None,
            request=dict(request),
            steps=[],
            result=dict(result) if result else None,
            error=None,
            from_cache=bool(result),
            client=client,
            size=size,
        )
        limits = [bounds.waiting, bounds.of_client, bounds.bytes_a_day, size] if bounds else None
        refused = self._script(
            _ADD,
            *(job.id, client, key, _pairs(vars(job)), "yes" if result else ""),
            *(int(time // DAY_S), json.dumps(limits) if limits else "", size),
        )
        if refused and bounds:
            waiting, of_client, today = map(int, refused)
            bounds.check(waiting, of_client, today, size)
        if result:
            self._count(counted("done", None, cached=True))
        return job

    def get(self, job_id: str) -> Job:
        """A job. Raises KeyError."""
        found = self._many([job_id])
        if not found:
            raise KeyError(job_id)
        return found[0]

    def states(self, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
        """State and number of steps of jobs; unknown ones are left out."""
        rows = self._pipe(lambda pipe, one: pipe.hmget(_place(one), "state", "steps"), ids)
        pairs = zip(ids, rows, strict=True)
        return {one: (json.loads(row[0]), len(json.loads(row[1]))) for one, row in pairs if row[0]}

    def newest(self, state: str | None = None, limit: int = 50) -> list[Job]:
        """Jobs, the newest first."""
        where = f"{PREFIX}state:{state}" if state else f"{PREFIX}jobs"
        last = limit - 1 if limit >= 0 else -1
        return self._many(self._do(lambda: self.redis.zrevrange(where, 0, last))) if limit else []

    def in_state(self, state: str) -> list[Job]:
        """All jobs in a state, the oldest first."""
        return [job for job in self.newest(state, limit=-1)[::-1] if job.state == state]

    def count(self, state: str) -> int:
        """How many jobs are in a state."""
        assert state in STATES
        return int(self._do(lambda: self.redis.zcard(f"{PREFIX}state:{state}")))

    def done_before(self, key: str) -> dict[str, str] | None:
        """The result of a job of the same key, or None."""
        job_id = self._do(lambda: self.redis.get(f"{PREFIX}key:{key}"))
        found = self._many([job_id]) if job_id else []
        return found[0].result if found else None

    def claim(self, job_id: str, worker: str) -> Job | None:
        """Take a queued job for a worker; None where somebody else has it or it is over."""
        fields = {"worker": worker, "started": now(), "steps": []}
        took = self._move(job_id, ("queued",), "*", "running", fields, attempts=1)
        if took:
            return self.get(job_id)
        # A claim whose answer was lost on the way: it was tried again, and is ours already.
        return self.get(job_id) if self.is_mine(job_id, worker) else None

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
        fields = {"steps": job.steps}
        self._move(job.id, ("running",), json.dumps(job.worker), "running", fields)

    def finish(self, job_id: str, worker: str, result: Mapping[str, str]) -> bool:
        """A job is done; False where it was cancelled or taken away meanwhile."""
        fields = {"result": dict(result), "finished": now()}
        return self._end(job_id, ("running",), json.dumps(worker), "done", fields)

    def fail(self, job_id: str, worker: str | None, error: Mapping[str, Any]) -> bool:
        """A job failed, with its reason."""
        fields = {"error": dict(error), "finished": now()}
        return self._end(job_id, ("running",), json.dumps(worker), "failed", fields)

    def put_back(self, job: Job, *, counts: bool = True) -> bool:
        """A running job waits again: its worker died, or (not ``counts``) was told to stop."""
        if counts and job.attempts >= MOST_ATTEMPTS:
            self.fail(job.id, job.worker, died_over(job))
            return False
        owner, less = json.dumps(job.worker), 0 if counts else -1
        back = self._move(job.id, ("running",), owner, "queued", {"worker": None}, attempts=less)
        if back and counts:
            self._count(counted("died", None))
        return back

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or running job; False where it is over."""
        return self._end(job_id, ("queued", "running"), "*", "cancelled", {"finished": now()})

    def pages(self) -> Iterator[list[Job]]:
        """All jobs, the newest first, some at a time."""
        below = "+inf"
        while True:

            def ask(below: str = below) -> Any:
                return self.redis.zrevrangebyscore(
                    f"{PREFIX}jobs", below, "-inf", start=0, num=PAGE, withscores=True
                )

            rows = self._do(ask)
            if not rows:
                return
            below = f"({rows[-1][1]:.0f}"
            yield self._many([job_id for job_id, _ in rows])

    def forget(self, ids: Sequence[str]) -> int:
        """Remove those of the jobs that are over; gives how many."""
        count = 0
        for first in range(0, len(ids), PAGE):
            some = ids[first : first + PAGE]
            gone = self._pipe(lambda pipe, one: pipe.eval(_FORGET, 0, PREFIX, one), some)
            count += sum(map(int, gone))
        return count

    def tally(self) -> dict[str, float]:
        """What came of all jobs ever."""
        found = self._do(lambda: self.redis.hgetall(f"{PREFIX}tally"))
        return {name: float(value) for name, value in found.items()}

    def _end(
        self, job_id: str, states: Sequence[str], worker: str, to: str, fields: Mapping[str, Any]
    ) -> bool:
        if not self._move(job_id, states, worker, to, fields):
            return False
        job = self.get(job_id)
        timed = job.started is not None and job.finished is not None
        seconds = (job.finished or 0.0) - (job.started or 0.0)
        self._count(counted(to, seconds if timed else None))
        return True

    def _move(
        self,
        job_id: str,
        states: Sequence[str],
        worker: str,
        to: str,
        fields: Mapping[str, Any],
        attempts: int = 0,
    ) -> bool:
        arguments = (job_id, json.dumps(states), worker, to, _pairs(fields), str(attempts))
        return bool(self._script(_MOVE, *arguments))

    def _count(self, rows: Mapping[str, float]) -> None:
        self._pipe(
            lambda pipe, name: pipe.hincrbyfloat(f"{PREFIX}tally", name, rows[name]), [*rows]
        )

    def _many(self, ids: Sequence[str]) -> list[Job]:
        rows = self._pipe(lambda pipe, one: pipe.hgetall(_place(one)), ids)
        return [Job(**{name: json.loads(row[name]) for name in _FIELDS}) for row in rows if row]

    def _pipe(self, ask: Callable[[Any, str], Any], names: Sequence[str]) -> list[Any]:
        """One question a name, all in one go."""

        def once() -> list[Any]:
            with self.redis.pipeline(transaction=False) as pipe:
                for name in names:
                    ask(pipe, name)
                return list(pipe.execute())

        return self._do(once) if names else []


def _place(job_id: str) -> str:
    return f"{PREFIX}job:{job_id}"


def _pairs(fields: Mapping[str, Any]) -> str:
    """Names and JSON texts in turn, as one JSON text."""
    found: list[str] = []
    for name, value in fields.items():
        found += [name, json.dumps(value)]
    return json.dumps(found)
