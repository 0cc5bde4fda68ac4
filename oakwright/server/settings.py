"""What a server is told: frozen, checked where it is made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from oakwright.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """``data``: the folder of store, ledger and queue. ``zoo``: folders of ``model.yml`` files.
    ``fetch_from``: addresses below which clients may name files for the server to fetch.

    Limits: ``upload_mb`` a request's body, ``job_s`` seconds a conversion may take in all,
    ``memory_mb`` what its process may allocate, ``most_waiting`` jobs in the queue, ``per_client``
    open jobs of one client and ``client_mb_a_day`` of its uploads. Jobs older than ``keep_days``
    are forgotten, older ones first where there are more than ``keep_jobs`` or the store holds more
    than ``store_mb``. ``workers``
    conversions run at a time here. ``queue``: Redis, for several machines; ``store``: a folder or
    an address as fsspec has them, ``data``'s own folder where it is empty. ``keys``: a file of API
    keys, everybody comes in where it is empty. ``log``: text, json or off.
    """

    data: Path
    zoo: tuple[str, ...] = ()
    fetch_from: tuple[str, ...] = ()
    queue: str = ""
    store: str = ""
    workers: int = 1
    upload_mb: int = 512
    job_s: float = 600.0
    memory_mb: int = 8192
    most_waiting: int = 100
    per_client: int = 50
    client_mb_a_day: int = 20_000
    keep_days: float = 30.0
    keep_jobs: int = 100_000
    keys: str = ""
    log: str = "text"
    store_mb: int = 50_000

    def __post_init__(self) -> None:
        least = dict.fromkeys(
            (
                *("upload_mb", "memory_mb", "most_waiting", "per_client", "client_mb_a_day"),
                "keep_jobs",
            ),
            1,
        )
        # Workers may all be elsewhere where the queue is.
        for key, number in {**least, "workers": 0 if self.queue else 1, "store_mb": 1}.items():
            if getattr(self, key) < number:
                flag = f"--{key.replace('_', '-')}"
                raise UsageError(
                    f"{flag} {getattr(self, key)} must be at least {number}",
                    remedy=f"leave it out for {type(self).__dataclass_fields__[key].default}",
                    key=key,
                )
        if not 0 < self.keep_days <= 36500:
            raise UsageError(
                f"--keep-days {self.keep_days:g} must be more than 0 and at most 36500",
                remedy="leave it out for 30",
                key="keep_days",
            )
        for place in self.fetch_from:
            if urlsplit(place).scheme not in ("http", "https") or not urlsplit(place).netloc:
                raise UsageError(
                    f"'{place}' is no address to fetch from",
                    remedy="e.g. https://models.example/zoo/",
                    key="fetch_from",
                )
        if not 0 < self.job_s <= 86400:
            raise UsageError(
                f"--job-seconds {self.job_s:g} must be more than 0 and at most 86400, a day",
                remedy="leave it out for 600",
                key="job_s",
            )

    def as_text(self, *, secrets: bool = False) -> str:
        """The settings as one JSON text: how a process is told.

        Addresses may hold passwords, and anyone sees command lines: only with ``secrets`` are
        queue and store among them.
        """
        hidden = {} if secrets else {"queue": "", "store": "", "workers": max(self.workers, 1)}
        return json.dumps({**asdict(self), "data": str(self.data), **hidden})

    @classmethod
    def from_text(cls, text: str) -> Settings:
        """The inverse of :meth:`as_text`."""
        plain = json.loads(text)
        lists = {key: tuple(plain[key]) for key in ("zoo", "fetch_from")}
        return cls(**{**plain, "data": Path(plain["data"]), **lists})
