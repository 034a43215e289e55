"""Everything a client can do wrong gets a JSON error of one shape."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnwise.serve import Limits
from turnwise.serve.schema import ErrorBody

JSON = {"Content-Type": "application/json"}


def _error(response: httpx.Response, status: int, place: str, *words: str) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error = ErrorBody.model_validate_json(response.content, strict=True).error
    assert set(response.json()) == {"error"}
    assert error.place == place
    for word in words:
        assert word in error.message
    return error.value


@pytest.mark.parametrize(
    ("body", "status", "place", "words"),
    [
        (b"", 400, "body", ["Invalid JSON", "line 1"]),
        (b"{", 400, "body", ["Invalid JSON"]),
        (b'{"text": "a"} x', 400, "body", ["trailing"]),
        (b"{\"text\": 'a'}", 400, "body", ["Invalid JSON"]),
        (b'{"text": "\xff"}', 400, "body", ["not UTF-8", "byte 10"]),
        ('{"text": "a"}'.encode("utf-16"), 400, "body", ["not UTF-8"]),
        (b'{"text": "\\ud800"}', 400, "body", ["Invalid JSON"]),
        (b"[" * 3000, 400, "body", ["recursion"]),
        (b"[]", 422, "body", ["object"]),
        (b"null", 422, "body", ["object"]),
        (b"3", 422, "body", ["object"]),
        (b'"text"', 422, "body", ["object"]),
        (b"{}", 422, "body", ["either"]),
        (b'{"text": null}', 422, "body", ["either"]),
        (b'{"text": "a", "texts": ["b"]}', 422, "body", ["either"]),
        (b'{"text": 3}', 422, "text", ["string"]),
        (b'{"text": NaN}', 422, "text", ["string"]),
        (b'{"text": ["a"]}', 422, "text", ["string"]),
        (b'{"texts": "a"}', 422, "texts", ["array"]),
        (b'{"texts": ["a", {"b": 1}]}', 422, "texts[1]", ["string"]),
        (b'{"texts": ["a", null]}', 422, "texts[1]", ["string"]),
        (b'{"texts": []}', 422, "texts", ["empty"]),
        (b'{"texts": ["a", "b", "c", "d", "e", "f"]}', 422, "texts", ["6 texts", "limit is 5"]),
        (b'{"text": "a", "model": 3}', 422, "model", ["string"]),
        (b'{"text": "a", "model": "shpo"}', 404, "model", ["shop, other"]),
        (b'{"txet": "a"}', 422, "txet", ["unknown field", "did you mean text?"]),
        (b'{"text": "a", "k": 3}', 422, "k", ["unknown field", "text, texts, model"]),
        (b'{"text": 1' + b"0" * 3000 + b"}", 422, "text", ["string"]),
    ],
)
def test_malformed_bodies(client: httpx.Client, body: bytes, status: int, place: str, words: list[str]) -> None:
    _error(client.post("/v1/predict", content=body, headers=JSON), status, place, *words)


def test_a_byte_order_mark_is_no_fault(client: httpx.Client) -> None:
    assert client.post("/v1/predict", content=b'\xef\xbb\xbf{"text": "a"}', headers=JSON).status_code == 200


def test_a_text_over_the_limit_is_named_with_place_length_and_limit(client: httpx.Client) -> None:
    response = client.post("/v1/predict", json={"texts": ["a", "b", "c", "é" * 201]})
    assert _error(response, 422, "texts[3]", "201 characters", "limit is 200") == 201
    assert _error(client.post("/v1/predict", json={"text": "é" * 201}), 422, "text", "limit is 200") == 201


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=latin-1"}],
)
def test_other_content_types_are_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    response = client.post("/v1/predict", content=b'{"text": "a"}', headers=headers)
    _error(response, 415, "header content-type", "application/json")


def test_compressed_bodies_are_refused(client: httpx.Client) -> None:
    response = client.post("/v1/predict", content=b"x", headers={**JSON, "Content-Encoding": "gzip"})
    assert _error(response, 415, "header content-encoding", "not compressed") == "gzip"


def test_unknown_paths_and_wrong_methods(client: httpx.Client) -> None:
    assert _error(client.get("/nowhere"), 404, "path", "no such path") == "/nowhere"
    response = client.get("/v1/predict")
    assert _error(response, 405, "path", "takes POST") == "GET"
    assert response.headers["allow"] == "POST"
    _error(client.get("/docs"), 404, "path")


def test_a_large_body_is_refused_with_and_without_content_length(client: httpx.Client) -> None:
    body = json.dumps({"text": "x" * 10_000}).encode()
    assert _error(client.post("/v1/predict", content=body, headers=JSON), 413, "body", "4000 bytes") == len(body)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    _error(client.post("/v1/predict", content=pieces(), headers=JSON), 413, "body", "4000 bytes")


def _raw(port: int, *parts: bytes) -> bytes:
    """Send bytes as they are and read until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
            if b"\r\n\r\n" in received and b"}}" in received:
                break
        return received


_HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_an_endless_body_is_refused_before_it_ends(small: Any) -> None:
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    answer = _raw(small.port, _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 6)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"over the limit of 4000 bytes" in answer


def test_a_large_announced_body_is_refused_before_it_is_sent(small: Any) -> None:
    answer = _raw(small.port, _HEAD + b"Content-Length: 999999999\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


def test_a_content_length_that_is_too_small_cuts_the_body(small: Any) -> None:
    answer = _raw(small.port, _HEAD + b"Content-Length: 5\r\nConnection: close\r\n\r\n" + b'{"text": "where"}')
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_content_lengths_that_are_no_number_are_refused(small: Any) -> None:
    answer = _raw(small.port, _HEAD + b"Content-Length: -5\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_that_never_comes_times_out(serving: Callable[..., Any], model: Any) -> None:
    running = serving({"shop": model}, Limits(seconds=0.3))
    answer = _raw(running.port, _HEAD + b"Content-Length: 50\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.3 s" in answer


def test_a_slow_model_times_out_and_the_service_recovers(serving: Callable[..., Any], gate: Any) -> None:
    running = serving({"shop": gate}, Limits(seconds=0.3))
    gate.shut()
    response = httpx.post(f"{running.url}/v1/predict", json={"text": "hello"})
    _error(response, 503, "server", "no answer within 0.3 s")
    assert response.headers["retry-after"] == "1"
    gate.open.set()
    while httpx.post(f"{running.url}/v1/predict", json={"text": "hello"}).status_code != 200:
        pass


class _Asking:
    """Requests in threads of their own; ``found`` holds the responses by last text."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.found: dict[str, httpx.Response] = {}
        self.threads: list[threading.Thread] = []

    def ask(self, *texts: str) -> None:
        self.threads.append(threading.Thread(target=self._ask, args=texts))
        self.threads[-1].start()

    def _ask(self, *texts: str) -> None:
        self.found[texts[-1]] = httpx.post(f"{self.url}/v1/predict", json={"texts": texts}, timeout=30)

    def done(self) -> dict[str, httpx.Response]:
        for thread in self.threads:
            thread.join()
        return self.found


def test_a_full_queue_refuses_at_once(serving: Callable[..., Any], gate: Any, until: Callable[..., None]) -> None:
    running = serving({"shop": gate}, Limits(texts=3, waiting=4, batch=1))
    gate.shut()
    asking = _Asking(running.url)
    asking.ask("a", "b", "c")
    until(lambda: running.waiting() == 2)
    response = httpx.post(f"{running.url}/v1/predict", json={"texts": ["c", "d", "e"]})
    _error(response, 503, "server", "queue of 4 texts")
    assert response.headers["retry-after"] == "1"
    asking.ask("d", "e")
    until(lambda: running.waiting() == 4)
    gate.open.set()
    assert [each.status_code for each in asking.done().values()] == [200, 200]


def test_only_the_request_that_breaks_the_model_fails(
    serving: Callable[..., Any], gate: Any, until: Callable[..., None]
) -> None:
    running = serving({"shop": gate}, Limits())
    gate.shut()
    asking = _Asking(running.url)
    asking.ask("first")
    assert gate.entered.wait(20)
    for text in ("boom", "refuse", "where is my parcel"):
        asking.ask("good", text)
    until(lambda: running.waiting() == 6)
    gate.open.set()
    found = asking.done()
    _error(found["boom"], 500, "texts[1]", "the log has the reason", found["boom"].headers["x-request-id"])
    _error(found["refuse"], 422, "texts[1]", "the text is refused; write another one")
    assert found["where is my parcel"].json()["predictions"][1]["label"] == "track_order"
    assert found["first"].status_code == 200


def test_the_work_of_a_client_that_left_is_dropped(
    serving: Callable[..., Any], gate: Any, until: Callable[..., None]
) -> None:
    running = serving({"shop": gate}, Limits(batch=1))
    gate.shut()
    asking = _Asking(running.url)
    asking.ask("first")
    assert gate.entered.wait(20)
    body = json.dumps({"texts": ["a"] * 50}).encode()
    with socket.create_connection(("127.0.0.1", running.port)) as leaver:
        leaver.sendall(_HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: running.waiting() == 50)
    until(lambda: running.waiting() == 0)
    gate.open.set()
    assert asking.done()["first"].status_code == 200
    metrics = running.app.state.service.metrics.render()
    assert b'turnwise_requests_total{route="/v1/predict",status="499"} 1.0' in metrics
    assert b'turnwise_batch_texts_sum{model="shop"} 2.0' in metrics


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_objects = st.dictionaries(st.sampled_from(["text", "texts", "model", "other"]), _values, max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.one_of(_objects, _values).map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_service(client: httpx.Client, body: bytes) -> None:
    response = client.post("/v1/predict", content=body, headers=JSON)
    assert response.status_code in {200, 400, 404, 413, 422}
    if response.status_code != 200:
        ErrorBody.model_validate_json(response.content, strict=True)
