"""The service's JSON: requests in, answers out, errors."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from turnwise.dialogue import Turn, intents

_LABEL = "track_order"
_NEIGHBOURS: list[JsonValue] = [
    {"text": "has my order been sent yet?", "labels": [_LABEL], "similarity": 0.83},
    {"text": "when will it arrive", "labels": [_LABEL], "similarity": 0.71},
]
_PREDICTION: dict[str, JsonValue] = {
    "labels": [_LABEL],
    "label": _LABEL,
    "confidence": 0.94,
    "alternatives": [{"label": _LABEL, "confidence": 0.94}, {"label": "cancel_order", "confidence": 0.03}],
    "neighbours": _NEIGHBOURS,
    "truncated": False,
}
_DIALOGUE: dict[str, JsonValue] = {
    "dialogue": {
        "turns": [
            {"speaker": "customer", "text": "my parcel has not come"},
            {"speaker": "agent", "text": "Let me look. What is your order number?"},
            {"speaker": "customer", "text": "it is LM-100200"},
        ]
    }
}


class PredictRequest(BaseModel):
    """One text or a list of texts, and the model to ask (default: the first one served)."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": ["text"]}, {"required": ["texts"]}],
            "examples": [{"text": "where is my parcel?"}, {"texts": ["where is my parcel?", "cancel it please"]}],
        },
    )

    text: str | None = Field(None, description="One text.")
    texts: list[str] | None = Field(None, description="Several texts.")
    model: str | None = Field(None, description="A name from /v1/models.")


class Alternative(BaseModel):
    label: str
    confidence: float


class NeighbourBody(BaseModel):
    """A training utterance near the text: the reason for the answer."""

    text: str
    labels: list[str]
    similarity: float = Field(description="Cosine similarity, at most 1.")


class Prediction(BaseModel):
    """The answer to one text."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PREDICTION]})

    labels: list[str] = Field(description="All labels that apply; empty when the text is out of scope.")
    label: str | None = Field(description="The first of `labels`, or null when the text is out of scope.")
    confidence: float | None = Field(description="Calibrated probability that the answer is right.")
    alternatives: list[Alternative] = Field(description="The best labels with their scores, best first.")
    neighbours: list[NeighbourBody] = Field(description="The nearest training utterances, nearest first.")
    truncated: bool = Field(description="True when the model saw only the beginning of the text.")


class PredictResponse(BaseModel):
    """One prediction for each text, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "shop", "version": "3f9a1c2b", "predictions": [_PREDICTION]}]}
    )

    model: str
    version: str
    predictions: list[Prediction]


class AnnotateRequest(BaseModel):
    """One dialogue or a list of them, in the JSON of turnwise, and the model to ask (default: the first one served)."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["dialogue"]}, {"required": ["dialogues"]}], "examples": [_DIALOGUE]},
    )

    dialogue: dict[str, JsonValue] | None = Field(None, description="One dialogue; its `id` may be left out.")
    dialogues: list[dict[str, JsonValue]] | None = Field(None, description="Several dialogues.")
    turns: Literal["all", "last"] = Field(
        "all", description="`last` answers for the last turn alone, and takes the layers of those before as they are."
    )
    model: str | None = Field(None, description="A name from /v1/models.")


class AnnotateResponse(BaseModel):
    """The dialogues of the request, in its order, with the model's layers under `labels`, `spans` and `evidence`."""

    model: str
    version: str
    dialogues: list[dict[str, JsonValue]]


class ModelBody(BaseModel):
    name: str
    task: str = Field(description="What it answers; of intents also through /v1/predict.")
    version: str
    labels: list[str]
    default: bool = Field(description="Whether it answers requests that name no model.")


class ModelsResponse(BaseModel):
    """The models served, with the limits that requests to them keep."""

    models: list[ModelBody]
    limits: dict[str, float]


class StatusResponse(BaseModel):
    status: str


class ErrorDetail(BaseModel):
    """What is wrong (`message`), where in the request (`place`), and the value found there when it is short."""

    message: str
    place: str
    value: str | int | float | bool | None = None


class ErrorBody(BaseModel):
    """The shape of every error."""

    error: ErrorDetail


def prediction(turn: Turn) -> Prediction:
    """A model's turn as an answer."""
    labels = list(intents(turn) or ())
    evidence = turn.evidence.get("intent")
    return Prediction(
        labels=labels,
        label=labels[0] if labels else None,
        confidence=evidence.score if evidence else None,
        alternatives=[Alternative(label=n, confidence=s) for n, s in evidence.alternatives] if evidence else [],
        neighbours=[
            NeighbourBody(text=n.text, labels=list(n.labels), similarity=n.similarity) for n in evidence.neighbours
        ]
        if evidence
        else [],
        truncated=evidence.truncated if evidence else False,
    )


_ERRORS: dict[int, tuple[str, dict[str, object]]] = {
    400: (
        "The body is not JSON in UTF-8.",
        {"message": "Invalid JSON: EOF while parsing a value at line 1 column 0", "place": "body"},
    ),
    404: (
        "No such model.",
        {"message": "no model 'shpo'; there is: shop", "place": "model", "value": "shpo"},
    ),
    408: ("The body did not arrive in time.", {"message": "the body did not arrive within 30 s", "place": "body"}),
    413: (
        "The body is too large.",
        {"message": "the body is over the limit of 1048576 bytes", "place": "body", "value": 2097152},
    ),
    415: (
        "The body's type is not JSON.",
        {"message": "send Content-Type: application/json", "place": "header content-type", "value": "text/plain"},
    ),
    422: (
        "The JSON is not a request: a wrong type, an unknown field, no text, too many, or one too long.",
        {"message": "the text has 12000 characters, the limit is 10000", "place": "texts[3]", "value": 12000},
    ),
    500: ("The model failed.", {"message": "the model failed on this; see the log", "place": "texts[0]"}),
    503: (
        "Too busy, too slow, loading or shutting down; the header Retry-After says when to try again.",
        {"message": "4096 texts wait already; try again later", "place": "server"},
    ),
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented error bodies of a path."""
    return {
        status: {
            "model": ErrorBody,
            "description": _ERRORS[status][0],
            "content": {"application/json": {"example": {"error": _ERRORS[status][1]}}},
        }
        for status in statuses
    }
