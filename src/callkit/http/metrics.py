"""`Metrics`: what Prometheus is told. Labels are routes and codes, never paths, numbers or ids."""

from datetime import datetime
from typing import Any

from attrs import define, field
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


@define(eq=False)
class Metrics:
    """Of one application; each has a registry of its own."""

    registry: CollectorRegistry = field(factory=lambda: CollectorRegistry(auto_describe=True))
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    received: Counter = field(init=False)
    uploads: Counter = field(init=False)
    processing: Gauge = field(init=False)
    oldest: Gauge = field(init=False)
    listeners: Gauge = field(init=False)
    _counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Make them known."""
        known: Any = {"registry": self.registry}
        self.requests = Counter("callkit_http_requests", "Answers.", ("method", "route", "status"), **known)
        self.seconds = Histogram(
            "callkit_http_seconds", "Until an answer was complete.", ("route",), buckets=_SECONDS, **known
        )
        self.received = Counter("callkit_uploaded_bytes", "Of recordings that were taken in.", **known)
        self.uploads = Counter(
            "callkit_uploads", "Recordings that came, and what became of them.", ("result",), **known
        )
        self.processing = Gauge("callkit_calls_processing", "Calls that wait or are worked on; at most 1001.", **known)
        self.oldest = Gauge("callkit_oldest_waiting_seconds", "How long a call has waited for a worker.", **known)
        self.listeners = Gauge("callkit_event_listeners", "Clients that listen to /events.", **known)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = self.requests.labels(method, route, str(status)), self.seconds.labels(route)
            self._counted[method, route, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def tell_queue(self, processing: int, oldest: datetime | None, now: datetime) -> None:
        """How much there is to do, and since when."""
        self.processing.set(processing)
        self.oldest.set((now - oldest).total_seconds() if oldest else 0.0)

    def text(self) -> bytes:
        """In the format of Prometheus."""
        return generate_latest(self.registry)
