"""Figures of the service for Prometheus (text format 0.0.4): counts, times, never a card."""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from sekisho.domain.authorization import Decision

MEDIA_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
# From 50 microseconds, where the engine itself is, to ten seconds, where nobody waits any more.
_BUCKETS: Final = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 10.0,
)  # fmt: skip


class Metrics:
    """What is counted; one for each process, with a registry of its own."""

    def __init__(self) -> None:
        # It would be a second line for each figure, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "sekisho_http_requests", "Answered requests", ("route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self._times = Histogram(
            "sekisho_http_seconds", "From the request's headers to its answer", ("route",),
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._decisions = Counter(
            "sekisho_decisions", "Decided authorizations", ("decision", "reason"),
            registry=self.registry,
        )  # fmt: skip
        self.ready = Gauge(
            "sekisho_ready", "1 while the engine decides (GET /readyz)", registry=self.registry
        )
        self.missing = Gauge(
            "sekisho_missing", "Things that are not as they should be (GET /readyz)",
            registry=self.registry,
        )  # fmt: skip
        # Labels are looked up once: the lookup costs more than the counting.
        self._kept_requests: dict[tuple[str, int], Counter] = {}
        self._kept_times: dict[str, Histogram] = {}
        self._kept_decisions: dict[tuple[str, str], Counter] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        counter = self._kept_requests.get((route, status))
        if counter is None:
            counter = self._kept_requests[route, status] = self._requests.labels(route, str(status))
        counter.inc()
        histogram = self._kept_times.get(route)
        if histogram is None:
            histogram = self._kept_times[route] = self._times.labels(route)
        histogram.observe(seconds)

    def decided(self, decision: Decision) -> None:
        """An authorization was decided (a repeat is not counted again)."""
        if decision.repeated:
            return
        reason = decision.reasons[0] if decision.reasons else ""
        key = (decision.kind.value, reason)
        counter = self._kept_decisions.get(key)
        if counter is None:
            counter = self._kept_decisions[key] = self._decisions.labels(*key)
        counter.inc()

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)
