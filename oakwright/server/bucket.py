"""Uploads and results in a bucket: S3 and whatever else fsspec speaks to.

Files are kept by their SHA-256, as in a folder. What is read is copied to a folder of this
machine first; the copies are checked, bounded and thrown away by age.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from oakwright.errors import OutputError, UsageError

from .job import QueueDown
from .store import Kept, Store, check_digest, digest_of, is_digest

# In what S3's client says where trying again changes nothing.
_OURS_TO_MEND = ("NoSuchBucket", "credentials", "bucket does not exist", "Invalid bucket name")
LARGEST_CACHE = 4 << 30  # bytes of copies on this machine


@dataclass(frozen=True)
class BucketStore(Store):
    """Files below ``address`` (``s3://bucket/folder``), copies of them below ``folder``."""

    address: str = ""

    @cached_property
    def _root(self) -> tuple[Any, str]:
        """The file system and the folder in it. Raises UsageError."""
        try:
            import fsspec

            system, folder = fsspec.core.url_to_fs(self.address)
        except ImportError as error:
            raise UsageError(
                f"a store at {self.address} needs a package: {error}",
                remedy="pip install 'oakwright[s3]'",
                key="store",
            ) from None
        except (ValueError, OSError) as error:
            raise UsageError(
                f"the store {self.address}: {error}", remedy="e.g. s3://bucket/folder", key="store"
            ) from error
        if not str(folder).strip("/"):
            raise UsageError(
                f"the store {self.address} names no bucket",
                remedy="e.g. s3://bucket/folder",
                key="store",
            )
        return system, str(folder).rstrip("/")

    def prepare(self) -> None:
        """See that files can be kept here.

        Raises UsageError for an address that is none, OutputError where the bucket refuses,
        QueueDown where it does not answer.
        """
        with self._gate("keeps nothing"):
            system, folder = self._root
            trial = f"{folder}/.trial-{uuid.uuid4().hex}"
            system.pipe_file(trial, b"oakwright")
            system.rm_file(trial)

    def add(self, stream: BinaryIO) -> tuple[str, int]:
        """Keep all that ``stream`` gives; gives its SHA-256 and its size in bytes.

        Raises OutputError where the bucket takes nothing; nothing half is left then.
        """
        with tempfile.NamedTemporaryFile(prefix="oakwright-") as aside:
            digest, size = digest_of(stream, aside)
            aside.flush()
            with self._gate("keeps nothing"):
                system, _ = self._root
                # Again where it is there already: its age begins anew.
                system.put_file(aside.name, self._key(digest))
        return digest, size

    def path(self, digest: str) -> Path:
        """A copy of that content on this machine. Raises KeyError where it is not there."""
        copy = self.folder / check_digest(digest)
        if copy.is_file():
            os.utime(copy)
            return copy
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        os.close(handle)
        aside = Path(name)
        try:
            with self._gate("gives nothing"):
                try:
                    self._root[0].get_file(self._key(digest), name)
                except FileNotFoundError:
                    raise KeyError(digest) from None
            with aside.open("rb") as stream:
                if digest_of(stream)[0] != digest:
                    raise KeyError(digest)  # what is damaged is not what was kept
            aside.replace(copy)
        finally:
            aside.unlink(missing_ok=True)
        return copy

    def has(self, digests: Mapping[str, str]) -> bool:
        """Whether all of name -> SHA-256 is there."""
        with self._gate("gives nothing"):
            system, _ = self._root
            system.invalidate_cache()
            return all(system.exists(self._key(digest)) for digest in digests.values())

    def listed(self) -> Iterator[Kept]:
        """All that is kept."""
        with self._gate("gives nothing"):
            system, folder = self._root
            system.invalidate_cache()
            found = system.find(folder, detail=True)
        for path, facts in found.items():
            made = facts.get("LastModified") or facts.get("created")
            age = time.time() - made.timestamp() if made is not None else 0.0
            name = path.rpartition("/")[2]
            if is_digest(name):
                yield Kept(name, int(facts["size"]), age)

    def remove(self, digest: str) -> None:
        """Forget content."""
        (self.folder / check_digest(digest)).unlink(missing_ok=True)
        with self._gate("removes nothing"), contextlib.suppress(FileNotFoundError):
            self._root[0].rm_file(self._key(digest))

    def tidy(self) -> None:
        """Throw away copies, the longest unused first, until they are within bounds."""
        copies = []
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            with contextlib.suppress(OSError):
                facts = path.stat()
                copies.append((facts.st_mtime, facts.st_size, path))
        total = sum(size for _, size, _ in copies)
        for _, size, path in sorted(copies):
            if total <= LARGEST_CACHE:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _key(self, digest: str) -> str:
        return f"{self._root[1]}/{check_digest(digest)}"

    @contextlib.contextmanager
    def _gate(self, what: str) -> Iterator[None]:
        """What goes wrong between here and the bucket, in our words."""
        try:
            yield
        except (KeyError, UsageError, OutputError):
            raise
        except Exception as error:
            # Each of fsspec's file systems raises errors of its own library.
            text = " ".join(str(error).split())[:200]
            if isinstance(error, PermissionError) or any(word in text for word in _OURS_TO_MEND):
                raise OutputError(
                    f"the store {what}: {text or type(error).__name__}",
                    remedy="check --store and its credentials (for S3: AWS_ACCESS_KEY_ID,"
                    " AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL)",
                    path=self.address,
                ) from error
            raise QueueDown(
                f"the store {what}: {text or type(error).__name__}",
                remedy="try again in a while; whoever runs the server checks --store",
                retry_s=10,
            ) from error
