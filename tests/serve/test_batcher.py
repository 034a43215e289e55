import asyncio
import threading

import pytest

from turnwise.dialogue import Turn
from turnwise.serve.batcher import Batcher, QueueFullError, attempt


class Recorder:
    """Echoes; the first call waits until it is released."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.release = threading.Event()

    def __call__(self, texts: list[str]) -> list[Turn]:
        self.batches.append(texts)
        assert self.release.wait(20)
        return [Turn("customer", text) for text in texts]


def _batcher(recorder: Recorder, *, max_batch: int = 4, max_waiting: int = 100) -> Batcher:
    return Batcher(recorder, max_batch=max_batch, max_waiting=max_waiting, observe=lambda count, seconds: None)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_queues_during_a_call_goes_into_the_next_and_a_long_request_is_split() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        batcher = _batcher(recorder)
        tasks = [asyncio.create_task(batcher.submit(texts)) for texts in (["a"], ["b"], ["c", "d"], ["e", "f", "g"])]
        await _settle()
        assert batcher.running
        assert batcher.waiting == 6
        recorder.release.set()
        answers = await asyncio.gather(*tasks)
        assert recorder.batches == [["a"], ["b", "c", "d", "e"], ["f", "g"]]
        assert [[turn.text for turn in each] for each in answers] == [["a"], ["b"], ["c", "d"], ["e", "f", "g"]]
        assert batcher.waiting == 0
        batcher.close()

    asyncio.run(scenario())


def test_a_cancelled_request_leaves_the_queue() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        batcher = _batcher(recorder)
        first, second, third = (asyncio.create_task(batcher.submit([text])) for text in "abc")
        await _settle()
        second.cancel()
        first.cancel()
        await _settle()
        assert batcher.waiting == 1
        recorder.release.set()
        assert [turn.text for turn in await third] == ["c"]
        assert recorder.batches == [["a"], ["c"]]
        batcher.close()

    asyncio.run(scenario())


def test_a_full_queue_takes_what_fits_and_refuses_the_rest() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        batcher = _batcher(recorder, max_waiting=2)
        first = asyncio.create_task(batcher.submit(["a"]))
        await _settle()
        second = asyncio.create_task(batcher.submit(["b"]))
        await _settle()
        with pytest.raises(QueueFullError):
            await batcher.submit(["c", "d"])
        recorder.release.set()
        await asyncio.gather(first, second)
        batcher.close()

    asyncio.run(scenario())


def test_only_the_bad_text_of_a_failing_call_fails() -> None:
    def predict(texts: list[str]) -> list[Turn]:
        if "bad" in texts:
            raise ValueError
        return [Turn("customer", text) for text in texts]

    good, bad, other = attempt(predict, ["good", "bad", "other"])
    assert isinstance(bad, ValueError)
    assert (good, other) == (Turn("customer", "good"), Turn("customer", "other"))


def test_a_wrong_number_of_answers_is_a_failure() -> None:
    (outcome,) = attempt(lambda texts: [], ["a"])
    assert isinstance(outcome, RuntimeError)
