"""The FastAPI app: paths, their documentation, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from turnwise.dialogue import to_json
from turnwise.serve import page
from turnwise.serve.body import dialogue_place, parse, parse_dialogues, read_body, text_place
from turnwise.serve.faults import Fault, answer_fault, answer_http
from turnwise.serve.limits import Limits
from turnwise.serve.observer import Observer
from turnwise.serve.predictor import Annotator, Served
from turnwise.serve.schema import (
    AnnotateRequest,
    AnnotateResponse,
    ModelBody,
    ModelsResponse,
    PredictRequest,
    PredictResponse,
    StatusResponse,
    error_responses,
    prediction,
)
from turnwise.serve.service import Service

_DESCRIPTION = """Intents of customer utterances, with calibrated confidence and the nearest training utterances
as the explanation; and layers of whole dialogues.
Every error has the shape `{"error": {"message", "place", "value"?}}`."""
_REQUEST_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": PredictRequest.model_json_schema(),
            "examples": {
                "one": {"summary": "One text", "value": {"text": "where is my parcel?"}},
                "several": {"summary": "Several", "value": {"texts": ["where is my parcel?", "cancel it please"]}},
            },
        }
    },
}
_DIALOGUE_BODY = {
    "required": True,
    "content": {"application/json": {"schema": AnnotateRequest.model_json_schema()}},
}


def create_app(models: Mapping[str, Served], limits: Limits) -> FastAPI:
    """The service over ``models``, the first of which is the default.

    ``app.state.service`` holds its Service. Models are warmed in the background once the app starts; until then
    ``/ready`` answers 503. Raises InputError when there is no model.
    """
    service = Service(models, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.ensure_future(service.warm())
        try:
            yield
        finally:
            service.drain()
            warming.cancel()
            service.close()

    app = FastAPI(
        title="turnwise",
        version=version("turnwise"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.add_exception_handler(Fault, answer_fault)
    app.add_exception_handler(HTTPException, answer_http)

    def named(model: str | None) -> str:
        name = service.default if model is None else model
        if name not in service.models:
            raise Fault(404, f"there is no such model; there is: {', '.join(service.models)}", "model", name)
        return name

    @app.post(
        "/v1/predict",
        summary="Intents of one or many texts",
        response_model=PredictResponse,
        responses=error_responses(400, 404, 408, 413, 415, 422, 500, 503),
        openapi_extra={"requestBody": _REQUEST_BODY},
    )
    async def predict(request: Request) -> Response:
        body = await read_body(request, limits)
        request.state.noted["bytes"] = len(body)
        texts, single, model = parse(body, limits)
        request.state.noted |= {"texts": len(texts), "characters": sum(map(len, texts))}
        name = named(model)
        turns = await service.predict(request, texts, name, lambda index: text_place(single, index))
        found = PredictResponse(
            model=name, version=service.models[name].version, predictions=[prediction(turn) for turn in turns]
        )
        return Response(found.model_dump_json(), media_type="application/json")

    @app.post(
        "/v1/annotate",
        summary="One or many dialogues with the model's layers filled in",
        response_model=AnnotateResponse,
        responses=error_responses(400, 404, 408, 413, 415, 422, 500, 503),
        openapi_extra={"requestBody": _DIALOGUE_BODY},
    )
    async def annotate(request: Request) -> Response:
        body = await read_body(request, limits)
        request.state.noted["bytes"] = len(body)
        dialogues, single, last, model = parse_dialogues(body, limits)
        turns = sum(len(dialogue.turns) for dialogue in dialogues)
        request.state.noted |= {"dialogues": len(dialogues), "turns": turns}
        name = named(model)
        answers = await service.annotate(
            request, dialogues, name, lambda index: dialogue_place(single, index), last=last
        )
        found = AnnotateResponse(
            model=name, version=service.models[name].version, dialogues=[to_json(dialogue) for dialogue in answers]
        )
        return Response(found.model_dump_json(), media_type="application/json")

    @app.get("/v1/models", summary="The models served, their labels and the limits")
    async def list_models() -> ModelsResponse:
        bodies = [
            ModelBody(
                name=name,
                task=model.task if isinstance(model, Annotator) else "intent",
                version=model.version,
                labels=list(model.labels),
                default=name == service.default,
            )
            for name, model in service.models.items()
        ]
        return ModelsResponse(models=bodies, limits=asdict(limits))

    @app.get("/health", summary="Whether the process is alive")
    async def health() -> StatusResponse:
        return StatusResponse(status="alive")

    @app.get("/ready", summary="Whether to send requests here", responses=error_responses(503))
    async def ready() -> StatusResponse:
        if service.status != "ready":
            raise Fault(503, f"the service is not ready: {service.status}", "server", service.status, retry_after=1)
        return StatusResponse(status="ready")

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    async def human_page() -> HTMLResponse:
        return HTMLResponse(page.HTML, headers={"Content-Security-Policy": page.POLICY})

    routes = {"/v1/predict", "/v1/annotate", "/v1/models", "/health", "/ready", "/metrics", "/", "/openapi.json"}
    app.add_middleware(Observer, metrics=service.metrics, routes=routes)
    return app
