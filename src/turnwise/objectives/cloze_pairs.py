"""Pairs of sentences that share a phrase, as token ids: what ``turnwise mine`` found, tokenised once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Codec, Pieces
from turnwise.errors import CorpusError, InputError, MissingExtraError
from turnwise.sequences import Composer

Ints = NDArray[np.int64]
COLUMNS = ("template", "template_start", "template_end", "input", "input_start", "input_end")
_CHUNK = 20_000
_TEXT = 1 << 20
"""More than the characters of any sentence: sentence and place make one sortable number."""


@dataclass(frozen=True, slots=True)
class ClozePair:
    """An example: pair ``row`` of ``pairs``."""

    pairs: "ClozePairs"
    row: int


@dataclass(frozen=True, slots=True)
class Sentences:
    """Distinct sentences: sentence s is ``ids[at[s]:at[s + 1]]``, special tokens included, and ``texts[s]`` in lower
    case."""

    ids: NDArray[np.int32]
    at: Ints
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def lengths(self, numbers: Ints) -> Ints:
        """Tokens of some sentences."""
        return self.at[numbers + 1] - self.at[numbers]


@dataclass(frozen=True, slots=True)
class Side:
    """One sentence of every pair, and from which of its tokens up to which the phrase stands: (pairs,) each."""

    sentence: Ints
    start: Ints
    end: Ints


class ClozePairs(Sequence[ClozePair]):
    """Pairs by number. ``phrases`` are in lower case; ``blank`` is the id that stands for a phrase in a template.

    ``left_out`` counts pairs whose phrase ends inside of a token, or whose sentence is longer than the codec allows.
    """

    def __init__(
        self, sentences: Sentences, template: Side, given: Side, phrases: Sequence[str], blank: int, left_out: int = 0
    ) -> None:
        self.sentences = sentences
        self.template = template
        self.input = given
        self.phrases = phrases
        self.blank = blank
        self.left_out = left_out

    def __len__(self) -> int:
        return len(self.phrases)

    def __getitem__(self, row: int) -> ClozePair:  # type: ignore[override]
        return ClozePair(self, row)

    def lengths(self, rows: NDArray[np.integer]) -> Ints:
        """Tokens of the longer sentence of some pairs."""
        numbers = np.asarray(rows, dtype=np.int64)
        sides = (self.template.sentence[numbers], self.input.sentence[numbers])
        return np.maximum(*(self.sentences.lengths(side) for side in sides))

    def take(self, rows: NDArray[np.integer]) -> "ClozePairs":
        """Some of the pairs, in that order; the sentences are shared."""
        sides = [Side(side.sentence[rows], side.start[rows], side.end[rows]) for side in (self.template, self.input)]
        phrases = [self.phrases[row] for row in rows.tolist()]
        return ClozePairs(self.sentences, sides[0], sides[1], phrases, self.blank)


def read_pairs(
    path: Path, codec: Codec, *, least: int = 1, progress: Callable[[int, int], None] | None = None
) -> ClozePairs:
    """The pairs of a .parquet file that ``turnwise mine`` wrote.

    ``progress`` is told how many sentences are tokenised, and of how many. Raises InputError when there is no such
    file, CorpusError when it has other columns, cannot be read or has fewer than ``least`` pairs, MissingExtraError
    without pyarrow.
    """
    found = cloze_pairs(_columns(path), codec, progress=progress)
    if len(found) < least:
        raise CorpusError(
            f"{path} has {len(found)} pairs to learn from, expected at least {least}; {found.left_out} were left out, "
            f"since their phrase ends inside of a token or a sentence has over {codec.max_tokens} tokens"
        )
    return found


def sentences_of(path: Path) -> list[str]:
    """The distinct sentences of a file of pairs, in the order in which they come. Raises what ``read_pairs`` raises."""
    columns = _columns(path)
    return list(dict.fromkeys([*columns["template"], *columns["input"]]))


def cloze_pairs(
    columns: dict[str, list[Any]], codec: Codec, *, progress: Callable[[int, int], None] | None = None
) -> ClozePairs:
    """Pairs of columns: texts, and where in them the phrase stands, in characters. A text is tokenised once."""
    texts: dict[str, int] = {}
    numbers = [
        np.array([texts.setdefault(text, len(texts)) for text in columns[name]], dtype=np.int64)
        for name in ("template", "input")
    ]
    distinct = list(texts)
    pieces: list[Pieces] = []
    for at in range(0, len(distinct), _CHUNK):
        pieces += codec.pieces(distinct[at : at + _CHUNK])
        if progress is not None:
            progress(len(pieces), len(distinct))
    sizes = np.array([len(found) for found in pieces], dtype=np.int64)
    sides = [
        _side(number, pieces, sizes, *(np.array(columns[f"{name}_{end}"], dtype=np.int64) for end in ("start", "end")))
        for name, number in zip(("template", "input"), numbers, strict=True)
    ]
    room = codec.max_tokens - 2
    kept = np.flatnonzero(
        np.logical_and.reduce([(side.end > side.start) & (sizes[side.sentence] <= room) for side in sides])
    )
    composer = Composer(codec)
    parts = [np.concatenate([[composer.first], found.ids, [composer.last]]) for found in pieces]
    sentences = Sentences(
        np.concatenate(parts).astype(np.int32) if parts else np.zeros(0, np.int32),
        np.concatenate([[0], np.cumsum(sizes + 2)]),
        [text.lower() for text in distinct],
    )
    phrases = [
        text[start:end].lower()
        for text, start, end in zip(columns["input"], columns["input_start"], columns["input_end"], strict=True)
    ]
    pairs = ClozePairs(sentences, sides[0], sides[1], phrases, blank_id(codec)).take(kept)
    pairs.left_out = len(phrases) - len(kept)
    return pairs


def blank_id(codec: Codec) -> int:
    """The id that stands for a phrase: the mask token's, else the unknown token's. Raises InputError without both."""
    tokenizer = codec.tokenizer
    found = tokenizer.mask_token_id if tokenizer.mask_token_id is not None else tokenizer.unk_token_id
    if found is None:
        raise InputError(
            f"the tokenizer {tokenizer.name_or_path!r} has no mask token and no unknown token to stand for a blank; "
            "add one with tokenizer.add_special_tokens({'mask_token': '[MASK]'})"
        )
    return int(found)


def _columns(path: Path) -> dict[str, list[Any]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import read_table
    except ImportError as error:
        raise MissingExtraError("pyarrow", "mine") from error
    if not path.is_file():
        raise InputError(f"there is no file {path}; write one with: turnwise mine SOURCE -o {path.parent}")
    try:
        columns: dict[str, list[Any]] = read_table(path, columns=list(COLUMNS)).to_pydict()
    except (ArrowException, OSError) as error:
        raise CorpusError(f"{path} cannot be read as pairs: {' '.join(str(error).split())[:200]}") from None
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise CorpusError(f"{path} has no column {', '.join(missing)}; expected a file that turnwise mine wrote")
    return columns


def _side(number: Ints, pieces: Sequence[Pieces], sizes: Ints, start: Ints, end: Ints) -> Side:
    """Places in tokens, the first special token counted; both 0 where a phrase begins or ends inside of a token."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    owner = np.repeat(np.arange(len(pieces)), sizes) * _TEXT
    begins = owner + np.concatenate([found.starts for found in pieces] or [np.zeros(0, np.int64)])
    ends = owner + np.concatenate([found.ends for found in pieces] or [np.zeros(0, np.int64)])
    first = np.searchsorted(begins, number * _TEXT + start, side="left")
    last = np.searchsorted(ends, number * _TEXT + end, side="right") - 1
    there = (first < len(begins)) & (last >= first)
    there[there] &= begins[first[there]] == number[there] * _TEXT + start[there]
    there[there] &= ends[last[there]] == number[there] * _TEXT + end[there]
    return Side(
        number, np.where(there, first - offsets[number] + 1, 0), np.where(there, last + 1 - offsets[number] + 1, 0)
    )
