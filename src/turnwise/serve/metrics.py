"""What the service counts, in Prometheus' text format."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one app, in a registry of its own: two apps in one process do not mix."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "turnwise_requests", "Requests answered; 499: the client went away.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "turnwise_request_seconds", "Time to answer a request.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.in_flight = Gauge("turnwise_requests_in_flight", "Requests being answered now.", registry=registry)
        self.texts = Counter("turnwise_texts", "Texts answered.", ["model"], registry=registry)
        self.truncated = Counter(
            "turnwise_texts_truncated", "Texts of which the model saw the beginning only.", ["model"], registry=registry
        )
        self.failed = Counter("turnwise_texts_failed", "Texts the model failed on.", ["model"], registry=registry)
        self.batch_texts = Histogram(
            "turnwise_batch_texts", "Texts of a model call.", ["model"], buckets=_TEXTS, registry=registry
        )
        self.batch_seconds = Histogram(
            "turnwise_batch_seconds", "Time of a model call.", ["model"], buckets=_SECONDS, registry=registry
        )
        self.queue = Gauge("turnwise_queue_texts", "Texts that wait for a model call.", ["model"], registry=registry)
        self.model = Gauge(
            "turnwise_model_info", "Always 1; the served versions.", ["model", "version"], registry=registry
        )

    def render(self) -> bytes:
        """The text that a Prometheus server scrapes."""
        return generate_latest(self.registry)
