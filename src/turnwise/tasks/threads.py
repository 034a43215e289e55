"""Threads that encode side by side, one core each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

Given = TypeVar("Given")
Found = TypeVar("Found")


class Workers:
    """``number`` threads in which an operator of PyTorch takes one core.

    How many cores an operator takes is a setting of the thread that calls it, which is taken from the process's when
    the thread first asks for it. So all threads are started here and ask before theirs is set; everyone else keeps
    what was set before.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="turnwise-trunk")
        everyone = torch.get_num_threads()
        barrier = Barrier(number)

        def begin(_: int) -> None:
            torch.get_num_threads()
            barrier.wait()
            torch.set_num_threads(1)

        list(self._pool.map(begin, range(number)))
        torch.set_num_threads(everyone)

    def map(self, call: Callable[[Given], Found], given: Iterable[Given]) -> Iterator[Found]:
        """What ``call`` gives for each, in order."""

        def one(item: Given) -> Found:
            with torch.inference_mode():
                return call(item)

        return self._pool.map(one, given)


def shares(lengths: Sequence[int], number: int) -> list[slice]:
    """Cuts rows, given by their ascending ``lengths``, into at most ``number`` parts of which the dearest is cheapest.

    A part costs its rows times the longest of them, to which all are padded.
    """
    low, high = max(lengths, default=0), len(lengths) * max(lengths, default=0)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(_within(lengths, middle)) <= number else (middle + 1, high)
    return _within(lengths, high)


def _within(lengths: Sequence[int], most: int) -> list[slice]:
    """As few parts as can be, from the longest rows down, none of more than ``most`` padded tokens."""
    found: list[slice] = []
    end = len(lengths)
    while end:
        start = max(0, end - max(1, most // max(1, lengths[end - 1])))
        found.append(slice(start, end))
        end = start
    return found
