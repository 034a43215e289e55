"""Concurrent requests share model calls: what queued while one call ran goes into the next."""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class QueueFullError(Exception):
    """More items wait than the queue may hold."""


@dataclass(eq=False, slots=True)
class _Job(Generic[Item, Answer]):
    """One request: ``taken`` items have gone to the model, ``outcomes`` have come back."""

    items: Sequence[Item]
    future: asyncio.Future[list[Answer | BaseException]]
    taken: int = 0
    outcomes: list[Answer | BaseException] = field(default_factory=list)


class Batcher(Generic[Item, Answer]):
    """One model's queue and its one worker thread. Items are texts or dialogues; an outcome is an answer or an error.

    An idle model is called at once; while a call runs, items queue, and the next call takes up to ``max_batch`` of
    them, first come, first served. Nothing waits for a batch to fill. ``observe(items, seconds)`` is told of
    every call. All state lives on the event loop; the thread only calls ``predict``.
    """

    def __init__(
        self,
        predict: Callable[[list[Item]], list[Answer]],
        *,
        max_batch: int,
        max_waiting: int,
        observe: Callable[[int, float], None],
    ) -> None:
        self._predict = predict
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._observe = observe
        self._jobs: deque[_Job[Item, Answer]] = deque()
        self._running = False
        self._inbox: queue.SimpleQueue[list[Item] | None] = queue.SimpleQueue()
        self._pieces: list[tuple[_Job[Item, Answer], int]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> int:
        """Items that no model call has taken yet."""
        return sum(len(job.items) - job.taken for job in list(self._jobs))

    @property
    def running(self) -> bool:
        """Whether a model call runs now."""
        return self._running

    async def submit(self, items: Sequence[Item]) -> list[Answer | BaseException]:
        """One outcome an item, in order. Cancelling it drops the items that the model has not taken yet.

        Raises QueueFullError when the items do not fit into the queue.
        """
        if self.waiting + len(items) > self._max_waiting:
            raise QueueFullError
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            threading.Thread(target=self._work, args=(loop,), name="turnwise-model", daemon=True).start()
        job: _Job[Item, Answer] = _Job(items, loop.create_future())
        self._jobs.append(job)
        self._pump()
        try:
            return await job.future
        finally:
            if job in self._jobs:
                self._jobs.remove(job)

    def close(self) -> None:
        """End the worker thread after the call that runs now."""
        self._inbox.put(None)

    def _pump(self) -> None:
        """Hand the next batch to the thread, unless it is busy."""
        if self._running or not self._jobs:
            return
        batch: list[Item] = []
        while self._jobs and len(batch) < self._max_batch:
            job = self._jobs[0]
            piece = job.items[job.taken : job.taken + self._max_batch - len(batch)]
            job.taken += len(piece)
            self._pieces.append((job, len(piece)))
            batch.extend(piece)
            if job.taken == len(job.items):
                self._jobs.popleft()
        self._running = True
        self._inbox.put(batch)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (batch := self._inbox.get()) is not None:
            start = perf_counter()
            outcomes = attempt(self._predict, batch)
            seconds = perf_counter() - start
            try:
                loop.call_soon_threadsafe(self._finish, outcomes, seconds)
            except RuntimeError:  # the loop closed while the model ran
                return

    def _finish(self, outcomes: list[Answer | BaseException], seconds: float) -> None:
        self._observe(len(outcomes), seconds)
        pieces, self._pieces = self._pieces, []
        start = 0
        for job, count in pieces:
            job.outcomes.extend(outcomes[start : start + count])
            start += count
            if len(job.outcomes) == len(job.items) and not job.future.done():
                job.future.set_result(job.outcomes)
        self._running = False
        self._pump()


def attempt(predict: Callable[[list[Item]], list[Answer]], items: list[Item]) -> list[Answer | BaseException]:
    """The model's answers; when the call fails, each item alone, so that only the bad ones fail.

    A panic of the tokenizer's native code is a BaseException, so all of these are caught.
    """
    try:
        answers = predict(items)
        if len(answers) != len(items):
            raise RuntimeError(f"the model gave {len(answers)} answers to {len(items)} items")
        return list(answers)
    except BaseException as error:
        if len(items) == 1:
            return [error]
        return [outcome for item in items for outcome in attempt(predict, [item])]
