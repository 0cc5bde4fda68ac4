"""A server that cannot start says why, in one sentence, before it takes a single request."""

import socket
from pathlib import Path

import pytest

from oakwright.errors import UsageError
from oakwright.server import Settings, serve, work
from oakwright.server.job import QueueDown
from oakwright.server.places import open_store
from oakwright.server.supervise import own

REDIS_NOWHERE = "redis://:hunter2@127.0.0.1:1/0"


def refusal(settings: Settings, host: str = "127.0.0.1", port: int = 0) -> UsageError | QueueDown:
    """What `serve` raises before it listens."""
    with pytest.raises((UsageError, QueueDown)) as caught:
        serve(settings, host, port, lambda line: pytest.fail(f"it started: {line}"))
    assert caught.value.remedy, caught.value
    return caught.value


def test_a_port_that_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = refusal(Settings(tmp_path), port=port)
    assert f"127.0.0.1:{port}" in error.message
    assert "--port" in error.remedy


@pytest.mark.parametrize("host", ["192.0.2.7", "not a host"])  # of nobody; no name at all
def test_an_address_of_another_machine(tmp_path, host):
    error = refusal(Settings(tmp_path), host=host)
    assert host in error.message
    assert "0.0.0.0" in error.remedy or "--host" in error.remedy


def test_a_port_that_is_none(tmp_path):
    assert "65535" in refusal(Settings(tmp_path), port=99999).message


def test_folders_that_cannot_be_written(tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    assert str(place) in refusal(Settings(place / "data")).message
    error = refusal(Settings(tmp_path / "data", store=str(place / "store")))
    assert str(place / "store") in error.message
    assert "--store" in error.remedy


def test_a_folder_that_another_server_has(tmp_path):
    with own(tmp_path):
        assert "another server" in refusal(Settings(tmp_path)).message


@pytest.mark.parametrize("store", ["s4://bucket/x", "s3://"])
def test_a_store_that_is_none(tmp_path, store):
    if store.startswith("s3"):
        pytest.importorskip("s3fs", reason="oakwright[s3] is not installed")
    else:
        pytest.importorskip("fsspec", reason="oakwright[s3] is not installed")
    error = refusal(Settings(tmp_path, store=store))
    assert store in error.message
    assert "s3://bucket/folder" in error.remedy


def test_a_redis_that_is_not_there(tmp_path):
    pytest.importorskip("redis", reason="oakwright[redis] is not installed")
    error = refusal(Settings(tmp_path / "a", queue=REDIS_NOWHERE))
    with pytest.raises(QueueDown) as caught:
        work(Settings(tmp_path / "b", queue=REDIS_NOWHERE, store=str(tmp_path)), print)
    for said in (error, caught.value):
        assert "127.0.0.1:1" in said.message
        assert "hunter2" not in str(said)
        assert "--queue" in said.remedy


@pytest.mark.parametrize(
    ("key", "value", "flag"),
    [
        ("workers", 0, "--workers"),
        ("upload_mb", 0, "--upload-mb"),
        ("job_s", 0.0, "--job-seconds"),
        ("job_s", float("nan"), "--job-seconds"),
        ("keep_days", -1.0, "--keep-days"),
    ],
)
def test_numbers_out_of_range_are_named_as_on_the_command_line(key, value, flag):
    with pytest.raises(UsageError) as caught:
        Settings(Path("x"), **{key: value})
    assert flag in caught.value.message
    assert "leave it out" in caught.value.remedy


def test_a_store_that_was_tried_is_empty(tmp_path):
    store = open_store(Settings(tmp_path))
    store.prepare()
    store.prepare()
    assert list(store.folder.iterdir()) == []
