"""The log: a line an event on standard error, for people or (``json``) for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone

KINDS = ("text", "json", "off")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and what the event knows."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        time = datetime.fromtimestamp(record.created, timezone.utc)
        row = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        row |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return json.dumps(row, default=str)


def set_up(kind: str) -> None:
    """Send the server's log to standard error. Requests are logged in JSON only."""
    log = logging.getLogger("oakwright.server")
    log.handlers.clear()
    log.propagate = False
    if kind == "off":
        log.addHandler(logging.NullHandler())
        return
    handler = logging.StreamHandler(sys.stderr)
    if kind == "json":
        handler.setFormatter(JsonLines())
        logging.getLogger("uvicorn.error").handlers = [handler]
        logging.getLogger("uvicorn.error").propagate = False
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    requests = logging.getLogger("oakwright.server.requests")
    requests.setLevel(logging.INFO if kind == "json" else logging.WARNING)
