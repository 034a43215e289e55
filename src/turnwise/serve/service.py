"""The served models, their batchers, and whether the service is ready."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Literal

from starlette.requests import Request

from turnwise.dialogue import Turn
from turnwise.errors import InputError
from turnwise.serve.batcher import Batcher, Outcome, QueueFullError
from turnwise.serve.body import place
from turnwise.serve.faults import CLIENT_GONE, Fault
from turnwise.serve.limits import Limits
from turnwise.serve.logs import describe, log
from turnwise.serve.metrics import Metrics
from turnwise.serve.predictor import Predictor

Status = Literal["loading", "ready", "draining", "failed"]


class Service:
    """Models by name, the first one being the default; ``status`` is what ``/ready`` reports."""

    def __init__(self, models: Mapping[str, Predictor], limits: Limits) -> None:
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
            (outcome,) = await batcher.submit(["warm-up"])
            if isinstance(outcome, BaseException):
                log.error("the model %s failed on its first text: %s", name, describe(outcome))
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

    async def answer(self, request: Request, texts: list[str], name: str, *, single: bool) -> list[Turn]:
        """One turn a text. Raises Fault when the queue is full, time runs out, the client leaves or a text fails."""
        outcomes = await self._answer_in_time(request, self._batchers[name].submit(texts))
        turns: list[Turn] = []
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, BaseException):
                self.metrics.failed.labels(name).inc()
                raise _failure(outcome, place(single, index), request)
            turns.append(outcome)
        self.metrics.texts.labels(name).inc(len(turns))
        cut = sum("intent" in turn.evidence and turn.evidence["intent"].truncated for turn in turns)
        self.metrics.truncated.labels(name).inc(cut)
        return turns

    async def _answer_in_time(self, request: Request, submitted: Coroutine[None, None, list[Outcome]]) -> list[Outcome]:
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

    def _batcher(self, name: str, model: Predictor) -> Batcher:
        texts, seconds = self.metrics.batch_texts.labels(name), self.metrics.batch_seconds.labels(name)

        def observe(count: int, duration: float) -> None:
            texts.observe(count)
            seconds.observe(duration)

        batcher = Batcher(model.predict, max_batch=self.limits.batch, max_waiting=self.limits.waiting, observe=observe)
        self.metrics.queue.labels(name).set_function(lambda: batcher.waiting)
        self.metrics.model.labels(name, model.version).set(1)
        return batcher


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _failure(error: BaseException, where: str, request: Request) -> Fault:
    """InputError explains itself to the client; any other failure is the service's own."""
    if isinstance(error, InputError):
        return Fault(422, str(error), where)
    request.state.noted["error"] = describe(error)
    return Fault(500, f"the model failed on this text; the log has the reason at id {request.state.request_id}", where)
