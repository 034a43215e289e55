"""Run the app under uvicorn: bind early, stop gently, exit with 0."""

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from types import FrameType

import uvicorn
from fastapi import FastAPI

from turnwise.errors import InputError
from turnwise.runtime.session import cores
from turnwise.serve.service import Service


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not listening yet: a taken port shows before any model is loaded.

    Raises InputError when the address cannot be had.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port {port} is outside 0 to 65535; 0 takes a free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot find the address {host!r}; try --host 127.0.0.1") from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _unavailable(host, port, error) from error
    return bound


def url(bound: socket.socket) -> str:
    """The address as a browser takes it."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_public(bound: socket.socket) -> bool:
    """Whether other machines may reach the address."""
    return not ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


def limit_threads(count: int) -> None:
    """Let one model call use ``count`` CPU threads: PyTorch's and those of NumPy's matrix products."""
    import numpy  # noqa: F401  a library is limited only once it is loaded
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(count)
    threadpool_limits(count)


def spare_threads() -> int:
    """The cores but one, which reads and writes requests; a model call that takes them all waits for that one."""
    return max(1, cores() - 1)


def run(
    app: FastAPI,
    bound: socket.socket,
    *,
    shutdown_seconds: int = 30,
    drain_seconds: float = 0,
    announce: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return.

    On the signal ``/ready`` turns 503; after ``drain_seconds`` no connection is accepted any more; what is
    unanswered after ``shutdown_seconds`` more gets 503. A second signal stops at once. ``announce`` is called
    when connections are accepted. Raises InputError when someone else took the port meanwhile.
    """
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=shutdown_seconds,
    )
    address = bound.getsockname()
    try:
        _Server(config, service, drain_seconds, announce).run(sockets=[bound])
    except OSError as error:
        raise _unavailable(address[0], address[1], error) from error
    if service.busy:  # a model call outlived the shutdown: no thread can be stopped, so leave without it
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


class _Server(uvicorn.Server):
    """uvicorn's server with our reaction to signals: it ends by returning, not by the signal."""

    def __init__(
        self, config: uvicorn.Config, service: Service, drain_seconds: float, announce: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.service = service
        self.drain_seconds = drain_seconds
        self.announce = announce
        self.leave_at: float | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self.handle_exit) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.leave_at is not None:
            self.should_exit = self.force_exit = True
            return
        self.service.drain()
        self.leave_at = monotonic() + self.drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announce()

    async def on_tick(self, counter: int) -> bool:
        if self.leave_at is not None and monotonic() >= self.leave_at:
            self.should_exit = True
        return await super().on_tick(counter)


def _unavailable(host: str, port: int, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot listen on {host} port {port}: {reason}; choose another --port, or 0 for a free one")
