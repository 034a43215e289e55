"""Words of a text with their places, and where listed values occur among them; for any language."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_UNSPACED}]|\d+|(?:(?![{_UNSPACED}])[^\W\d_])+|_|[^\w\s]")

NONE = "none"
DONTCARE = "dontcare"
_NONE = frozenset({"", "none", "not mentioned", "not given"})
_DONTCARE = frozenset({"dontcare", "dont care", "don ' t care", "do not care", "do n ' t care", "don ’ t care"})


class Word(NamedTuple):
    """A word, case folded, and its characters ``[start, end)``."""

    text: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Runs of letters, runs of digits, single signs, and single characters of scripts without spaces."""
    return [Word(found.group().casefold(), found.start(), found.end()) for found in _WORD.finditer(text)]


def normal(value: str) -> str:
    """The form in which values are compared: case, spaces and spellings of ``none`` and ``dontcare`` do not count."""
    found = " ".join(word.text for word in words(value)) or value.strip().casefold()
    if found in _NONE:
        return NONE
    return DONTCARE if found in _DONTCARE else found


class Finder(Generic[T]):
    """Finds listed values in a text, word by word; every value has something that it stands for."""

    def __init__(self, values: Iterable[tuple[str, T]]) -> None:
        self._known: dict[str, list[tuple[tuple[str, ...], T]]] = {}
        for value, meaning in values:
            sequence = tuple(word.text for word in words(value))
            if sequence:
                self._known.setdefault(sequence[0], []).append((sequence, meaning))

    def find(self, said: Sequence[Word]) -> Iterator[tuple[T, int, int]]:
        """Each occurrence: what it stands for and its characters ``[start, end)``."""
        texts = tuple(word.text for word in said)
        for at, text in enumerate(texts):
            for sequence, meaning in self._known.get(text, ()):
                if texts[at : at + len(sequence)] == sequence:
                    yield meaning, said[at].start, said[at + len(sequence) - 1].end
