"""Processes that are killed: nothing is lost, nothing is done for ever."""

import contextlib
import http.client
import json
import os
import signal

import pytest

from oakwright.compiler import engine_path
from oakwright.server.job import MOST_ATTEMPTS
from oakwright.server.ledger import Ledger
from oakwright.server.nursery import Child, Nursery
from oakwright.server.request import JobRequest, Upload
from oakwright.server.service import QueueFull, Service
from oakwright.server.settings import Settings
from oakwright.server.worker import Worker

from .conftest import Served, conversion_of, gone, process_of, tiny

pytestmark = pytest.mark.real_time


def test_killed_in_mid_conversion(tmp_path, monkeypatch):
    """A worker, the server, a conversion, in turn; SIGSTOP makes conversions stand still."""
    if engine_path():
        monkeypatch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path / "home"))
    server = Served(tmp_path / "data").start()

    def stuck(name: str, by: float):
        worker = process_of(server.process.pid, "worker")
        child = conversion_of(worker)
        os.kill(child, signal.SIGSTOP)
        job = server.submit((name, tiny(by))).json()
        assert server.until(
            lambda: server.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "running"
        )
        return worker, child, job

    try:
        worker, child, job = stuck("a.onnx", 2.0)
        os.kill(worker, signal.SIGKILL)
        done = server.finished(job)
        assert (done["state"], done["attempts"]) == ("done", 2)
        assert gone(child)  # its own end came with the worker's

        worker, child, job = stuck("b.onnx", 3.0)
        waiting = server.submit(("c.onnx", tiny(4.0))).json()
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        assert server.until(lambda: gone(worker) and gone(child))
        server.start()
        assert server.finished(job)["state"] == "done"
        assert server.finished(waiting)["state"] == "done"

        _, child, job = stuck("d.onnx", 5.0)
        waiting = server.submit(("e.onnx", tiny(6.0))).json()
        os.kill(child, signal.SIGKILL)
        failed = server.finished(job)
        assert (failed["state"], failed["attempts"]) == ("failed", 1)
        assert "SIGKILL" in failed["error"]["message"]
        assert failed["error"]["remedy"]
        assert server.finished(waiting)["state"] == "done"

        _, child, job = stuck("f.onnx", 7.0)
        answer = server.session.delete(f"{server.url}/api/v1/jobs/{job['id']}")
        assert answer.json()["state"] == "cancelled"
        assert server.until(lambda: gone(child))
        assert not list((tmp_path / "data" / "work").iterdir()) or server.until(
            lambda: not list((tmp_path / "data" / "work").iterdir())
        )
    finally:
        server.stop()


@pytest.fixture
def service(tmp_path):
    """A service whose workers are not started."""
    return Service(Settings(tmp_path / "data", job_s=0.3, most_waiting=2))


def asked(service: Service, name: str = "x") -> JobRequest:
    import io

    content = tiny(2.0)
    digest, size = service.store.add(io.BytesIO(content))
    return JobRequest(name, (Upload("x.onnx", digest, size),))


def test_who_waits_is_told_when_the_server_stops(tmp_path, monkeypatch):
    """An open stream of progress ends whole, a waiting request is told; the job is done later."""
    if engine_path():
        monkeypatch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path / "home"))
    server = Served(tmp_path / "data").start()
    try:
        child = conversion_of(process_of(server.process.pid, "worker", 120), 120)
        os.kill(child, signal.SIGSTOP)
        job = server.submit(("a.onnx", tiny(2.0))).json()
        place = f"/api/v1/jobs/{job['id']}"
        assert server.until(lambda: server.get(place).json()["state"] == "running", 120)
        waiting = http.client.HTTPConnection(server.url.partition("//")[2], timeout=120)
        with server.get(f"{place}/events", stream=True) as stream, contextlib.closing(waiting):
            lines = stream.iter_lines()
            assert next(lines) == b"event: job"
            waiting.request("GET", f"{place}?wait=30&steps=99")
            server.get("/healthz")  # what was sent before this has been read
            server.process.terminate()
            assert b"" in [*lines]  # read to its end: a stream that is cut off raises
            answer = waiting.getresponse()
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "being stopped" in json.loads(answer.read())["message"]
        server.process.wait(60)
        server.process.stdout.close()
        server.start()
        done = server.finished(job, 240)
        assert (done["state"], done["attempts"]) == ("done", 1)
    finally:
        server.stop()


@contextlib.contextmanager
def nursery_for(settings):
    """A nursery that this process is the worker of."""
    found = Nursery(settings)
    try:
        yield found
    finally:
        found.close()


def test_a_conversion_that_hangs_is_ended(service, monkeypatch):
    monkeypatch.setattr(Child, "give", lambda self, job: None)  # it waits for ever
    worker = Worker(service.settings)
    job = service.submit(asked(service))
    claimed = service.ledger.claim(job.id, worker.name)
    with nursery_for(service.settings) as nursery:
        child = nursery.child()
        process = process_of(nursery.process.pid, "nursery", 120)
        worker.do(claimed, child)
        failed = service.ledger.get(job.id)
        assert failed.state == "failed"
        assert failed.error["kind"] == "TimeOut"
        assert "0.3 s" in failed.error["message"]
        assert gone(process)


def test_a_nursery_that_dies_is_made_anew(tmp_path):
    """Before a job: nobody sees it. While a child works: its job fails, the next is done."""
    service = Service(Settings(tmp_path / "data", job_s=120))
    worker = Worker(service.settings)
    with nursery_for(service.settings) as nursery:
        child = nursery.child()
        waiting = process_of(nursery.process.pid, "nursery", 120)
        nursery.process.kill()
        assert Served.until(lambda: gone(waiting), 120)
        assert not child.is_alive()
        assert child.kill() == -signal.SIGKILL
        assert child.log_text() == ""

        child = nursery.child()
        assert child.is_alive()
        os.kill(process_of(nursery.process.pid, "nursery", 120), signal.SIGSTOP)
        nursery.process.kill()
        job = service.submit(asked(service, "a"))
        worker.do(service.ledger.claim(job.id, worker.name), child)
        failed = service.ledger.get(job.id)
        assert (failed.state, failed.error["kind"]) == ("failed", "Crashed")
        assert "SIGKILL" in failed.error["message"]

        job = service.submit(asked(service, "b"))
        worker.do(service.ledger.claim(job.id, worker.name), nursery.child())
        assert service.ledger.get(job.id).state == "done", service.ledger.get(job.id).error


def test_conversions_one_after_the_other_share_nothing(tmp_path):
    """Each is a process of its own, which ends."""
    service = Service(Settings(tmp_path / "data", job_s=120))
    worker = Worker(service.settings)
    with nursery_for(service.settings) as nursery:
        seen = set()
        for name in ("a", "b"):
            child = nursery.child()
            seen.add(process_of(nursery.process.pid, "nursery", 120))
            job = service.submit(asked(service, name))
            worker.do(service.ledger.claim(job.id, worker.name), child)
            assert service.ledger.get(job.id).state == "done"
        assert len(seen) == 2


def test_a_conversion_that_eats_memory_fails_and_says_so(tmp_path):
    """Less memory than loading OpenVINO takes: where it ends is chance, that it ends is not."""
    service = Service(Settings(tmp_path / "data", memory_mb=60))
    worker = Worker(service.settings)
    job = service.submit(asked(service))
    with nursery_for(service.settings) as nursery:
        worker.do(service.ledger.claim(job.id, worker.name), nursery.child())
    failed = service.ledger.get(job.id)
    assert failed.state == "failed"
    assert "memory" in failed.error["message"] + failed.error["remedy"], failed.error


def test_more_jobs_than_the_queue_takes_are_refused(service):
    for name in ("a", "b"):
        service.submit(asked(service, name))
    with pytest.raises(QueueFull, match="2 conversions wait"):
        service.submit(asked(service, "c"))


def test_a_job_belongs_to_one_worker(service):
    job = service.submit(asked(service))
    assert service.bell.listen() == job.id
    assert service.bell.listen() is None
    book = Ledger(service.ledger.path)
    assert book.claim(job.id, "one") is not None
    assert book.claim(job.id, "two") is None
    assert not book.finish(job.id, "two", {})
    assert book.cancel(job.id)
    assert not book.finish(job.id, "one", {"6.blob": "0" * 64})
    assert book.get(job.id).state == "cancelled"


def test_workers_that_die_over_a_job_again_and_again(service):
    job = service.submit(asked(service))
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert service.ledger.claim(job.id, f"worker{attempt}") is not None
        assert service.supervisor.marks.dead([f"worker{attempt}"]) == {f"worker{attempt}"}
        assert service.supervisor.requeue_orphans() == (attempt < MOST_ATTEMPTS)
    failed = service.ledger.get(job.id)
    assert failed.state == "failed"
    assert "died 3 times" in failed.error["message"]
