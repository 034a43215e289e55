import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from turnwise.dialogue import Turn
from turnwise.serve import Limits, create_app
from turnwise.serve.server import bind, url


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"serve_test_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load() -> Callable[[str], ModuleType]:
    """The helper modules beside the tests, by name."""
    return _load


@pytest.fixture(scope="session")
def neighbour() -> ModuleType:
    return _load("neighbour")


@pytest.fixture(scope="session")
def model(neighbour: ModuleType) -> Any:
    return neighbour.NeighbourModel()


class Gate:
    """A model whose calls wait while the gate is shut; ``entered`` tells that one does."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.labels, self.version = model.labels, model.version
        self.entered = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def shut(self) -> None:
        self.open.clear()
        self.entered.clear()

    def predict(self, texts: Sequence[str]) -> list[Turn]:
        self.entered.set()
        assert self.open.wait(20)
        found: list[Turn] = self.model.predict(texts)
        return found


@pytest.fixture
def gate(model: Any) -> Iterator[Gate]:
    found = Gate(model)
    yield found
    found.open.set()


class Running:
    """A real server on a free port, in a thread of its own."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.socket = bind("127.0.0.1", 0)
        self.url = url(self.socket)
        self.port = self.socket.getsockname()[1]
        config = uvicorn.Config(
            app, http="h11", ws="none", lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=5
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()
        wait_until(lambda: self.server.started)

    def waiting(self) -> float:
        """Texts in the queues, as the metrics say."""
        (family,) = self.app.state.service.metrics.queue.collect()
        return float(sum(sample.value for sample in family.samples))

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


@pytest.fixture
def serving() -> Iterator[Callable[..., Running]]:
    """Start servers; all of them stop when the test ends."""
    started: list[Running] = []

    def start(models: dict[str, Any], limits: Limits, *, ready: bool = True) -> Running:
        started.append(Running(create_app(models, limits)))
        if ready:
            wait_until(lambda: httpx.get(f"{started[-1].url}/ready").status_code == 200)
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until


SMALL = Limits(body_bytes=4000, texts=5, characters=200, seconds=10, waiting=300, batch=16)


@pytest.fixture(scope="session")
def small(model: Any) -> Iterator[Running]:
    """One server with small limits, shared by the tests that change nothing in it."""
    running = Running(create_app({"shop": model, "other": model}, SMALL))
    wait_until(lambda: httpx.get(f"{running.url}/ready").status_code == 200)
    yield running
    running.stop()


@pytest.fixture
def client(small: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=small.url, timeout=20) as found:
        yield found
