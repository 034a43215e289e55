"""The paths, driven over a real socket."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from prometheus_client.parser import text_string_to_metric_families

from turnwise.dialogue import Turn
from turnwise.errors import InputError
from turnwise.serve import Limits, create_app
from turnwise.serve.schema import ErrorBody, PredictRequest, PredictResponse


def test_one_text_gets_label_confidence_and_neighbours(client: httpx.Client) -> None:
    response = client.post("/v1/predict", json={"text": "where is my parcel"})
    assert response.status_code == 200
    body = PredictResponse.model_validate_json(response.content, strict=True)
    assert (body.model, body.version) == ("shop", "0123abcd")
    (found,) = body.predictions
    assert found.labels == ["track_order"]
    assert found.label == "track_order"
    assert found.confidence == pytest.approx(1, abs=1e-3)
    assert [a.label for a in found.alternatives] == ["track_order"]
    assert found.neighbours[0].text == "where is my parcel"
    assert found.neighbours[0].similarity >= found.neighbours[1].similarity
    assert found.truncated is False


def test_many_texts_keep_their_order(client: httpx.Client) -> None:
    texts = ["I want my money back", "where is my parcel", "please cancel my order", "nothing"]
    predictions = client.post("/v1/predict", json={"texts": texts, "model": "other"}).json()["predictions"]
    assert [p["label"] for p in predictions] == ["refund", "track_order", "cancel_order", None]
    assert predictions[-1]["labels"] == []


def test_truncation_is_said(client: httpx.Client) -> None:
    predictions = client.post("/v1/predict", json={"texts": ["where is it " * 16, "short"]}).json()["predictions"]
    assert [p["truncated"] for p in predictions] == [True, False]


@pytest.mark.parametrize("text", ["", "  ", "\u0000", "😀👩‍👩‍👧", "我的包裹在哪里", "x" * 200, "\u202eabc", "a\nb"])
def test_odd_texts_are_answered(client: httpx.Client, text: str) -> None:
    assert client.post("/v1/predict", json={"text": text}).status_code == 200


def test_models_are_listed_with_the_limits(client: httpx.Client) -> None:
    body = client.get("/v1/models").json()
    assert [(m["name"], m["version"], m["default"]) for m in body["models"]] == [
        ("shop", "0123abcd", True),
        ("other", "0123abcd", False),
    ]
    assert body["models"][0]["labels"] == ["cancel_order", "markup", "refund", "track_order"]
    assert body["limits"]["characters"] == 200


def test_health_and_readiness(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready"}


def test_not_ready_while_loading_and_while_draining(serving: Callable[..., Any], gate: Any) -> None:
    gate.shut()
    running = serving({"shop": gate}, Limits(), ready=False)
    loading = httpx.get(f"{running.url}/ready")
    assert (loading.status_code, loading.headers["retry-after"]) == (503, "1")
    assert loading.json()["error"]["value"] == "loading"
    assert httpx.get(f"{running.url}/health").status_code == 200
    gate.open.set()
    while httpx.get(f"{running.url}/ready").status_code == 503:
        pass
    running.app.state.service.drain()
    assert httpx.get(f"{running.url}/ready").json()["error"]["value"] == "draining"


def test_a_model_that_cannot_answer_is_never_ready(serving: Callable[..., Any]) -> None:
    class Broken:
        labels, version = ("a",), "1"

        def predict(self, texts: list[str]) -> list[Turn]:
            raise RuntimeError("broken")

    running = serving({"shop": Broken()}, Limits(), ready=False)
    while (value := httpx.get(f"{running.url}/ready").json()["error"]["value"]) == "loading":
        pass
    assert value == "failed"


def test_200_concurrent_clients_each_get_their_own_answer_in_shared_batches(
    serving: Callable[..., Any], model: Any, neighbour: ModuleType
) -> None:
    running = serving({"shop": model}, Limits(batch=32))
    texts = [list(neighbour.BANK)[i % len(neighbour.BANK)] + f" {i}" for i in range(200)]
    alone = [turn.labels["intent"][0] for turn in model.predict(texts)]
    model.calls.clear()

    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=running.url, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(client.post("/v1/predict", json={"text": text}) for text in texts))

    answers = [response.json() for response in asyncio.run(ask_all())]
    assert [a["predictions"][0]["label"] for a in answers] == alone
    assert sum(model.calls) == 200
    assert 1 < max(model.calls) <= 32

    found = _metrics(httpx.get(f"{running.url}/metrics").text)
    assert found["turnwise_texts_total", "shop"] == 200
    batches = found["turnwise_batch_texts_count", "shop"]
    assert found["turnwise_batch_texts_sum", "shop"] / batches > 1
    assert found["turnwise_queue_texts", "shop"] == 0


def _metrics(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("model", sample.labels.get("route", ""))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_requests_truncation_and_failures(serving: Callable[..., Any], model: Any) -> None:
    running = serving({"shop": model}, Limits())
    for text in ("where is it " * 30, "boom", "short"):
        httpx.post(f"{running.url}/v1/predict", json={"text": text})
    httpx.get(f"{running.url}/no/such/path?text=private")
    response = httpx.get(f"{running.url}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    found = {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(response.text)
        for s in family.samples
    }
    assert found["turnwise_requests_total", "/v1/predict", "200"] == 2
    assert found["turnwise_requests_total", "/v1/predict", "500"] == 1
    assert found["turnwise_requests_total", "404", "other"] == 1
    assert found["turnwise_texts_truncated_total", "shop"] == 1
    assert found["turnwise_texts_failed_total", "shop"] == 1
    assert found["turnwise_request_seconds_count", "/v1/predict"] == 3
    assert found["turnwise_requests_in_flight",] == 1
    assert found["turnwise_model_info", "0123abcd", "shop"] == 1


def test_two_apps_in_one_process_do_not_mix_their_metrics(model: Any) -> None:
    first, second = (create_app({"shop": model}, Limits()) for _ in range(2))
    first.state.service.metrics.texts.labels("shop").inc()
    assert b'turnwise_texts_total{model="shop"} 1.0' in first.state.service.metrics.render()
    assert b"turnwise_texts_total{" not in second.state.service.metrics.render()


def test_request_id_comes_back_or_is_made(client: httpx.Client) -> None:
    assert client.get("/health", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = client.get("/health", headers={"X-Request-ID": "a b\x7f" * 50}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def test_logs_hold_ids_and_lengths_but_no_text_and_no_traceback(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "turnwise.serve"):
        client.post("/v1/predict", json={"text": "my card is 4111"}, headers={"X-Request-ID": "r1"})
        client.post("/v1/predict", json={"texts": ["fine", "boom"]}, headers={"X-Request-ID": "r2"})
        client.get("/private/4111?card=4111")
        deadline = time.monotonic() + 10  # a line is written after its answer has gone out
        while len(lines := [r.getMessage() for r in caplog.records if r.name == "turnwise.serve"]) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    fine, failed, unknown = lines
    assert re.fullmatch(r"id=r1 POST /v1/predict 200 [\d.]+ ms bytes=\d+ texts=1 characters=15", fine)
    assert re.search(r"id=r2 POST /v1/predict 500 .* error=RuntimeError at neighbour.py:\d+$", failed)
    assert " GET other 404 " in unknown
    assert "4111" not in caplog.text
    assert "digest" not in caplog.text
    assert "Traceback" not in caplog.text


def test_openapi_is_valid_and_its_examples_are_true_to_it(client: httpx.Client) -> None:
    found = client.get("/openapi.json").json()
    OpenAPI.model_validate(found)
    for reference in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(found)):
        assert reference in found["components"]["schemas"]
    operation = found["paths"]["/v1/predict"]["post"]
    for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
        assert client.post("/v1/predict", json=example["value"]).status_code == 200
        PredictRequest.model_validate(example["value"])
    for status, response in operation["responses"].items():
        if status != "200":
            ErrorBody.model_validate(response["content"]["application/json"]["example"])
    assert set(operation["responses"]) == {"200", "400", "404", "408", "413", "415", "422", "500", "503"}
    (example,) = found["components"]["schemas"]["PredictResponse"]["examples"]
    PredictResponse.model_validate(example)


def test_answers_are_not_cached_and_carry_a_strict_policy(client: httpx.Client) -> None:
    headers = client.post("/v1/predict", json={"text": "hi"}).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers or headers["server"] == "uvicorn"


def test_no_model_no_app() -> None:
    with pytest.raises(InputError, match="no model to serve"):
        create_app({}, Limits())


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"texts": 0}, "texts is 0"), ({"seconds": float("nan")}, "seconds is nan"), ({"waiting": 5}, "raise waiting to")],
)
def test_limits_that_cannot_work_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Limits(**changed)
