"""Which queue, which book, which store: what the settings' addresses mean."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oakwright.errors import UsageError

from .bell import Bell
from .bucket import BucketStore
from .job import Book, QueueDown
from .ledger import Ledger
from .marks import FileMarks, Marks, RedisMarks
from .settings import Settings
from .store import Store

_SHOWN = ".oakwright-store"  # a file in a shared folder, by which a worker knows it


def open_book(settings: Settings, patience_s: float | None = None) -> Book:
    """The book of jobs; ``patience_s``: how long one that is away is waited for."""
    more: dict[str, Any] = {} if patience_s is None else {"patience_s": patience_s}
    if not settings.queue:
        return Ledger(settings.data / "book.sqlite", **more)
    from .redis_ledger import RedisLedger

    return RedisLedger(_redis(settings.queue), **more)


def open_bell(settings: Settings) -> Bell:
    """The queue."""
    if not settings.queue:
        return Bell.in_file(settings.data / "queue.sqlite")
    _redis(settings.queue)
    return Bell.on_redis(settings.queue)


def open_marks(settings: Settings) -> Marks:
    """How living workers are known."""
    if not settings.queue:
        return FileMarks(settings.data / "workers")
    return RedisMarks(_redis(settings.queue))


def open_store(settings: Settings) -> Store:
    """Uploads and results."""
    if not settings.store:
        return Store(settings.data / "store")
    if "://" in settings.store:
        return BucketStore(settings.data / "cache", settings.store)
    return Store(Path(settings.store))


def publish_store(settings: Settings) -> None:
    """Say in Redis where this server's store is, so that workers elsewhere need not be told."""
    if not settings.queue:
        return
    store = open_store(settings)
    told = {"store": settings.store, "mark": ""}
    if not isinstance(store, BucketStore):
        store.folder.mkdir(parents=True, exist_ok=True)
        mark = store.folder / _SHOWN
        if not mark.exists():
            mark.write_text(uuid.uuid4().hex)
        told = {"store": str(store.folder.absolute()), "mark": mark.read_text()}
    from .redis_ledger import PREFIX

    with _asking(settings.queue):
        _redis(settings.queue).set(f"{PREFIX}store", json.dumps(told))


def require_queue(queue: str) -> None:
    """See that Redis answers at that address. Raises QueueDown, UsageError."""
    with _asking(queue):
        _redis(queue).ping()


@contextmanager
def _asking(queue: str) -> Iterator[None]:
    """What Redis' client raises, in words for whoever gave the address."""
    from .redis_ledger import passing_errors

    try:
        yield
    except passing_errors() as error:
        text = " ".join(str(error).split())[:200]
        raise QueueDown(
            f"Redis at {_shown(queue)} does not answer: {text}",
            remedy="check --queue (its password, too), and that Redis runs there",
        ) from error


def published_store(queue: str) -> str:
    """Where the server's store is, as a worker on this machine reaches it.

    Raises UsageError where it cannot, QueueDown where Redis does not answer.
    """
    from .redis_ledger import PREFIX

    with _asking(queue):
        text = _redis(queue).get(f"{PREFIX}store")
    if text is None:
        raise UsageError(
            f"no server has used the queue at {_shown(queue)} yet",
            remedy=f"start `oakwright serve --queue {_shown(queue)}` first, or give --store",
            key="queue",
        )
    told = json.loads(text)
    if told["mark"]:
        try:
            mark = (Path(told["store"]) / _SHOWN).read_text()
        except OSError:
            mark = ""
        if mark != told["mark"]:
            raise UsageError(
                f"the server keeps its files in its folder {told['store']}, which is not here",
                remedy="mount that folder here and give it as --store, or start the server with"
                " --store s3://bucket/folder",
                key="store",
            )
    return str(told["store"])


def _redis(url: str) -> Any:
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise UsageError(
            f"the queue '{_shown(url)}' is no Redis address",
            remedy="e.g. redis://host:6379/0; without --queue it is a file of this machine's",
            key="queue",
        )
    try:
        from .redis_ledger import connect

        return connect(url)
    except ImportError as error:
        raise UsageError(
            f"a queue in Redis needs the package {error.name}",
            remedy="pip install 'oakwright[redis]'",
        ) from None
    except ValueError as error:
        raise UsageError(f"the queue '{_shown(url)}': {error}", key="queue") from error


def _shown(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
