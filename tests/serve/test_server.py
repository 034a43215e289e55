"""The process: address, signals, exit code."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from turnwise.errors import InputError
from turnwise.serve.server import bind, is_public, url


class Process:
    """``echo.py`` in a process of its own."""

    def __init__(self, shutdown_seconds: int, drain_seconds: float) -> None:
        command = [sys.executable, str(Path(__file__).with_name("echo.py")), str(shutdown_seconds), str(drain_seconds)]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().strip()

    def ask(self, text: str) -> tuple[threading.Thread, list[httpx.Response]]:
        """Ask in a thread; returns once the request is in flight."""
        found: list[httpx.Response] = []
        thread = threading.Thread(
            target=lambda: found.append(httpx.post(f"{self.url}/v1/predict", json={"text": text}, timeout=30))
        )
        thread.start()
        while "turnwise_requests_in_flight 2.0" not in httpx.get(f"{self.url}/metrics").text:
            pass
        return thread, found


@pytest.fixture
def started() -> Iterator[Callable[[int, float], Process]]:
    running: list[Process] = []

    def start(shutdown_seconds: int, drain_seconds: float) -> Process:
        running.append(Process(shutdown_seconds, drain_seconds))
        return running[-1]

    yield start
    for each in running:
        each.popen.kill()
        each.popen.communicate()


def test_sigterm_finishes_what_is_in_flight_and_exits_with_0(started: Callable[[int, float], Process]) -> None:
    process = started(20, 1.5)
    thread, found = process.ask("sleep 3")
    process.popen.send_signal(signal.SIGTERM)
    while (ready := httpx.get(f"{process.url}/ready")).status_code == 200:
        pass
    assert ready.json()["error"]["value"] == "draining"
    with pytest.raises(httpx.TransportError):
        while True:
            httpx.get(f"{process.url}/health")
    assert not found
    thread.join()
    assert found[0].status_code == 200
    assert found[0].json()["predictions"][0]["label"] == "echo"
    _, errors = process.popen.communicate(timeout=20)
    assert process.popen.returncode == 0
    assert "POST /v1/predict 200" in errors
    assert "sleep" not in errors
    assert "Traceback" not in errors


def test_the_wait_for_what_is_in_flight_is_bounded(started: Callable[[int, float], Process]) -> None:
    process = started(1, 0)
    thread, found = process.ask("sleep 60")
    process.popen.send_signal(signal.SIGINT)
    _, errors = process.popen.communicate(timeout=20)
    thread.join()
    assert process.popen.returncode == 0
    assert found[0].status_code == 503
    assert "shut down" in found[0].json()["error"]["message"]
    assert "Traceback" not in errors


def test_a_port_in_use_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=rf"127\.0\.0\.1 port {port}: Address already in use; choose another --port"
        ):
            bind("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70000, "port 70000 is outside 0 to 65535"),
        ("127.0.0.1", -1, "port -1 is outside"),
        ("no such host", 0, "cannot find the address 'no such host'"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1 port 0: "),
    ],
)
def test_addresses_that_cannot_be_had(host: str, port: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bind(host, port)


@pytest.mark.skipif(os.name != "posix", reason="addresses differ")
def test_public_addresses_are_told_from_local_ones() -> None:
    for host, public in (("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)):
        with bind(host, 0) as bound:
            assert is_public(bound) is public
            assert url(bound).startswith("http://")


def test_an_ipv6_address_is_bracketed() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        bound = bind("::1", 0)
    except InputError:
        pytest.skip("no IPv6 here")
    with bound:
        assert url(bound).startswith("http://[::1]:")
        assert not is_public(bound)


def test_a_port_taken_while_models_load_is_named(model: Any) -> None:
    from turnwise.serve import Limits, create_app
    from turnwise.serve.server import run

    with bind("127.0.0.1", 0) as bound, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(bound.getsockname())
        other.listen()
        with pytest.raises(InputError, match="Address already in use"):
            run(create_app({"shop": model}, Limits()), bound)


def test_threads_limit_pytorch_and_the_matrix_products() -> None:
    code = (
        "from turnwise.serve.server import limit_threads; limit_threads(1); import torch, threadpoolctl;"
        "print(torch.get_num_threads(), {pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "1 {1}\n"
