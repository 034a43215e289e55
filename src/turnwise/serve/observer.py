"""Around every request: its id, one log line, the metrics, the security headers, and no exception that escapes."""

import asyncio
import logging
import re
import uuid
from collections.abc import Collection
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from turnwise.serve.faults import CLIENT_GONE, Fault
from turnwise.serve.logs import describe, log
from turnwise.serve.metrics import Metrics

_PROBES = frozenset({"/health", "/ready", "/metrics"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Observer:
    """ASGI middleware. ``routes`` are the paths that metrics name; all others count as ``other``.

    Endpoints add what the log line should say to ``request.state.noted``, a dict of ids and lengths.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Collection[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        noted: dict[str, object] = {}
        scope["state"] = {**scope.get("state", {}), "request_id": request_id, "noted": noted}
        route = scope["path"] if scope["path"] in self.routes else "other"
        start = perf_counter()
        status = 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await send(message)

        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, observed_send)
        except asyncio.CancelledError:
            noted["cancelled"] = True
            if not status:
                fault = Fault(503, "the service shut down before it could answer", "server", retry_after=1)
                await fault.response()(scope, receive, observed_send)
        except Exception as error:
            noted["error"] = describe(error)
            if not status:
                fault = Fault(500, f"the service failed; its log has the reason at id {request_id}", "server")
                await fault.response()(scope, receive, observed_send)
        finally:
            self.metrics.in_flight.dec()
            status = status or CLIENT_GONE
            seconds = perf_counter() - start
            self.metrics.requests.labels(route, str(status)).inc()
            self.metrics.seconds.labels(route).observe(seconds)
            more = "".join(f" {name}={value}" for name, value in noted.items())
            level = logging.DEBUG if route in _PROBES else logging.WARNING if status >= 500 else logging.INFO
            log.log(level, "id=%s %s %s %d %.1f ms%s", request_id, _method(scope), route, status, 1000 * seconds, more)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method.isalpha() and len(method) < 10 else "?"
