"""A server whose parts are killed, starved and cut off, with real processes: nothing is lost."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oakwright.compiler import engine_path
from tests.unit.server.conftest import (
    ROOT,
    Served,
    children_of,
    conversion_of,
    gone,
    process_of,
    redis_server,
    tiny,
)

pytestmark = pytest.mark.system

PATIENT = 240  # seconds: the machine may be busy with anything


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    if engine_path():
        monkeypatch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "*")


def loaded(parent: int) -> int:
    """The conversion process that waits, all it needs loaded."""
    return conversion_of(process_of(parent, "worker", PATIENT), PATIENT)


def state_of(server: Served, job: dict) -> str:
    return server.get(f"/api/v1/jobs/{job['id']}").json()["state"]


def started(server: Served, name: str, by: float) -> dict:
    job = server.submit((name, tiny(by))).json()
    assert server.until(lambda: state_of(server, job) == "running", PATIENT)
    return job


@contextlib.contextmanager
def served(*args, **more):
    server = Served(*args, **more)
    try:
        yield server.start()
    finally:
        server.stop()


@contextlib.contextmanager
def work_for(data: Path, queue: str, *more: str, prefix: tuple[str, ...] = ()):
    """``oakwright worker`` as a process."""
    words = ["-m", "oakwright", "worker", "--queue", queue, "--data", str(data), *more]
    process = subprocess.Popen(
        [*prefix, sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert "works for the queue" in process.stdout.readline()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
        process.wait()
        process.stdout.close()


def test_redis_is_killed_and_comes_back(tmp_path):
    """While a job runs and another waits: both are done once it is back; meanwhile 503."""
    with contextlib.ExitStack() as first:
        url = first.enter_context(redis_server(tmp_path / "redis"))
        port = int(url.rpartition(":")[2].partition("/")[0])
        with served(tmp_path / "data", ("--queue", url)) as server:
            child = loaded(server.process.pid)
            os.kill(child, signal.SIGSTOP)
            running = started(server, "a.onnx", 2.0)
            waiting = server.submit(("b.onnx", tiny(3.0))).json()
            first.close()  # SIGKILL
            answer = server.submit(("c.onnx", tiny(4.0)))
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["kind"] == "QueueDown"
            assert server.get("/readyz").status_code == 503
            assert server.get("/healthz").status_code == 200
            assert b"oakwright_queue_up 0" in server.get("/metrics").content
            os.kill(child, signal.SIGCONT)  # it finishes while nobody can be told
            assert server.until(lambda: gone(child), PATIENT)
            with redis_server(tmp_path / "redis", port=port):
                assert server.until(lambda: server.get("/readyz").status_code == 200, PATIENT)
                done = server.finished(running, PATIENT)
                assert (done["state"], done["attempts"]) == ("done", 1)
                assert server.finished(waiting, PATIENT)["state"] == "done"
                later = server.submit(("c.onnx", tiny(4.0))).json()
                assert server.finished(later, PATIENT)["state"] == "done"


def test_the_server_is_killed_and_workers_elsewhere_go_on(tmp_path):
    with redis_server(tmp_path / "redis") as url:
        server = Served(tmp_path / "data", ("--queue", url, "--workers", "0")).start()
        try:
            with work_for(tmp_path / "there", url) as worker:
                child = loaded(worker.pid)
                os.kill(child, signal.SIGSTOP)
                job = started(server, "a.onnx", 2.0)
                server.process.kill()
                server.process.wait()
                server.process.stdout.close()
                os.kill(child, signal.SIGCONT)
                server.start()
                done = server.finished(job, PATIENT)
                assert (done["state"], done["attempts"]) == ("done", 1)
        finally:
            server.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 110 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=110m", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and the mount command")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_the_disk_is_full_and_is_emptied(small_disk):
    with served(small_disk / "data") as server:
        first = server.finished(server.submit(("a.onnx", tiny(2.0))).json(), PATIENT)
        assert first["state"] == "done"
        filler = small_disk / "filler"
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * (1 << 16))
                file.flush()
        answer = server.submit(("b.onnx", tiny(3.0) + b"\0" * 0))
        assert answer.status_code in (503, 507), answer.text
        assert answer.json()["remedy"]
        ready = server.get("/readyz")
        assert ready.status_code == 503
        assert "the disk is full" in ready.json()["problems"]
        assert server.get(f"/api/v1/jobs/{first['id']}/result").status_code == 200
        filler.unlink()
        assert server.until(lambda: server.get("/readyz").status_code == 200, PATIENT)
        again = server.finished(server.submit(("b.onnx", tiny(3.0))).json(), PATIENT)
        assert again["state"] == "done", again
        assert not list((small_disk / "data" / "store").glob(".new-*"))


def test_a_conversion_crashes_hangs_and_eats_memory(tmp_path):
    """Each fails its own job, once, with its reason; the next is done."""
    limits = ("--job-seconds", "20", "--memory-mb", "700")
    with served(tmp_path / "data", limits) as server:
        child = loaded(server.process.pid)
        os.kill(child, signal.SIGSTOP)
        job = started(server, "crash.onnx", 2.0)
        os.kill(child, signal.SIGSEGV)
        os.kill(child, signal.SIGCONT)
        failed = server.finished(job, PATIENT)
        assert (failed["state"], failed["attempts"]) == ("failed", 1)
        assert "SIGSEGV" in failed["error"]["message"]

        child = loaded(server.process.pid)
        os.kill(child, signal.SIGSTOP)
        job = started(server, "hang.onnx", 3.0)
        failed = server.finished(job, PATIENT)
        assert (failed["state"], failed["error"]["kind"]) == ("failed", "TimeOut")
        assert server.until(lambda: gone(child), PATIENT)

        job = server.submit(("hungry.onnx", hungry()), options='{"verify": "off"}').json()
        failed = server.finished(job, PATIENT)
        assert (failed["state"], failed["attempts"]) == ("failed", 1)
        said = failed["error"]["message"] + failed["error"]["remedy"]
        assert "memory" in said, failed["error"]
        assert server.finished(server.submit(("d.onnx", tiny(5.0))).json(), PATIENT)["state"] in (
            "done",
            "failed",
        )
        assert server.get("/readyz").json()["ready"]


def hungry() -> bytes:
    """ONNX with 1.2 GB of weights that a short file describes."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["many"], ["ones"], name="ones"),
            helper.make_node("MatMul", ["image", "ones"], ["out"], name="dense"),
        ],
        "hungry",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 16000])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 19000])],
        [helper.make_tensor("many", TensorProto.INT64, [2], [16000, 19000])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


# The time of day as a file says, seconds added; clocks that only run are left alone.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long added(void) {
    char text[32] = {0};
    int file = open(getenv("CLOCK_FILE"), O_RDONLY);
    if (file < 0) return 0;
    if (read(file, text, 31) < 1) text[0] = '0';
    close(file);
    return atol(text);
}
int clock_gettime(clockid_t which, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(which, found);
    if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE) found->tv_sec += added();
    return status;
}
int gettimeofday(struct timeval *found, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.fixture
def clock(tmp_path):
    """(file that says what is added to the time of day, environment of processes that obey)."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a C compiler is needed to set a clock for some processes only")
    library, source, file = (tmp_path / name for name in ("clock.so", "clock.c", "clock"))
    source.write_text(CLOCK)
    words = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(words, check=True)
    file.write_text("0")
    return file, {"LD_PRELOAD": str(library), "CLOCK_FILE": str(file)}


def test_the_clock_jumps_while_all_runs(tmp_path, clock):
    """Years ahead and back: no job is lost, forgotten, timed out or taken from its worker."""
    file, environment = clock
    words = [sys.executable, "-c", "import time; print(time.time())"]
    file.write_text(str(4000 * 86400))
    said = subprocess.check_output(words, env={**os.environ, **environment})
    assert float(said) > time.time() + 3999 * 86400  # it does what it is for
    file.write_text("0")
    limits = ("--job-seconds", "300")
    with served(tmp_path / "data", limits, environment=environment) as server:
        before = server.finished(server.submit(("a.onnx", tiny(2.0))).json(), PATIENT)
        assert before["state"] == "done"
        for number, days in enumerate((4000, -4000, 0)):
            child = loaded(server.process.pid)
            os.kill(child, signal.SIGSTOP)
            job = started(server, f"j{number}.onnx", 3.0 + number)
            file.write_text(str(days * 86400))
            assert server.until(lambda: server.get("/readyz").status_code == 200, PATIENT)
            os.kill(child, signal.SIGCONT)
            done = server.finished(job, PATIENT)
            assert (done["state"], done["attempts"]) == ("done", 1), done
            assert 0 <= done["finished"] - done["started"] < PATIENT
            kept = server.get(f"/api/v1/jobs/{before['id']}/result")
            assert kept.status_code == 200
        listed = [job["name"] for job in server.get("/api/v1/jobs").json()]
        assert listed == ["j2", "j1", "j0", "a"]


BRIDGE, NET = "oakwright0", "10.213.77"


def ip(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["ip", *words], capture_output=True, text=True)


@pytest.fixture
def two_hosts():
    """Network namespaces ``ow-a`` and ``ow-b`` behind a bridge; this machine is the third host."""
    if os.geteuid() != 0 or ip("netns", "add", "ow-a").returncode:
        pytest.skip("network namespaces need root and iproute2")
    try:
        made = [
            ip("link", "add", BRIDGE, "type", "bridge"),
            ip("addr", "add", f"{NET}.1/24", "dev", BRIDGE),
            ip("link", "set", BRIDGE, "up"),
            ip("netns", "add", "ow-b"),
        ]
        for number, name in ((2, "ow-a"), (3, "ow-b")):
            end = f"{name}-end"
            made += [
                ip("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name),
                ip("link", "set", end, "master", BRIDGE, "up"),
                ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0"),
                ip("-n", name, "link", "set", "eth0", "up"),
                ip("-n", name, "link", "set", "lo", "up"),
            ]
        if any(done.returncode for done in made):
            pytest.skip(f"no bridge can be made: {[done.stderr for done in made if done.stderr]}")
        yield f"{NET}.1"
    finally:
        for name in ("ow-a", "ow-b"):
            ip("netns", "delete", name)
        ip("link", "delete", BRIDGE)


def inside(name: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", name)


def test_two_hosts_with_redis_between(two_hosts, tmp_path):
    """Server and worker on A, worker on B: B is cut off, then killed, in mid conversion."""
    with (
        redis_server(tmp_path / "redis", host=two_hosts) as url,
        served(
            tmp_path / "a",
            ("--queue", url, "--workers", "0", "--store", str(tmp_path / "store")),
            prefix=inside("ow-a"),
            host=f"{NET}.2",
        ) as server,
        work_for(tmp_path / "b", url, prefix=inside("ow-b")) as there,
    ):
        job = server.submit(("a.onnx", tiny(2.0))).json()
        assert server.finished(job, PATIENT)["state"] == "done"  # only B has workers

        child = loaded(there.pid)
        os.kill(child, signal.SIGSTOP)
        cut = started(server, "cut.onnx", 3.0)
        assert ip("link", "set", "ow-b-end", "down").returncode == 0
        with work_for(tmp_path / "a2", url, prefix=inside("ow-a")) as here:
            done = server.finished(cut, PATIENT)
            assert (done["state"], done["attempts"]) == ("done", 2)
            blob = server.get(f"/api/v1/jobs/{cut['id']}/result").content
            # B comes back and finishes what is not its own any more: nothing changes.
            os.kill(child, signal.SIGCONT)
            assert ip("link", "set", "ow-b-end", "up").returncode == 0
            assert server.until(lambda: gone(child), PATIENT)
            child = loaded(there.pid)
            again = server.get(f"/api/v1/jobs/{cut['id']}").json()
            assert (again["state"], again["attempts"]) == ("done", 2)
            assert server.get(f"/api/v1/jobs/{cut['id']}/result").content == blob

            many = [server.submit((f"m{n}.onnx", tiny(4.0 + n))).json() for n in range(4)]
            there.kill()  # the host is gone, its workers with it
            for job in many:
                done = server.finished(job, PATIENT)
                assert done["state"] == "done", done
            assert here.poll() is None
        assert server.get("/readyz").json()["ready"]


def test_a_worker_that_cannot_see_the_store_says_so(two_hosts, tmp_path):
    with redis_server(tmp_path / "redis", host=two_hosts) as url:
        with socket.socket() as free:
            free.bind((two_hosts, 0))
        arguments = ("--queue", url, "--workers", "0", "--store", str(tmp_path / "store"))
        with served(tmp_path / "a", arguments, prefix=inside("ow-a"), host=f"{NET}.2"):
            (tmp_path / "store").rename(tmp_path / "not-mounted")
            words = ["-m", "oakwright", "worker", "--queue", url, "--data", str(tmp_path / "b")]
            done = subprocess.run(
                [*inside("ow-b"), sys.executable, *words],
                capture_output=True,
                text=True,
                cwd=ROOT,
                timeout=PATIENT,
            )
            (tmp_path / "not-mounted").rename(tmp_path / "store")
            assert done.returncode != 0
            assert "which is not here" in done.stderr
            assert "Traceback" not in done.stderr


def test_many_killed_workers_lose_no_job(tmp_path):
    """A worker a second is killed while jobs come in: each is done, or failed by its own doing."""
    with served(tmp_path / "data", ("--workers", "2")) as server:
        jobs = [server.submit((f"n{n}.onnx", tiny(2.0 + n))).json() for n in range(6)]
        deadline = time.monotonic() + PATIENT
        for _ in range(3):
            workers = [
                pid
                for pid, line in children_of(server.process.pid)
                if "oakwright.server.worker" in line
            ]
            if workers and time.monotonic() < deadline:
                os.kill(workers[0], signal.SIGKILL)
                assert server.until(lambda pid=workers[0]: gone(pid), PATIENT)
                alive = {*workers} - {workers[0]}
                assert server.until(
                    lambda alive=alive: any(
                        "server.worker" in line and pid not in alive
                        for pid, line in children_of(server.process.pid)
                    ),
                    PATIENT,
                )
        ends = [server.finished(job, PATIENT) for job in jobs]
        assert {end["state"] for end in ends} == {"done"}, json.dumps(ends)
