"""The book of jobs and who lives, the same for SQLite and Redis; limits, retention, quotas."""

import io
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from oakwright.errors import OutputError, UsageError
from oakwright.server import keeping, places
from oakwright.server.clock import now
from oakwright.server.job import MOST_ATTEMPTS, Bounds, Job, QueueDown, QueueFull
from oakwright.server.ledger import Ledger
from oakwright.server.marks import FileMarks, RedisMarks
from oakwright.server.service import Service, standing
from oakwright.server.settings import Settings
from oakwright.server.store import Store
from oakwright.server.who import current

from .conftest import Served, redis_server
from .test_faults import asked

DIGEST = "ab" * 32
REQUEST = {"files": [{"name": "x.onnx", "sha256": DIGEST, "size": 3}], "n": 1}
MANY = Bounds(100, 100, 1 << 30)


@pytest.fixture(params=["sqlite", "redis"])
def settings(request, tmp_path):
    """Settings of a service with either queue; its Redis is a process of its own."""
    if request.param == "sqlite":
        yield Settings(tmp_path / "data")
        return
    with redis_server(tmp_path / "redis") as url:
        yield Settings(tmp_path / "data", queue=url)


@pytest.fixture
def book(settings):
    made = places.open_book(settings, 0.5)
    made.prepare()
    return made


def test_a_jobs_whole_life(book):
    job = book.add("k", "näme", REQUEST, None, client="ann", size=3, bounds=MANY)
    assert (job.state, job.client, job.size, job.request) == ("queued", "ann", 3, REQUEST)
    assert book.get(job.id) == job
    assert book.count("queued") == 1
    assert book.done_before("k") is None
    taken = book.claim(job.id, "one")
    assert (taken.state, taken.worker, taken.attempts) == ("running", "one", 1)
    assert book.claim(job.id, "two") is None
    assert book.is_mine(job.id, "one")
    assert not book.is_mine(job.id, "two")
    book.note(taken, "read", 0.25)
    assert book.states([job.id, "nobody"]) == {job.id: ("running", 1)}
    assert not book.finish(job.id, "two", {"6.blob": DIGEST})
    assert book.finish(job.id, "one", {"6.blob": DIGEST})
    done = book.get(job.id)
    assert (done.state, done.result, done.steps) == ("done", {"6.blob": DIGEST}, [["read", 0.25]])
    assert done.finished >= done.started >= done.created > now() - 60
    assert book.done_before("k") == {"6.blob": DIGEST}
    assert not book.cancel(job.id)
    assert not book.fail(job.id, "one", {"kind": "x"})
    again = book.add("k", "n", REQUEST, done.result)
    assert (again.state, again.from_cache) == ("done", True)
    assert book.newest(limit=1) == [again]
    assert [one.id for one in book.in_state("done")] == [job.id, again.id]
    assert book.tally() == {
        "done": 2,
        "cached": 1,
        "timed": 1,
        "seconds": pytest.approx(0, abs=60),
    } | {name: 1 for name in book.tally() if name.startswith("le:")}
    assert book.forget([job.id, "nobody"]) == 1
    assert book.forget([job.id]) == 0
    with pytest.raises(KeyError):
        book.get(job.id)
    assert book.newest() == [again]


def test_failure_cancel_and_putting_back(book):
    first, second = (book.add("k", "n", REQUEST, None) for _ in range(2))
    assert book.forget([first.id]) == 0  # it is not over
    job = book.claim(first.id, "w")
    assert book.put_back(job, counts=False)
    assert (book.get(first.id).state, book.get(first.id).attempts) == ("queued", 0)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job = book.claim(first.id, f"w{attempt}")
        assert book.put_back(job) == (attempt < MOST_ATTEMPTS)
        assert not book.put_back(job)  # twice is once
    failed = book.get(first.id)
    assert (failed.state, failed.error["kind"]) == ("failed", "WorkerDied")
    book.claim(second.id, "w")
    assert book.cancel(second.id)
    assert not book.is_mine(second.id, "w")
    assert not book.finish(second.id, "w", {})
    assert book.tally() == {"died": 2, "failed": 1, "cancelled": 1} | {
        name: value for name, value in book.tally().items() if name[:2] in ("le", "se", "ti")
    }
    assert book.count("running") == book.count("queued") == 0


def test_one_of_many_takes_a_job(book):
    ids = [book.add("k", "n", REQUEST, None).id for _ in range(5)]
    taken = []

    def take(name):
        taken.extend((job, name) for job in ids if book.claim(job, name))

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job for job, _ in taken) == sorted(ids)
    assert all(book.is_mine(*pair) for pair in taken)


def test_bounds_of_all_and_of_each(book):
    bounds = Bounds(3, 2, 100)

    def add(client, size=10, known=None):
        return book.add("k", "n", REQUEST, known, client=client, size=size, bounds=bounds)

    mine = [add("ann"), add("ann")]
    with pytest.raises(QueueFull, match="2 conversions of yours") as caught:
        add("ann")
    assert standing(caught.value) == (429, {"Retry-After": "5"})
    other = add("bob")
    with pytest.raises(QueueFull, match="3 conversions wait") as caught:
        add("cid")
    assert caught.value.retry_s == 10
    assert add("ann", known={"6.blob": DIGEST}).state == "done"  # costs nothing
    book.claim(mine[0].id, "w")
    assert book.finish(mine[0].id, "w", {"6.blob": DIGEST})
    assert book.cancel(mine[1].id)
    add("ann", 60)
    with pytest.raises(QueueFull, match="uploads of today"):
        add("ann", 60)
    assert book.cancel(other.id)
    add("bob", 60)


def test_many_at_once_do_not_overrun_the_queue(book):
    full = []

    def add():
        try:
            book.add("k", "n", REQUEST, None, client="c", bounds=Bounds(7, 100, 1 << 30))
        except QueueFull as error:
            full.append(error)

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert book.count("queued") == 7
    assert len(full) == 13


def test_rings_that_were_lost_are_rung_again(settings):
    service = Service(settings)
    first, second = (service.submit(asked(service, name)) for name in ("a", "b"))
    assert {service.bell.listen(), service.bell.listen()} == {first.id, second.id}  # and died
    assert service.bell.waiting() == 0
    assert service.supervisor.ring_again() == 2
    assert service.supervisor.ring_again() == 0
    assert {service.bell.listen(), service.bell.listen()} == {first.id, second.id}


def test_a_ring_that_fails_is_made_up_for(settings, monkeypatch):
    service = Service(settings)

    def down(job_id):
        raise QueueDown("away")

    with monkeypatch.context() as patch:
        patch.setattr(service.bell, "ring", down)
        job = service.submit(asked(service))
    assert job.state == "queued"
    assert service.supervisor.ring_again() == 1
    assert service.bell.listen() == job.id


def test_locks_say_who_lives(tmp_path):
    marks = FileMarks(tmp_path)
    with marks.hold("me"):
        assert marks.dead(["me", "other"]) == {"other"}
    assert marks.dead(["me"]) == {"me"}


def test_pulses_say_who_lives(tmp_path):
    with redis_server(tmp_path / "redis") as url:
        redis = places._redis(url)
        watcher = RedisMarks(redis, lease_s=1.5)
        with RedisMarks(redis).hold("me"):
            assert Served.until(lambda: watcher.dead(["me", "other"]) == {"other"})
            assert watcher.dead(["me"]) == set()
        assert Served.until(lambda: watcher.dead(["me"]) == {"me"})


def test_a_queue_that_is_away_is_no_death(tmp_path):
    with redis_server(tmp_path / "redis") as url:
        redis = places._redis(url)
        watcher = RedisMarks(redis, lease_s=0.0)
        assert watcher.dead(["me"]) == set()  # seen for the first time
    with pytest.raises(QueueDown, match="Redis"):
        watcher.dead(["me"])
    assert watcher._seen == {}  # a whole lease anew


def test_a_redis_that_is_away_is_said(tmp_path):
    book = places.open_book(Settings(tmp_path, queue="redis://u:secret@127.0.0.1:9/0"), 0.0)
    with pytest.raises(QueueDown, match="Redis") as caught:
        book.count("queued")
    status, headers = standing(caught.value)
    assert (status, headers["Retry-After"]) == (503, "5")
    with pytest.raises(QueueDown, match="does not answer") as caught:
        places.published_store("redis://u:secret@127.0.0.1:9/0")
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError, match="no Redis address"):
        places.open_book(Settings(tmp_path, queue="amqp://x"))


def test_a_full_disk_is_said_and_waited_for(tmp_path):
    book = Ledger(tmp_path / "no" / "book.sqlite", patience_s=0.0)
    with pytest.raises(QueueDown, match="book of jobs"):
        book.count("queued")

    threading.Timer(0.3, book.prepare).start()
    assert Ledger(book.path, patience_s=60.0).count("queued") == 0  # it came back


def test_workers_learn_the_store_from_the_queue(tmp_path):
    with redis_server(tmp_path / "redis") as url:
        with pytest.raises(UsageError, match="no server has used the queue"):
            places.published_store(url)
        places.publish_store(Settings(tmp_path / "data", queue=url, store=str(tmp_path / "kept")))
        assert places.published_store(url) == str(tmp_path / "kept")
        (tmp_path / "kept").rename(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match="which is not here") as caught:
            places.published_store(url)
        assert "s3://" in caught.value.remedy


def test_passwords_stay_off_the_command_line(tmp_path):
    settings = Settings(
        tmp_path, queue="redis://u:secret@h/0", store="s3://k:secret@b/f", workers=0
    )
    assert "secret" not in settings.as_text()
    assert Settings.from_text(settings.as_text(secrets=True)) == settings
    assert Settings.from_text(settings.as_text()).data == tmp_path


def filled(service, number: int, size: int) -> Job:
    """A finished job whose upload and result take ``size`` bytes each."""
    content = number.to_bytes(4, "big") * (size // 4)
    upload, _ = service.store.add(io.BytesIO(content))
    result, _ = service.store.add(io.BytesIO(content[::-1] + b"r"))
    request = {"files": [{"name": "x", "sha256": upload, "size": size}]}
    job = service.ledger.add(f"k{number}", "n", request, None)
    service.ledger.claim(job.id, "w")
    service.ledger.finish(job.id, "w", {"6.blob": result})
    return service.ledger.get(job.id)


def test_what_is_old_is_forgotten_and_what_nobody_needs_removed(settings, monkeypatch):
    service = Service(settings)
    jobs = [filled(service, number, 4000) for number in range(3)]
    shared = service.ledger.add("k9", "n", jobs[0].request, None)  # waits, with an old upload
    service.keeper.tidy()
    assert len(list(service.store.listed())) == 6
    monkeypatch.setattr(keeping, "now", lambda: now() + settings.keep_days * 86400 + 1)
    monkeypatch.setattr(keeping, "GRACE_S", -1.0)
    service.keeper.tidy()
    assert service.ledger.newest() == [shared]
    assert [one.digest for one in service.store.listed()] == [*shared.digests]


def test_the_clock_that_is_set_forgets_nothing(tmp_path, monkeypatch):
    service = Service(Settings(tmp_path / "data"))
    job = filled(service, 1, 4000)
    real = time.time
    for jump in (4e8, -4e8):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        service.keeper.tidy()
        assert job in service.ledger.newest()
        assert len(list(service.store.listed())) == 2
        assert abs(service.ledger.add("k", "n", REQUEST, None).created - real()) < 60
    order = [job.created for job in service.ledger.newest()]
    assert order == sorted(order, reverse=True)


def test_a_full_store_lets_go_of_the_oldest_then_refuses(tmp_path, monkeypatch):
    service = Service(Settings(tmp_path / "data", store_mb=1))
    jobs = [filled(service, number, 200_000) for number in range(3)]
    monkeypatch.setattr(keeping, "PRESSED_S", -1.0)
    service.keeper.tidy()
    assert [job.id for job in service.ledger.newest()] == [jobs[2].id, jobs[1].id]
    assert service.keeper.used == sum(one.size for one in service.store.listed())
    service.keeper.require_room(100_000)
    with pytest.raises(OutputError, match="store is full") as caught:
        service.keeper.require_room(200_000)
    assert standing(caught.value)[0] == 507


def test_jobs_are_counted_by_client(tmp_path):
    service = Service(Settings(tmp_path / "data", per_client=1))
    token = current.set("ann")
    try:
        assert service.submit(asked(service, "a")).client == "ann"
        with pytest.raises(QueueFull, match="of yours"):
            service.submit(asked(service, "b"))
        current.set("bob")
        assert service.submit(asked(service, "b")).client == "bob"
    finally:
        current.reset(token)


def test_the_same_content_is_kept_once_and_damage_is_not(tmp_path):
    store = Store(tmp_path)
    first = store.add(io.BytesIO(b"abc"))
    place = store.path(first[0])
    inode = place.stat().st_ino
    assert store.add(io.BytesIO(b"abc")) == first
    assert place.stat().st_ino == inode
    piped = subprocess.run(["printf", "abc"], capture_output=True).stdout
    assert store.add(io.BytesIO(piped)) == first
    with pytest.raises(KeyError):
        store.path("../" + "a" * 61)


def test_what_fails_in_the_middle_is_taken_back(tmp_path):
    """Connections are used again; one that was left in the middle is not."""
    book = Ledger(tmp_path / "book.sqlite")
    book.prepare()
    book.add("k", "first", REQUEST, None)

    def half(connection):
        connection.execute("delete from jobs")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        book._do(half, write=True)
    assert book.count("queued") == 1
    assert book.add("k", "second", REQUEST, None).name == "second"  # nothing is locked

    def many():
        for _ in range(20):
            book.count("queued")

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(book._idle) <= 8


def test_many_jobs_are_read_in_pages_and_the_oldest_forgotten(settings, monkeypatch):
    monkeypatch.setattr("oakwright.server.ledger.PAGE", 3)
    monkeypatch.setattr("oakwright.server.redis_ledger.PAGE", 3)
    service = Service(replace(settings, keep_jobs=4))
    waits = service.ledger.add("waits", "n", REQUEST, None)  # the oldest, and not over
    made = filled(service, 1, 4000)
    hits = [service.ledger.add("k1", f"n{n}", made.request, made.result) for n in range(7)]
    everyone = [*reversed(hits), made, waits]
    assert [job.id for page in service.ledger.pages() for job in page] == [
        job.id for job in everyone
    ]
    assert max(len(page) for page in service.ledger.pages()) == 3
    monkeypatch.setattr(keeping, "GRACE_S", -1.0)
    service.keeper.tidy()
    left = service.ledger.newest()
    assert [job.id for job in left] == [job.id for job in (*reversed(hits[-3:]), waits)]
    assert service.ledger.done_before("k1") == made.result  # of a later one
    assert {one.digest for one in service.store.listed()} == made.digests
