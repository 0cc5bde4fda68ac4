"""Numbers for Prometheus: jobs as the book has them, requests as this process saw them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.process_collector import ProcessCollector

from oakwright import __version__

from .job import DURATIONS, OPEN, QueueDown

if TYPE_CHECKING:
    from .service import Service

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_LATENCIES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Requests:
    """Counts requests by method, route and status; routes are the table's, not the caller's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "oakwright_http_requests",
            "HTTP requests.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "oakwright_http_request_seconds",
            "Time until an answer was sent; /compile waits for its conversion.",
            ["route"],
            buckets=_LATENCIES,
            registry=registry,
        )

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request is over."""
        known = method if method in _METHODS else "other"
        self._count.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class Jobs:
    """What the book says when somebody asks."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterator[Any]:
        """Nothing is asked of the book before it is asked for."""
        return iter(())

    def collect(self) -> Iterator[Any]:
        """All numbers; without those of the book where it cannot be read."""
        service = self._service
        up = GaugeMetricFamily("oakwright_queue_up", "1 where the book of jobs can be read.")
        info = GaugeMetricFamily("oakwright_info", "The version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        workers = GaugeMetricFamily("oakwright_workers", "Worker processes on this machine.")
        workers.add_metric([], service.supervisor.living)
        yield workers
        kept = GaugeMetricFamily("oakwright_store_bytes", "What the store holds.")
        kept.add_metric([], service.keeper.used)
        yield kept
        try:
            tally = service.ledger.tally()
            counts = {state: service.ledger.count(state) for state in OPEN}
        except QueueDown:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        states = GaugeMetricFamily("oakwright_jobs_open", "Jobs by state.", labels=["state"])
        for state, count in counts.items():
            states.add_metric([state], count)
        yield states
        ends = CounterMetricFamily("oakwright_jobs", "Jobs that are over.", labels=["outcome"])
        for outcome in ("done", "failed", "cancelled"):
            ends.add_metric([outcome], tally.get(outcome, 0))
        yield ends
        for name, text in (
            ("cached", "Jobs answered by an earlier result."),
            ("died", "Jobs taken again because their worker died."),
        ):
            one = CounterMetricFamily(f"oakwright_jobs_{name}", text)
            one.add_metric([], tally.get(name, 0))
            yield one
        times = HistogramMetricFamily("oakwright_conversion_seconds", "Time of done conversions.")
        classes = [(f"{end:g}", tally.get(f"le:{end:g}", 0)) for end in DURATIONS]
        classes.append(("+Inf", tally.get("timed", 0)))
        times.add_metric([], classes, sum_value=tally.get("seconds", 0))
        yield times


class Metrics:
    """One server's registry."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Jobs(service))
        ProcessCollector(registry=self._registry)
        self.requests = Requests(self._registry)

    def text(self) -> bytes:
        """All in Prometheus' text format."""
        return generate_latest(self._registry)
