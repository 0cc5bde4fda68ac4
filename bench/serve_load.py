"""A server under load: many clients, conversions mixed with answers from the cache.

    python bench/serve_load.py [--clients 200] [--conversions 1000] [--write-docs]

A real `oakwright serve` with two workers on two cores. Every client has an address of its own on
loopback and asks `/compile` as blobconverter's client does: a model nobody has asked for, then one
that is known, in turn. The clients run in this process, on the same two cores as all else.

Checked: every request is answered with a blob; what is asked for twice is the same both times
(SHA-256); no two models have the same blob; and each blob, run on the CPU, computes what its own
model does. Processor time is given besides, as other work on a machine does not change it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import oakwright
from tests.conftest import half_onnx

PAGE = ROOT / "docs" / "reference" / "serve-load.md"
PIXEL = 128
KNOWN = 8  # models that are converted before the load, and then asked for as known ones
IDLE_HITS = 300
LONGEST_S = 1800  # of one request; all 1,000 conversions take minutes on two idle cores
SHOWN_S = 10.0  # between lines of progress
MOST_FAILURES = 20  # then the rest is not asked for
GROWTH_MB = 64  # what the server's own memory may grow by from the first third to the last
GOALS = {"idle": 20.0, "load": 500.0}  # ms, p99 of a hit


def model(number: int) -> bytes:
    """ONNX that multiplies by (number + 1) / 1024, which FP16 holds exactly."""
    return half_onnx(1024.0 / (number + 1))


def expected(number: int) -> float:
    """What the blob of that model gives for a picture of one value."""
    return PIXEL * (number + 1) / 1024


@dataclass
class Found:
    """What the clients saw."""

    hashes: dict[int, set[str]] = field(default_factory=dict)
    blobs: dict[int, bytes] = field(default_factory=dict)
    hits: list[float] = field(default_factory=list)
    conversions: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: int, blob: bytes, seconds: float, *, is_hit: bool) -> None:
        with self.lock:
            self.hashes.setdefault(number, set()).add(hashlib.sha256(blob).hexdigest())
            self.blobs.setdefault(number, blob)
            (self.hits if is_hit else self.conversions).append(seconds)


def body_of(number: int) -> tuple[bytes, str]:
    """A request as blobconverter's client makes it."""
    boundary, name = uuid.uuid4().hex, f"m{number}"
    config = {
        "files": [{"name": f"FP16/{name}.onnx", "source": {"url": f"$REQUEST/{name}.onnx"}}],
        "framework": "onnx",
        "model_optimizer_args": [f"--input_model=$dl_dir/FP16/{name}.onnx"],
    }
    parts = []
    for key, value in (
        ("myriad_shaves", "4"),
        ("myriad_params_advanced", "-ip U8"),
        ("name", name),
    ):
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}'.encode()
        )
    for key, file, content in (
        ("config", "config.yml", yaml.dump(config, default_flow_style=False).encode()),
        ("model", f"{name}.onnx", model(number)),
    ):
        head = f'Content-Disposition: form-data; name="{key}"; filename="{file}"'
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content)
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()]), boundary


def ask(port: int, client: int, number: int, found: Found) -> tuple[bytes, float]:
    """The blob, and the seconds of the request that was answered; a busy server is asked again."""
    body, boundary = body_of(number)
    while True:
        # 127.0.0.0/8 is all loopback: each client counts as one of its own.
        source = (f"127.0.{1 + client // 250}.{1 + client % 250}", 0)
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=LONGEST_S, source_address=source
        )
        began = time.perf_counter()
        with contextlib.closing(connection):
            connection.request(
                "POST",
                "/compile?version=2022.1&no_cache=False",
                body,
                {"Content-Type": f"multipart/form-data; boundary={boundary}"},
            )
            answer = connection.getresponse()
            content = answer.read()
        took = time.perf_counter() - began
        if answer.status in (429, 503):
            with found.lock:
                found.busy += 1
            time.sleep(float(answer.headers["Retry-After"]))
            continue
        if answer.status != 200:
            raise RuntimeError(f"model {number}: {answer.status} {content[:300]!r}")
        return content, took


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    return float(np.percentile(values, share)) * 1000 if values else float("nan")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    below: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            below.setdefault(parent, []).append(int(place.name))
    found, ahead = [], [pid]
    while ahead:
        one = ahead.pop()
        found.append(one)
        ahead += below.get(one, [])
    return found


def held_mb(pid: int) -> float:
    """Resident memory of one process."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(x for x in lines if x.startswith("VmRSS")).split()[1]) / 1024
    return 0.0


def processor_s(pid: int) -> float:
    """Processor time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(
    pid: int, over: threading.Event, peaks: dict[str, list[float]], found: Found, wanted: int
) -> None:
    """The server's own memory and that of all its processes, once a second; lines of progress."""
    began = shown = time.perf_counter()
    while not over.wait(1.0):
        peaks["server"].append(held_mb(pid))
        peaks["all"].append(sum(held_mb(one) for one in family(pid)))
        now = time.perf_counter()
        if now - shown >= SHOWN_S:
            shown = now
            tell(
                f"{now - began:.0f} s: {len(found.conversions)} of {wanted} conversions,"
                f" {len(found.hits)} hits, {len(found.failures)} failures, server"
                f" {peaks['server'][-1]:.0f} MB, all {peaks['all'][-1]:.0f} MB"
            )


def tell(text: str) -> None:
    """A line of progress, beside the result."""
    print(text, file=sys.stderr, flush=True)


def client_of(number: int, port: int, tasks: Queue[int], found: Found, start: float) -> None:
    """A client: a new model, a known one, and so on until there are no new ones."""
    time.sleep(max(0.0, start - time.perf_counter()))
    while len(found.failures) < MOST_FAILURES:
        try:
            new = tasks.get_nowait()
        except Empty:
            return
        try:
            found.note(new, *ask(port, number, new, found), is_hit=False)
            known = new if new % 2 else new % KNOWN
            found.note(known, *ask(port, number, known, found), is_hit=True)
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            with found.lock:
                found.failures.append(f"{type(error).__name__}: {error}"[:300])


def check(found: Found, wanted: int) -> list[str]:
    """What is wrong with the results: lost, mixed up, or not what their models compute."""
    wrong = list(found.failures)
    missing = set(range(wanted)) - set(found.blobs)
    wrong += [f"model {number} was lost" for number in sorted(missing)]
    wrong += [
        f"model {number} had {len(hashes)} different blobs"
        for number, hashes in found.hashes.items()
        if len(hashes) > 1
    ]
    owners = Counter(digest for hashes in found.hashes.values() for digest in hashes)
    wrong += [
        f"{count} models have the blob {digest}" for digest, count in owners.items() if count > 1
    ]
    image = np.full((1, 3, 8, 8), PIXEL, np.uint8)
    tell(f"running {len(found.blobs)} blobs")
    for number, content in found.blobs.items():
        blob = oakwright.Blob.from_bytes(content)
        value = next(iter(oakwright.run(blob, {blob.inputs[0].name: image}).values()))
        if np.abs(value - expected(number)).max() > PIXEL / 1024 / 4:  # a quarter of a step
            wrong.append(f"model {number} computes {value.flat[0]}, not {expected(number)}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--conversions", type=int, default=1000)
    parser.add_argument("--write-docs", action="store_true")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)  # the server and its workers inherit it
    found, peaks = Found(), {"server": [0.0], "all": [0.0]}
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "oakwright", "serve", "--port", "0", "--data", f"{folder}/data"]
        words += ["--workers", "2", "--most-waiting", str(asked.clients), "--log", "off"]
        from oakwright.compiler import engine_path

        environment = {**os.environ, "OAKWRIGHT_HOME": f"{folder}/home"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # loading is not what is measured
        if engine_path():
            environment["OAKWRIGHT_ENGINE"] = str(engine_path())
        server = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )
        over = threading.Event()
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if "http://" not in line:
                sys.exit("the server did not start")
            port = int(line.split()[3].rpartition(":")[2])
            tell(line.strip())
            for number in range(KNOWN):
                found.note(number, *ask(port, 0, number, found), is_hit=False)
            found.conversions.clear()
            time.sleep(3)  # the workers make ready for the next job
            spent = processor_s(server.pid)
            for _ in range(IDLE_HITS):
                found.note(0, *ask(port, 0, 0, found), is_hit=True)
            idle, found.hits = found.hits, []
            per_hit = (processor_s(server.pid) - spent) / IDLE_HITS
            tell(f"idle: a hit takes {percentile(idle, 50):.1f} ms, p99 {percentile(idle, 99):.1f}")
            watching = (server.pid, over, peaks, found, asked.conversions)
            watcher = threading.Thread(target=watch, args=watching)
            watcher.start()
            tasks: Queue[int] = Queue()
            for number in range(KNOWN, KNOWN + asked.conversions):
                tasks.put(number)
            began = time.perf_counter()
            clients = [
                threading.Thread(
                    target=client_of, args=(n, port, tasks, found, began + 5 * n / asked.clients)
                )
                for n in range(asked.clients)
            ]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            seconds = time.perf_counter() - began
            over.set()
            watcher.join()
        finally:
            over.set()
            server.terminate()
            server.wait(60)
    # Of the server and all its processes, which it waited for.
    spent_by = resource.getrusage(resource.RUSAGE_CHILDREN)
    all_s = spent_by.ru_utime + spent_by.ru_stime
    per_conversion = (all_s - per_hit * (len(found.hits) + IDLE_HITS)) / (
        len(found.conversions) + KNOWN
    )
    wrong = check(found, KNOWN + asked.conversions)
    third = max(len(peaks["server"]) // 3, 1)
    early, late = max(peaks["server"][:third]), max(peaks["server"][-third:])
    if asked.conversions >= 200 and late > early + GROWTH_MB:
        wrong.append(f"the server's memory grew from {early:.0f} to {late:.0f} MB")
    rows = [
        ("conversions", f"{len(found.conversions):,}", f"{asked.conversions:,}"),
        ("answers from the cache besides", f"{len(found.hits):,}", ""),
        ("lost, mixed up or wrong", str(len(wrong)), "0"),
        ("conversions a minute", f"{len(found.conversions) / seconds * 60:.0f}", ""),
        ("cache hit, idle, p50", f"{percentile(idle, 50):.1f} ms", ""),
        ("cache hit, idle, p99", f"{percentile(idle, 99):.1f} ms", f"{GOALS['idle']:.0f} ms"),
        ("cache hit under load, p50", f"{percentile(found.hits, 50):.0f} ms", ""),
        (
            "cache hit under load, p99",
            f"{percentile(found.hits, 99):.0f} ms",
            f"{GOALS['load']:.0f} ms",
        ),
        (
            "conversion, waiting included, p50",
            f"{percentile(found.conversions, 50) / 1000:.1f} s",
            "",
        ),
        (
            "conversion, waiting included, p99",
            f"{percentile(found.conversions, 99) / 1000:.1f} s",
            "",
        ),
        ("processor time of a cache hit", f"{per_hit * 1000:.1f} ms", ""),
        ("processor time of a conversion, all processes", f"{per_conversion:.2f} s", ""),
        ("told to come again (429)", str(found.busy), ""),
        ("server process, first third, at most", f"{early:.0f} MB", ""),
        ("server process, last third, at most", f"{late:.0f} MB", ""),
        ("all its processes, at most", f"{max(peaks['all']):.0f} MB", ""),
    ]
    about = (
        f"{asked.clients} clients, {asked.conversions:,} models that nobody had asked for and as"
        f" many known ones, on {len(cores)} cores with two workers, the clients on the same cores."
        f" Load average of the machine before it began, by other work: {load:.1f}. It took"
        f" {seconds / 60:.1f} minutes."
        " Every blob was run on the CPU and compared with its own model."
    )
    table = ["| what | measured | goal |", "|---|---|---|"]
    table += [f"| {what} | {value} | {goal} |" for what, value, goal in rows]
    head = ["# A server under load", "", "<!-- written by bench/serve_load.py --write-docs -->", ""]
    text = "\n".join([*head, about, "", *table, ""])
    print(text, *wrong[:20], sep="\n")
    if asked.write_docs:
        PAGE.write_text(text)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
