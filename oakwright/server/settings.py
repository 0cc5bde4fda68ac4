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
    ``memory_mb`` what its process may allocate, ``most_waiting`` jobs in the queue. ``workers``
    conversions run at a time.
    """

    data: Path
    zoo: tuple[str, ...] = ()
    fetch_from: tuple[str, ...] = ()
    workers: int = 1
    upload_mb: int = 512
    job_s: float = 600.0
    memory_mb: int = 8192
    most_waiting: int = 100

    def __post_init__(self) -> None:
        for key in ("workers", "upload_mb", "memory_mb", "most_waiting"):
            if getattr(self, key) < 1:
                raise UsageError(f"{key} must be at least 1", key=key)
        for place in self.fetch_from:
            if urlsplit(place).scheme not in ("http", "https") or not urlsplit(place).netloc:
                raise UsageError(
                    f"'{place}' is no address to fetch from",
                    remedy="e.g. https://models.example/zoo/",
                    key="fetch_from",
                )
        if not 0 < self.job_s <= 86400:
            raise UsageError(
                f"job_s {self.job_s} must be more than 0 and at most a day", key="job_s"
            )

    def as_text(self) -> str:
        """The settings as one JSON text: how a worker process is told."""
        return json.dumps({**asdict(self), "data": str(self.data)})

    @classmethod
    def from_text(cls, text: str) -> Settings:
        """The inverse of :meth:`as_text`."""
        plain = json.loads(text)
        lists = {key: tuple(plain[key]) for key in ("zoo", "fetch_from")}
        return cls(**{**plain, "data": Path(plain["data"]), **lists})
