"""A real server process on loopback, and its clients."""

import contextlib
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import requests

ROOT = Path(__file__).parents[3]


@dataclass
class Served:
    """``oakwright serve`` as a process; requests as ``server.get("/healthz")``."""

    data: Path
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen | None = None
    url: str = ""
    errors: object = None
    prefix: tuple[str, ...] = ()
    environment: dict = field(default_factory=dict)
    host: str = "127.0.0.1"
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self):
        self.session.trust_env = False  # no proxy between us and loopback

    def start(self):
        command = [*self.prefix, sys.executable, "-m", "oakwright", "serve", "--port", "0"]
        command += ["--host", self.host, "--data", str(self.data), *self.arguments]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, **self.environment},
        )
        line = self.process.stdout.readline()
        assert "http://" in line, line
        self.url = line.split()[3]
        assert self.until(lambda: self.get("/readyz").status_code == 200)
        return self

    def get(self, path, **more):
        return self.session.get(self.url + path, timeout=60, **more)

    def post(self, path, **more):
        return self.session.post(self.url + path, timeout=90, **more)

    def submit(self, *files, **data):
        """Files as (name, bytes)."""
        return self.post("/api/v1/jobs", files=[("files", f) for f in files], data=data)

    def finished(self, job, seconds=60):
        deadline = time.monotonic() + seconds
        while job["state"] in ("queued", "running") and time.monotonic() < deadline:
            job = self.get(f"/api/v1/jobs/{job['id']}", params={"wait": 5, "steps": 99}).json()
        return job

    @staticmethod
    def until(what, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                if what():
                    return True
            time.sleep(0.05)
        return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
            self.process.stdout.close()
        self.session.close()


@contextlib.contextmanager
def redis_server(folder: Path, *more: str, port: int = 0, host: str = "127.0.0.1"):
    """A Redis of our own as a process, its address; skips where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    pytest.importorskip("redis", reason="oakwright[redis] is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    if not port:
        with socket.socket() as free:
            free.bind((host, 0))
            port = free.getsockname()[1]
    words = [
        "--port",
        str(port),
        "--bind",
        host,
        "--protected-mode",
        "no",
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--save",
        "",
    ]
    process = subprocess.Popen([program, *words, *more], stdout=subprocess.DEVNULL)
    try:
        import redis

        client = redis.Redis(host, port)

        def answers():
            with contextlib.suppress(redis.RedisError):
                return client.ping()

        assert Served.until(answers)
        client.close()
        yield f"redis://{host}:{port}/0"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """A zoo of one model, whose file is here, and a damaged description."""
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "halver").mkdir()
    (folder / "halver" / "halver.onnx").write_bytes(tiny(4.0))
    (folder / "halver" / "model.yml").write_text(
        "description: halves\ntask_type: other\nframework: onnx\n"
        "files:\n  - name: halver.onnx\n    source: http://127.0.0.1:9/halver.onnx\n"
        f"    sha256: {hashlib.sha256(tiny(4.0)).hexdigest()}\n"
        "model_optimizer_args:\n  - --input_model=$dl_dir/halver.onnx\n"
    )
    (folder / "broken").mkdir()
    (folder / "broken" / "model.yml").write_text("files: 3")
    return folder


@pytest.fixture(scope="session")
def depot():
    """Files over HTTP on loopback, path -> bytes; a str is the address of a redirection.

    What can be called is called first, and may take its time: it gives the file, or None.
    """
    files, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            found = files.get(self.path)
            found = found() if callable(found) else found
            moved = isinstance(found, str)
            self.send_response(404 if found is None else 302 if moved else 200)
            if moved:
                self.send_header("Location", found)
            content = b"" if moved or found is None else found
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield files, f"http://127.0.0.1:{made.server_port}", asked
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="session")
def server(tmp_path_factory, shelf, depot):
    """One server for all tests that leave it as it was."""
    from oakwright.compiler import engine_path

    with pytest.MonkeyPatch.context() as patch:
        if engine_path():
            patch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
        patch.setenv("OAKWRIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        data = tmp_path_factory.mktemp("served")
        allowed = ("--fetch-from", f"{depot[1]}/open/")
        served = Served(data, ("--zoo", str(shelf), "--upload-mb", "4", *allowed)).start()
        yield served
        served.stop()


def tiny(by: float) -> bytes:
    """ONNX: ``half`` = ``image`` / ``by``, [1,3,8,8]."""
    from tests.conftest import half_onnx

    return half_onnx(by)


def bad() -> bytes:
    """ONNX that the chip refuses: the places of what is not zero, of a length nobody knows."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("NonZero", ["image"], ["places"], name="finder")],
        "bad",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("places", TensorProto.INT64, [4, None])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def run_blob(blob: bytes, pixels: int) -> np.ndarray:
    """The blob's output for a picture of one value."""
    import oakwright

    found = oakwright.Blob.from_bytes(blob)
    name = found.inputs[0].name
    image = np.full((1, 3, 8, 8), pixels, np.uint8)
    return next(iter(oakwright.run(found, {name: image}).values()))


def children_of(pid: int) -> list[tuple[int, str]]:
    """(process number, command line) of a process' children."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if int((place / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found.append((int(place.name), line))
    return found


def process_of(parent: int, module: str = "", seconds: float = 30) -> int:
    """The child process of that module of the server's, once it is there."""
    found = []

    def look() -> bool:
        wanted = f"oakwright.server.{module}"
        found[:] = [pid for pid, line in children_of(parent) if wanted in line]
        return bool(found)

    assert Served.until(look, seconds)
    return found[0]


def conversion_of(worker: int, seconds: float = 30) -> int:
    """The conversion process of a worker that waits, all it needs loaded."""
    return process_of(process_of(worker, "nursery", seconds), "nursery", seconds)


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


__all__ = [
    "Served",
    "bad",
    "children_of",
    "conversion_of",
    "gone",
    "os",
    "process_of",
    "redis_server",
    "run_blob",
    "tiny",
]
