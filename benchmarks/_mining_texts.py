"""Sentences with groups at any size: what raw text of forums is to mining, drawn from a model of real conversations.

A sentence walks through the turns of a corpus: from two words it goes to what follows a random one of their places (a
trigram model without smoothing). Rare words are then replaced, half of them, by made-up names: of the sentence's group,
or of all groups, by a power law each. So words are as unequal as in real text, their number grows with the sentences,
names are shared within groups, and whole sentences seldom come twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.parquet import ParquetWriter

from turnwise.files import atomic_file

_CHUNK = 100_000
_WORDS_AT_MOST = 30
_RARE = 20
_GROUPS, _OWN, _COMMON = 5_000, 3_000, 20_000_000
_ONSETS = ("b", "br", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w", "z")
_VOWELS = ("a", "e", "i", "o", "u")
_SCHEMA = pyarrow.schema([("group", pyarrow.string()), ("text", pyarrow.string())])


@dataclass(frozen=True)
class Walks:
    """The words of a corpus in a row, and where from each place a walk may go on."""

    vocabulary: pyarrow.Array
    words: NDArray[np.int32]
    """Of each place; 0 is the end of a turn."""
    order: NDArray[np.int64]
    """Places, those with the same word and the same word before together."""
    first: NDArray[np.int64]
    """Of each place, where in ``order`` those like it begin."""
    number: NDArray[np.int64]
    """How many they are."""
    starts: NDArray[np.int64]
    rare: NDArray[np.bool_]
    """Of each word of the vocabulary."""


def walks(turns: Sequence[str]) -> Walks:
    """The model of these turns."""
    split = pc.utf8_split_whitespace(pyarrow.array([f" {turn.strip()} " for turn in turns]))
    flat = pc.list_flatten(split)
    words = flat.to_numpy(zero_copy_only=False)
    words = words.copy()
    ends = np.flatnonzero(words == "")
    coded = pyarrow.array(words).dictionary_encode()
    codes, vocabulary = coded.indices.to_numpy().astype(np.int32), coded.dictionary
    blank = codes[ends[0]]
    codes = np.where(codes == blank, 0, np.where(codes < blank, codes + 1, codes)).astype(np.int32)
    entries = vocabulary.to_pylist()
    vocabulary = pyarrow.array(["", *entries[:blank], *entries[blank + 1 :]])
    pairs = np.concatenate([[0], codes[:-1]]).astype(np.int64) * len(vocabulary) + codes
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    begins = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    first, number = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    first[order] = begins[run]
    number[order] = np.diff(np.concatenate([begins, [len(codes)]]))[run]
    counts = np.bincount(codes, minlength=len(vocabulary))
    letters = pc.match_substring_regex(vocabulary, r"^\pL{4,}$").to_numpy(zero_copy_only=False)
    starts = np.flatnonzero((codes[:-1] == 0) & (codes[1:] != 0)) + 1
    return Walks(vocabulary, codes, order, first, number, starts, letters & (counts <= _RARE))


def write(path: Path, model: Walks, sentences: int, *, seed: int) -> None:
    """A Parquet file (group, text) of so many sentences; memory does not grow with it."""
    with atomic_file(path) as temporary, ParquetWriter(temporary, _SCHEMA) as writer:
        for table in _chunks(model, sentences, seed):
            writer.write_table(table)


def _chunks(model: Walks, sentences: int, seed: int) -> Iterator[pyarrow.Table]:
    for at in range(0, sentences, _CHUNK):
        yield _chunk(model, min(_CHUNK, sentences - at), np.random.default_rng([seed, at]))


def _chunk(model: Walks, number: int, draw: np.random.Generator) -> pyarrow.Table:
    groups = _power(draw, number, _GROUPS)
    places = draw.choice(model.starts, number)
    steps = []
    going = np.ones(number, bool)
    for _ in range(_WORDS_AT_MOST):
        words = np.where(going, model.words[places], 0)
        steps.append(words)
        going = words != 0
        alike = model.order[model.first[places] + (draw.random(number) * model.number[places]).astype(np.int64)]
        places = np.minimum(alike + 1, len(model.words) - 1)
    rows = np.stack(steps, axis=1)
    real = rows != 0
    flat = rows[real]
    texts = model.vocabulary.take(pyarrow.array(flat))
    named = np.flatnonzero(model.rare[flat] & (draw.random(len(flat)) < 0.5))
    group = np.repeat(groups, real.sum(axis=1))[named]
    own = _COMMON + group * _OWN + _power(draw, len(named), _OWN)
    names = np.where(draw.random(len(named)) < 0.5, own, _power(draw, len(named), _COMMON))
    mask = np.zeros(len(flat), bool)
    mask[named] = True
    texts = pc.replace_with_mask(texts, pyarrow.array(mask), pyarrow.array([_name(int(one)) for one in names]))
    offsets = pyarrow.array(np.concatenate([[0], np.cumsum(real.sum(axis=1))]), pyarrow.int32())
    joined = pc.binary_join(pyarrow.ListArray.from_arrays(offsets, texts), " ")
    of = pc.binary_join_element_wise("forum", pyarrow.array(groups.astype(str)), "-")
    return pyarrow.table({"group": of, "text": joined}, schema=_SCHEMA)


def _power(draw: np.random.Generator, number: int, ranks: int) -> NDArray[np.int64]:
    """Ranks from 0, rank r about as often as 1 / (r + 1)."""
    return np.minimum(np.exp(draw.random(number) * np.log(ranks + 1)), ranks).astype(np.int64) - 1


def _name(number: int) -> str:
    """A word for a number: a syllable for each hundred."""
    found = ""
    while True:
        number, rest = divmod(number, len(_ONSETS) * len(_VOWELS))
        found += _ONSETS[rest % len(_ONSETS)] + _VOWELS[rest // len(_ONSETS)]
        if number == 0:
            return (found + "n").capitalize()
