"""From the bytes of a request to texts or dialogues inside the limits, or a Fault that says what is wrong where."""

import asyncio
from difflib import get_close_matches
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import CorpusError
from turnwise.serve.faults import CLIENT_GONE, Fault
from turnwise.serve.limits import Limits
from turnwise.serve.schema import AnnotateRequest, PredictRequest

Query = TypeVar("Query", bound=BaseModel)

_LINGER_SECONDS = 0.2
_LINGER_BODIES = 8


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body, never more than ``limits.body_bytes`` of it in memory, whatever Content-Length says."""
    _check_type(request)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        await _linger(request, limits)
        raise _too_large(limits, int(declared))
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    break
    except TimeoutError:
        raise Fault(408, f"the body did not arrive within {limits.seconds:g} s", "body", len(body)) from None
    except ClientDisconnect:
        raise Fault(CLIENT_GONE, "the client went away", "body") from None
    if len(body) > limits.body_bytes:
        await _linger(request, limits)
        raise _too_large(limits, None)
    return bytes(body)


def parse(body: bytes, limits: Limits) -> tuple[list[str], bool, str | None]:
    """The texts, whether they came as one ``text``, and the model's name.

    Raises Fault: 400 for what is no JSON, 422 for JSON that is no request.
    """
    query = _query(body, PredictRequest)
    if (query.text is None) == (query.texts is None):
        raise Fault(422, 'give either "text" (a string) or "texts" (a list of strings)', "body")
    texts = [query.text] if query.text is not None else query.texts or []
    if not texts:
        raise Fault(422, "the list is empty; give at least one text", "texts")
    if len(texts) > limits.texts:
        message = f"the request has {len(texts)} texts, the limit is {limits.texts}; send them in parts"
        raise Fault(422, message, "texts", len(texts))
    for index, each in enumerate(texts):
        if len(each) > limits.characters:
            message = f"the text has {len(each)} characters, the limit is {limits.characters}"
            raise Fault(422, message, text_place(query.texts is None, index), len(each))
    return texts, query.texts is None, query.model


def parse_dialogues(body: bytes, limits: Limits) -> tuple[list[Dialogue], bool, bool, str | None]:
    """The dialogues, whether they came as one ``dialogue``, whether the last turn alone is asked, the model's name.

    Raises Fault as ``parse`` does; every turn counts as a text of the limits.
    """
    query = _query(body, AnnotateRequest)
    if (query.dialogue is None) == (query.dialogues is None):
        raise Fault(422, 'give either "dialogue" (an object) or "dialogues" (a list of objects)', "body")
    given = [query.dialogue] if query.dialogue is not None else query.dialogues or []
    if not given:
        raise Fault(422, "the list is empty; give at least one dialogue", "dialogues")
    single = query.dialogues is None
    found: list[Dialogue] = []
    for index, value in enumerate(given):
        where = dialogue_place(single, index)
        try:
            found.append(from_json({"id": f"request:{index}", **value}))
        except CorpusError as error:
            raise Fault(422, "; ".join(error.problems[:5]) or str(error), where) from None
        for at, turn in enumerate(found[-1].turns):
            if len(turn.text) > limits.characters:
                message = f"the text has {len(turn.text)} characters, the limit is {limits.characters}"
                raise Fault(422, message, f"{where}.turns[{at}].text", len(turn.text))
    turns = sum(len(dialogue.turns) for dialogue in found)
    if turns > limits.texts:
        message = f"the request has {turns} turns, the limit is {limits.texts}; send the dialogues in parts"
        raise Fault(422, message, "dialogue" if single else "dialogues", turns)
    return found, single, query.turns == "last", query.model


def text_place(single: bool, index: int) -> str:
    """Where in the request a text stands."""
    return "text" if single else f"texts[{index}]"


def dialogue_place(single: bool, index: int) -> str:
    """Where in the request a dialogue stands."""
    return "dialogue" if single else f"dialogues[{index}]"


def _query(body: bytes, kind: type[Query]) -> Query:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Fault(400, f"the body is not UTF-8: {error.reason} at byte {error.start}", "body") from None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _invalid(error, list(kind.model_fields)) from None


def _check_type(request: Request) -> None:
    stated = request.headers.get("content-type", "")
    kind, _, parameters = stated.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise Fault(415, "send Content-Type: application/json, in UTF-8", "header content-type", stated)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Fault(415, "send the body as it is, not compressed", "header content-encoding", encoding)


def _too_large(limits: Limits, size: int | None) -> Fault:
    message = f"the body is over the limit of {limits.body_bytes} bytes; send fewer or shorter texts a request"
    return Fault(413, message, "body", size, headers={"Connection": "close"})


async def _linger(request: Request, limits: Limits) -> None:
    """Discard what still comes, within bounds: a client that is cut off while it sends never reads the answer."""
    if request.headers.get("expect", "").lower() == "100-continue":
        return
    left = _LINGER_BODIES * limits.body_bytes
    try:
        while left > 0:
            async with asyncio.timeout(_LINGER_SECONDS):
                message = await request.receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                return
            left -= len(message.get("body", b""))
    except TimeoutError:
        return


def _invalid(error: ValidationError, fields: list[str]) -> Fault:
    first = error.errors(include_url=False)[0]
    where, value = first["loc"], first["input"]
    if first["type"] == "json_invalid":
        return Fault(400, first["msg"], "body")
    if first["type"] == "extra_forbidden":
        near = get_close_matches(str(where[0]), fields, 1)
        hint = f"did you mean {near[0]}?" if near else f"the fields are {', '.join(fields)}"
        return Fault(422, f"unknown field; {hint}", _path(where))
    return Fault(422, first["msg"], _path(where), value)


def _path(where: tuple[int | str, ...]) -> str:
    """``("texts", 3)`` as ``texts[3]``."""
    found = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:80]}" for step in where)
    return found.removeprefix(".") or "body"
