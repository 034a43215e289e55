"""The served models, their batchers, and whether the service is ready."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from starlette.requests import Request

from turnwise.dialogue import Dialogue, Turn, utterance
from turnwise.errors import InputError
from turnwise.serve.batcher import Batcher, QueueFullError
from turnwise.serve.faults import CLIENT_GONE, Fault
from turnwise.serve.limits import Limits
from turnwise.serve.logs import describe, log
from turnwise.serve.metrics import Metrics
from turnwise.serve.predictor import Annotator, Served

Answer = TypeVar("Answer")
Status = Literal["loading", "ready", "draining", "failed"]


class Service:
    """Models by name, the first one being the default; ``status`` is what ``/ready`` reports."""

    def __init__(self, models: Mapping[str, Served], limits: Limits) -> None:
        if not models:
            raise InputError("there is no model to serve; give at least one model folder")
        self.models = dict(models)
        self.default = next(iter(self.models))
        self.limits = limits
        self.metrics = Metrics()
        self.status: Status = "loading"
        self._batchers = {name: self._batcher(name, model) for name, model in self.models.items()}

    @property
    def busy(self) -> bool:
        """Whether a model call runs now."""
        return any(batcher.running for batcher in self._batchers.values())

    async def warm(self) -> None:
        """Ask each model once, so that the first client does not pay for lazy starts; then the service is ready."""
        for name, batcher in self._batchers.items():
            first = (utterance("warm-up"), False) if isinstance(self.models[name], Annotator) else "warm-up"
            (outcome,) = await batcher.submit([first])
            if isinstance(outcome, BaseException):
                log.error("the model %s failed on its first input: %s", name, describe(outcome))
                self.status = "failed"
                return
        if self.status == "loading":
            self.status = "ready"

    def drain(self) -> None:
        """From now on ``/ready`` says that the service is leaving."""
        self.status = "draining"

    def close(self) -> None:
        """End the worker threads."""
        for batcher in self._batchers.values():
            batcher.close()

    async def predict(self, request: Request, texts: list[str], name: str, place: Callable[[int], str]) -> list[Turn]:
        """One turn a text; ``place`` says where in the request a text stands.

        Raises Fault when the model reads dialogues alone, the queue is full, time runs out, the client leaves or a text
        fails.
        """
        model = self.models[name]
        if isinstance(model, Annotator):
            raise Fault(422, f"the task {model.task} reads whole dialogues; POST them to /v1/annotate", "model", name)
        turns: list[Turn] = await self._answers(request, name, texts, place)
        cut = sum("intent" in turn.evidence and turn.evidence["intent"].truncated for turn in turns)
        self.metrics.truncated.labels(name).inc(cut)
        return turns

    async def annotate(
        self, request: Request, dialogues: list[Dialogue], name: str, place: Callable[[int], str], *, last: bool = False
    ) -> list[Dialogue]:
        """The dialogues with the model's layers filled in; a model of texts answers for each customer turn.

        With ``last`` the last turn alone is answered for. Raises Fault as ``predict`` does.
        """
        if isinstance(self.models[name], Annotator):
            return await self._answers(request, name, [(dialogue, last) for dialogue in dialogues], place)
        places = [
            (row, at)
            for row, dialogue in enumerate(dialogues)
            for at, turn in enumerate(dialogue.turns)
            if turn.speaker != "agent" and (at == len(dialogue.turns) - 1 or not last)
        ]
        texts = [dialogues[row].turns[at].text for row, at in places]
        answers = await self.predict(request, texts, name, lambda k: f"{place(places[k][0])}.turns[{places[k][1]}]")
        turns = [list(dialogue.turns) for dialogue in dialogues]
        for (row, at), answer in zip(places, answers, strict=True):
            turn = turns[row][at]
            turns[row][at] = replace(
                turn, labels={**turn.labels, **answer.labels}, evidence={**turn.evidence, **answer.evidence}
            )
        return [replace(dialogue, turns=tuple(found)) for dialogue, found in zip(dialogues, turns, strict=True)]

    async def _answers(
        self, request: Request, name: str, items: Sequence[Any], place: Callable[[int], str]
    ) -> list[Any]:
        if not items:
            return []
        outcomes = await self._answer_in_time(request, self._batchers[name].submit(items))
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, BaseException):
                self.metrics.failed.labels(name).inc()
                raise _failure(outcome, place(index), request)
        self.metrics.texts.labels(name).inc(len(outcomes))
        return outcomes

    async def _answer_in_time(self, request: Request, submitted: Coroutine[None, None, list[Answer]]) -> list[Answer]:
        work = asyncio.ensure_future(submitted)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({work, gone}, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if gone.done():
                raise Fault(CLIENT_GONE, "the client went away", "server")
            raise Fault(503, f"no answer within {self.limits.seconds:g} s; try again later", "server", retry_after=1)
        except QueueFullError:
            message = f"the queue of {self.limits.waiting} texts has no room for this request; try again later"
            raise Fault(503, message, "server", retry_after=1) from None
        finally:
            work.cancel()
            gone.cancel()

    def _batcher(self, name: str, model: Served) -> Batcher[Any, Any]:
        texts, seconds = self.metrics.batch_texts.labels(name), self.metrics.batch_seconds.labels(name)

        def observe(count: int, duration: float) -> None:
            texts.observe(count)
            seconds.observe(duration)

        run: Callable[[list[Any]], list[Any]] = model.predict if not isinstance(model, Annotator) else _listed(model)
        batcher = Batcher(run, max_batch=self.limits.batch, max_waiting=self.limits.waiting, observe=observe)
        self.metrics.queue.labels(name).set_function(lambda: batcher.waiting)
        self.metrics.model.labels(name, model.version).set(1)
        return batcher


def _listed(model: Annotator) -> Callable[[list[tuple[Dialogue, bool]]], list[Dialogue]]:
    """Answers dialogues that come with whether the last turn alone is asked: those of one kind together."""

    def answers(asked: list[tuple[Dialogue, bool]]) -> list[Dialogue]:
        found: dict[int, Dialogue] = {}
        for kind in (False, True):
            rows = [row for row, (_, last) in enumerate(asked) if last == kind]
            found |= zip(rows, model.annotate([asked[row][0] for row in rows], last=kind), strict=True) if rows else {}
        return [found[row] for row in range(len(asked))]

    return answers


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _failure(error: BaseException, where: str, request: Request) -> Fault:
    """InputError explains itself to the client; any other failure is the service's own."""
    if isinstance(error, InputError):
        return Fault(422, str(error), where)
    request.state.noted["error"] = describe(error)
    return Fault(500, f"the model failed on this; the log has the reason at id {request.state.request_id}", where)
