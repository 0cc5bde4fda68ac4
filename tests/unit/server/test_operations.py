"""Keys, metrics, logs, what a conversion's process may do, and the example units."""

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from requests.structures import CaseInsensitiveDict

from oakwright import blobconverter
from oakwright.cli.main import run
from oakwright.errors import UsageError
from oakwright.server.isolate import probe
from oakwright.server.keys import Keys, has_key, make_key, read_keys

from .conftest import Served, tiny

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for keys and logs in JSON: (server, key of ann, its log)."""
    from oakwright.compiler import engine_path

    folder = tmp_path_factory.mktemp("guarded")
    key = make_key(folder / "keys", "ann")
    with pytest.MonkeyPatch.context() as patch:
        if engine_path():
            patch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
        patch.setenv("OAKWRIGHT_HOME", str(folder / "home"))
        more = ("--keys", str(folder / "keys"), "--log", "json", "--per-client", "1")
        with (folder / "log").open("w") as log:
            server = Served(folder / "data", more, errors=log).start()
            yield server, key, folder
            server.stop()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_keys_are_asked_for_and_taken_in_three_ways(guarded):
    server, key, _ = guarded
    basic = base64.b64encode(f"me:{key}".encode()).decode()
    for headers in (bearer(key), {"X-API-Key": key}, {"Authorization": f"Basic {basic}"}):
        assert server.get("/api/v1/jobs", headers=headers).status_code == 200
    for headers in (
        {}, bearer("wrong"), bearer(""), bearer(key[:-1]), {"Authorization": "Basic x"},
        {"Authorization": f"Digest {key}"}, bearer(key + "\u00e9".encode().decode("latin-1")),
    ):  # fmt: skip
        answer = server.get("/api/v1/jobs", headers=headers)
        assert answer.status_code == 401
        said = (
            "none of this server's" if has_key(CaseInsensitiveDict(headers)) else "asks for a key"
        )
        assert said in answer.json()["message"]
        assert answer.json()["remedy"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for path in ("/healthz", "/readyz", "/", "/page/page.css"):
        assert server.get(path).status_code == 200, path
    for path in ("/metrics", "/zoo_models", "/api/v1/openapi.json", "/pages", "/page"):
        assert server.get(path).status_code == 401, path
    assert server.post("/compile", data={"name": "x"}).status_code == 401


def test_the_client_of_old_sends_its_key_in_the_address(guarded, tmp_path, monkeypatch):
    server, key, _ = guarded
    (tmp_path / "half.onnx").write_bytes(tiny(2.0))
    monkeypatch.setattr(blobconverter, "_DEFAULTS", {**blobconverter._DEFAULTS})
    blobconverter.set_defaults(output_dir=tmp_path, silent=True)
    url = server.url.replace("http://", f"http://me:{key}@")
    made = blobconverter.from_onnx(tmp_path / "half.onnx", optimizer_params=[], url=url)
    assert blobconverter.is_valid_blob(made)
    answer = requests.get(f"{url}/zoo_models", timeout=60, proxies={"http": ""})
    assert answer.status_code == 200  # what the real client does with its address


def test_a_removed_line_locks_out_at_once(guarded):
    server, _, folder = guarded
    key = make_key(folder / "keys", "bob")
    assert Served.until(lambda: server.get("/api/v1/jobs", headers=bearer(key)).ok)
    lines = (folder / "keys").read_text().splitlines()
    (folder / "keys").write_text("\n".join(x for x in lines if not x.startswith("bob")) + "\n")
    assert server.get("/api/v1/jobs", headers=bearer(key)).status_code == 401


def test_a_file_of_keys_that_is_spoilt_lets_nobody_in(guarded):
    server, key, folder = guarded
    good = (folder / "keys").read_text()
    try:
        (folder / "keys").write_text("ann is welcome\n")
        answer = server.get("/api/v1/jobs", headers=bearer(key))
        assert answer.status_code == 503
        assert "cannot read its keys" in answer.json()["message"]
        assert server.get("/healthz").status_code == 200
    finally:
        (folder / "keys").write_text(good)
    assert server.get("/api/v1/jobs", headers=bearer(key)).status_code == 200


def test_files_of_keys(tmp_path, capsys):
    path = tmp_path / "keys"
    key = make_key(path, "ann")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in path.read_text()
    assert Keys(path).owner({"x-api-key": key}) == "ann"
    with pytest.raises(UsageError, match="ann has a key already"):
        make_key(path, "ann")
    with pytest.raises(UsageError, match="no name"):
        make_key(path, "a b")
    with path.open("a") as file:
        file.write("# a note\n\nbob 123\n")
    with pytest.raises(UsageError, match="line 4"):
        read_keys(path)
    with pytest.raises(UsageError, match="cannot be read"):
        Keys(tmp_path / "absent")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no text"):
        read_keys(path)
    assert run(["serve-key", "cid", "--keys", str(tmp_path / "new")]) == 0
    made = capsys.readouterr().out.strip()
    assert Keys(tmp_path / "new").owner({"x-api-key": made}) == "cid"


def test_metrics_are_prometheus_own_format(guarded):
    server, key, _ = guarded
    job = server.post(
        "/api/v1/jobs", files=[("files", ("m.onnx", tiny(3.0)))], headers=bearer(key)
    ).json()
    while job["state"] in ("queued", "running"):
        path = f"/api/v1/jobs/{job['id']}?wait=5&steps=99"
        job = server.get(path, headers=bearer(key)).json()
    server.get("/no/such/path", headers=bearer(key))
    text = server.get("/metrics", headers=bearer(key)).text
    found = {family.name: family for family in text_string_to_metric_families(text)}
    done = {s.labels["outcome"]: s.value for s in found["oakwright_jobs"].samples}
    assert done["done"] >= 1
    assert found["oakwright_queue_up"].samples[0].value == 1
    assert found["oakwright_workers"].samples[0].value == 1
    times = {s.name: s.value for s in found["oakwright_conversion_seconds"].samples}
    assert times["oakwright_conversion_seconds_count"] >= 1
    assert times["oakwright_conversion_seconds_sum"] > 0
    routes = {s.labels["route"] for s in found["oakwright_http_requests"].samples}
    assert "/api/v1/jobs/{job_id}" in routes
    assert "other" in routes  # addresses that a stranger makes up are one
    assert not any("no/such" in route for route in routes)


def test_the_log_is_a_json_object_a_line(guarded):
    server, key, folder = guarded
    files = [("files", ("log.onnx", tiny(7.0)))]
    job_id = server.post("/api/v1/jobs", files=files, headers=bearer(key)).json()["id"]
    server.get("/api/v1/jobs?x=%0a", headers=bearer(key))

    def row(**wanted):
        """The first whole line with these, or None: lines are written when all is over."""
        lines = (folder / "log").read_text().splitlines(keepends=True)
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        return next((one for one in rows if wanted.items() <= one.items()), None)

    asked = {"path": "/api/v1/jobs", "method": "GET", "status": 200}
    assert server.until(lambda: row(event="job", job=job_id) and row(**asked), 120)
    assert {"time", "level", "seconds", "client", "from"} <= set(row(**asked))
    job = row(event="job", job=job_id)
    assert (job["outcome"], job["client"], job["attempt"]) == ("done", "ann", 1)
    assert key not in (folder / "log").read_text()


ALONE = """
import errno, os, resource, socket, sys
from pathlib import Path
from oakwright.server.isolate import bind_to_parent, without_network
from oakwright.server.settings import Settings
bind_to_parent(Settings(Path("/nowhere"), memory_mb=300, job_s=10))
print(*without_network())
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        socket.create_connection((host, int(sys.argv[1])), 5)
        print("connected")
    except OSError as error:
        print(errno.errorcode[error.errno])
socket.socketpair()
print(resource.getrlimit(resource.RLIMIT_CPU)[0] < 10 * os.cpu_count() + 100, os.nice(0) >= 5)
try:
    bytearray(1 << 30)
    print("memory")
except MemoryError:
    print("bounded")
try:
    os.execv("/bin/sh", ["sh", "-c", "ulimit -c"])
except OSError as error:
    print(error)
"""


def test_a_conversions_process_has_no_network_and_bounds(server):
    if not probe():
        pytest.skip("this kernel gives neither a network namespace nor a system call filter")
    port = server.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, port], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    lines = done.stdout.split("\n")
    assert set(lines[0].split()) <= {"namespace", "seccomp"}, done.stderr
    assert set(lines[1:3]) <= {"EACCES", "ENETUNREACH", "ECONNREFUSED", "EADDRNOTAVAIL"}
    assert lines[3:6] == ["True True", "bounded", "0"], done.stdout


def test_readiness_says_what_keeps_conversions_off_the_network(server):
    assert server.get("/readyz").json()["without_network_by"] == probe()


def test_conversions_do_not_see_the_keys_of_queue_and_store(monkeypatch):
    from oakwright.server.nursery import child_environment

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for name in ("WORKER_SETTINGS", "OAKWRIGHT_QUEUE", "OAKWRIGHT_STORE", "OAKWRIGHT_SERVER"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in child_environment().values()
    assert child_environment()["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("name", ["oakwright.service", "oakwright-worker.service"])
def test_the_units_call_the_command_line_as_it_is(name, capsys):
    text = (ROOT / "examples" / "serve" / name).read_text().replace("\\\n", " ")
    words = re.search(r"^ExecStart=\S+ (.*)$", text, re.M)[1].split()
    run([words[0], "--help"])
    shown = capsys.readouterr().out
    for word in words:
        if word.startswith("--"):
            assert f"{word} " in shown, word


def test_the_container_calls_the_command_line_as_it_is(capsys):
    text = (ROOT / "examples" / "serve" / "Containerfile").read_text()
    words = json.loads(re.search(r"^CMD (\[.*\])$", text, re.M)[1])
    run([words[0], "--help"])
    shown = capsys.readouterr().out
    assert all(f"{word} " in shown for word in words if word.startswith("--"))
    extras = re.search(r"'/src\[(.*)\]'", text)[1].split(",")
    assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text() for extra in extras)


def test_the_container_has_all_that_the_package_is_made_of():
    text = (ROOT / "examples" / "serve" / "Containerfile").read_text()
    copied = [
        word for line in re.findall(r"^COPY (?!--)(.*) /src", text, re.M) for word in line.split()
    ]
    assert all((ROOT / word).exists() for word in copied)
    project = (ROOT / "pyproject.toml").read_text()
    needed = re.findall(r'^(?:readme|license-files|packages) = \[?"([\w.]+)"', project, re.M)
    assert len(needed) >= 3
    assert {*needed, "pyproject.toml", "constraints.txt"} <= {*copied}


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_queue_may_stand_in_the_environment(command, monkeypatch, tmp_path):
    """There, and not on a command line, other users do not read its password."""
    from oakwright import server
    from oakwright.compiler import engine_path

    if engine_path():
        monkeypatch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
    seen = []
    monkeypatch.setattr(server, "serve", lambda settings, *_: seen.append(settings))
    monkeypatch.setattr(server, "work", lambda settings, *_: seen.append(settings))
    monkeypatch.setenv("OAKWRIGHT_QUEUE", "redis://:secret@queue.local:6379/0")
    monkeypatch.setenv("OAKWRIGHT_STORE", "s3://models/oakwright")
    assert run([command, "--data", str(tmp_path)]) == 0
    assert (seen[0].queue, seen[0].store) == (
        "redis://:secret@queue.local:6379/0",
        "s3://models/oakwright",
    )


@pytest.mark.system
@pytest.mark.parametrize("name", ["oakwright.service", "oakwright-worker.service"])
def test_systemd_takes_the_units(name, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = (ROOT / "examples" / "serve" / name).read_text()
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/oakwright/bin/oakwright", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert name not in done.stderr, done.stderr
