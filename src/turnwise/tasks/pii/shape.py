"""How the word of a token is written: what a tokenizer that drops capitals, or the encoder, does not see."""

import re

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Pieces

_RUN = re.compile(r"[^\W_]+")
_NONE, _LOWER, _TITLE, _UPPER, _INITIAL, _MIXED, _DIGITS, _BOTH, _CASELESS, _SIGN = range(10)
_START, _LINE, _APART, _GLUED, _WITHIN, _NOWHERE = range(6)
SHAPES = 10
PLACES = 6


def shapes(text: str, pieces: Pieces) -> NDArray[np.int64]:
    """For each token, (tokens, 2): the shape of its run of letters and digits, and what stands before the token.

    Shapes: lower case, Title, UPPER, one capital, mIxed, digits, letters and digits, letters without case, a sign.
    Before it: nothing, a line break, a blank, no blank, or the token is within a run.
    """
    found = np.zeros((len(pieces), 2), dtype=np.int64)
    runs = iter(_RUN.finditer(text))
    run = next(runs, None)
    for at, (start, end) in enumerate(zip(pieces.starts.tolist(), pieces.ends.tolist(), strict=True)):
        while run is not None and run.end() <= start:
            run = next(runs, None)
        inside = run is not None and run.start() < end and run.end() > start
        found[at, 0] = _shape(run[0]) if inside and run is not None else _SIGN
        found[at, 1] = _WITHIN if inside and run is not None and run.start() < start else _before(text, start)
    return found


def joined(text: str, pieces: Pieces) -> NDArray[np.bool_]:
    """Whether each token, (tokens,), goes on with the word of the one before."""
    return np.array([splits_word(text, at) for at in pieces.starts.tolist()], dtype=bool)


def lowered(shapes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The shapes (tokens, 2) that the text would have without capitals."""
    found = shapes.copy()
    found[np.isin(found[:, 0], (_TITLE, _UPPER, _INITIAL, _MIXED)), 0] = _LOWER
    return found


def after_blank(shapes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a blank or a line break stands before each token, (tokens,), from ``shapes`` (tokens, 2)."""
    found: NDArray[np.bool_] = np.isin(shapes[:, 1], (_LINE, _APART))
    return found


def splits_word(text: str, at: int) -> bool:
    """Whether letters or digits of one word stand on both sides of a place.

    Letters without case do not count: their scripts write many words in a row.
    """
    return 0 < at < len(text) and _of_word(text[at - 1]) and _of_word(text[at])


def _of_word(character: str) -> bool:
    return character.isdigit() or character.lower() != character.upper()


def none(tokens: int) -> NDArray[np.int64]:
    """What stands for special tokens and padding, (tokens, 2)."""
    return np.full((tokens, 2), (_NONE, _NOWHERE), dtype=np.int64)


def _shape(run: str) -> int:
    digits = sum(character.isdigit() for character in run)
    if digits:
        return _DIGITS if digits == len(run) else _BOTH
    if run.lower() == run.upper():
        return _CASELESS
    if run.islower():
        return _LOWER
    if run.isupper():
        return _INITIAL if len(run) == 1 else _UPPER
    return _TITLE if run[0].isupper() and run[1:].islower() else _MIXED


def _before(text: str, start: int) -> int:
    gap = text[:start][len(text[:start].rstrip()) :]
    if len(gap) == start:
        return _START
    if "\n" in gap:
        return _LINE
    return _APART if gap else _GLUED
