"""A disk that is really full: one message, nothing half-written."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting a small disk needs root and the mount command")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_no_half_blob(tiny_disk, half):
    (tiny_disk / "filler").write_bytes(os.urandom(60 << 10))
    words = [sys.executable, "-m", "oakwright", "convert", str(half), "--no-cache"]
    done = subprocess.run(
        [*words, "-o", str(tiny_disk / "half.blob")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tiny_disk.iterdir()] == ["filler"]


def test_a_full_cache_is_no_error(tiny_disk, half, tmp_path):
    (tiny_disk / "filler").write_bytes(os.urandom(62 << 10))
    from oakwright.compiler import engine_path

    environment = {**os.environ, "OAKWRIGHT_HOME": str(tiny_disk / "home")}
    environment["OAKWRIGHT_ENGINE"] = str(engine_path())
    words = [sys.executable, "-m", "oakwright", "convert", str(half)]
    out = tmp_path / "half.blob"
    done = subprocess.run([*words, "-o", str(out)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert out.is_file()
