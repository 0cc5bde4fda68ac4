"""The store in a bucket, against a local S3: moto's server, in a process of its own."""

import contextlib
import io
import os
import socket
import subprocess
import sys

import pytest
import requests

from oakwright.errors import OutputError, UsageError
from oakwright.server.bucket import BucketStore
from oakwright.server.job import QueueDown
from oakwright.server.places import open_store
from oakwright.server.settings import Settings

from .conftest import Served, tiny

pytest.importorskip("s3fs", reason="oakwright[s3] is not installed")
pytest.importorskip("moto", reason="moto is not installed")
pytest.importorskip("flask_cors", reason="moto's server needs flask-cors")


@pytest.fixture
def s3(server, request):
    """The address of a place in a bucket, for one test alone."""
    return f"{server}/{request.node.name}"


@pytest.fixture(scope="module")
def server():
    """The address of a bucket; the usual variables say where it is and who asks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from moto.server import main; main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    url = f"http://127.0.0.1:{port}"
    session = requests.Session()
    session.trust_env = False

    def answers():
        with contextlib.suppress(requests.ConnectionError):
            return session.put(f"{url}/models", timeout=10).ok

    told = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    try:
        assert Served.until(answers, 90)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in told.items():
                patch.setenv(name, value)
            yield "s3://models"
    finally:
        process.kill()
        process.wait()


def test_what_is_kept_is_found_by_another_machine(s3, tmp_path):
    here, there = (BucketStore(tmp_path / name, s3) for name in "ab")
    digest, size = here.add(io.BytesIO(b"content"))
    assert size == 7
    assert there.has({"x": digest})
    assert there.path(digest).read_bytes() == b"content"
    assert [(one.digest, one.size) for one in there.listed()] == [(digest, 7)]
    assert all(-60 < one.age_s < 600 for one in there.listed())
    there.remove(digest)
    assert not here.has({"x": digest})
    with pytest.raises(KeyError):
        there.path(digest)
    with pytest.raises(KeyError):
        there.path("../../etc/passwd")


def test_copies_are_whole_and_bounded(s3, tmp_path, monkeypatch):
    store = BucketStore(tmp_path, s3)
    digests = [store.add(io.BytesIO(bytes([n]) * 1000))[0] for n in range(3)]
    for age, digest in enumerate(digests):
        os.utime(store.path(digest), (1e9 + age, 1e9 + age))
    monkeypatch.setattr("oakwright.server.bucket.LARGEST_CACHE", 2000)
    store.tidy()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(digests[1:])
    system, folder = store._root
    system.pipe_file(f"{folder}/{digests[0]}", b"damaged")
    with pytest.raises(KeyError):
        store.path(digests[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(digests[1:])


def test_a_bucket_that_is_not_there(s3, tmp_path, monkeypatch):
    with pytest.raises((OutputError, QueueDown), match="the store keeps nothing"):
        BucketStore(tmp_path, "s3://no-such-bucket/x").add(io.BytesIO(b"x"))
    with pytest.raises(UsageError, match="store"):
        BucketStore(tmp_path, "no-such-protocol://x").add(io.BytesIO(b"x"))


def test_a_server_whose_files_are_in_a_bucket(s3, tmp_path, monkeypatch):
    from oakwright.compiler import engine_path

    if engine_path():
        monkeypatch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
    monkeypatch.setenv("OAKWRIGHT_HOME", str(tmp_path / "home"))
    server = Served(tmp_path / "data", ("--store", s3)).start()
    try:
        job = server.finished(server.submit(("a.onnx", tiny(2.0))).json())
        assert job["state"] == "done", job
        blob = server.get(f"/api/v1/jobs/{job['id']}/result").content
        assert blob[52:56] == (9709).to_bytes(4, "little")
        assert server.submit(("a.onnx", tiny(2.0))).json()["from_cache"]
        assert not (tmp_path / "data" / "store").exists()
        assert open_store(Settings(tmp_path / "other", store=s3)).has({"all": _digest(tiny(2.0))})
    finally:
        server.stop()


def _digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_a_bucket_is_tried_before_the_server_starts(s3, tmp_path):
    store = BucketStore(tmp_path, s3)
    store.prepare()
    assert list(store.listed()) == []
    store._root[0].pipe_file(f"{store._root[1]}/.trial-left", b"by a server that was killed")
    assert list(store.listed()) == []  # what is no content of ours is not tidied up either
    with pytest.raises(OutputError, match="bucket does not exist") as caught:
        BucketStore(tmp_path, "s3://no-such-bucket/x").prepare()
    assert "AWS_ACCESS_KEY_ID" in caught.value.remedy


def test_a_bucket_without_credentials_is_said(server, tmp_path, monkeypatch):
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(OutputError, match="credentials"):
        BucketStore(tmp_path, f"{server}/x").prepare()
    s3fs.S3FileSystem.clear_instance_cache()
