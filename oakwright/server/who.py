"""Whose request it is: set where it arrives, read where something is counted by client."""

from __future__ import annotations

from contextvars import ContextVar

current: ContextVar[str] = ContextVar("client", default="")
