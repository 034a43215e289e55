"""The one place where text becomes ids: tokens, truncation, padding."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from turnwise.errors import InputError
from turnwise.layout import Layout

_CHARACTERS_PER_TOKEN = 100
"""Text beyond this many characters a token is cut before tokenisation: WordPiece gives up on longer words."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, as JSON and file names can hold it; no tokenizer takes it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids of one sequence, special tokens included; ``truncated`` when the text did not fit.

    ``segments``, as many as ids, where the sequence has more than one; () is segment 0 throughout.
    """

    ids: tuple[int, ...]
    truncated: bool = False
    segments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pieces:
    """A whole text as tokens: ``ids``, ``starts`` and ``ends`` (tokens,), no special tokens.

    Token i is ``text[starts[i]:ends[i]]`` in code points, without the blanks around it; tokens that are parts of one
    character share its place.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A padded batch, one encoder pass.

    ``ids``, ``mask`` (1 at tokens, 0 at padding) and ``segments`` are int64 of shape (batch, tokens);
    ``segments`` is None for encoders without token types. ``marks``, of dialogues only, says what each position is,
    see ``turnwise.sequences``.
    """

    ids: Tensor
    mask: Tensor
    segments: Tensor | None = None
    marks: Tensor | None = None

    def to(self, device: torch.device) -> "Encoding":
        segments = None if self.segments is None else self.segments.to(device)
        marks = None if self.marks is None else self.marks.to(device)
        return Encoding(self.ids.to(device), self.mask.to(device), segments, marks)


class Codec:
    """Turns texts into ids and ids into padded batches, for one tokenizer.

    ``max_tokens`` counts the special tokens too. ``segments``: the encoder has token types, ``segment_types`` of them.
    ``layout`` is how dialogues are written.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        max_tokens: int,
        segments: bool,
        *,
        segment_types: int = 2,
        layout: Layout = Layout(),  # noqa: B008
    ) -> None:
        if tokenizer.pad_token_id is None:
            raise InputError(
                f"the tokenizer {tokenizer.name_or_path!r} has no padding token; "
                "add one with tokenizer.add_special_tokens({'pad_token': '[PAD]'})"
            )
        if max_tokens < 3:
            raise InputError(f"max_tokens is {max_tokens}, expected at least 3")
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.segments = segments
        self.segment_types = segment_types
        self.layout = layout
        self._known: dict[str, list[int]] | None = None

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Let ``plain_ids`` tokenise each distinct text once inside the block."""
        self._known = {}
        try:
            yield
        finally:
            self._known = None

    @cached_property
    def word_ids(self) -> NDArray[np.int64]:
        """Every id that is no special token."""
        return np.setdiff1d(np.arange(len(self.tokenizer)), sorted(self.special_ids))

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids of the tokenizer's special tokens, those of a layout too."""
        added = self.tokenizer.added_tokens_decoder
        return frozenset(self.tokenizer.all_special_ids) | {at for at, token in added.items() if token.special}

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        """The ids of each text, cut to ``max_tokens``."""
        if not texts:
            return []
        limit = self.max_tokens * _CHARACTERS_PER_TOKEN
        found = self.tokenizer(self._cut(texts), truncation=False, verbose=False)["input_ids"]
        return [self._fit(ids, shortened=len(text) > limit) for text, ids in zip(texts, found, strict=True)]

    def plain_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text without special tokens, cut to ``max_tokens``: what dialogues are put together from.

        A special token's name in a text is text: a customer who types ``[SEP]`` ends nothing.
        """
        if self._known is None:
            return self._plain_ids(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(missing, self._plain_ids(missing), strict=True))
        return [self._known[text] for text in texts]

    def _plain_ids(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        found = self.tokenizer(
            self._cut(texts), add_special_tokens=False, truncation=False, split_special_tokens=True, verbose=False
        )["input_ids"]
        return [ids[: self.max_tokens] for ids in found]

    def pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """The tokens of each text with their places, however long it is: what spans of characters are marked on.

        Raises InputError for a tokenizer that knows no places: one that is written in Python.
        """
        if not self.tokenizer.is_fast:
            raise InputError(
                f"the tokenizer {self.tokenizer.name_or_path!r} does not say where its tokens stand in a text; "
                "take an encoder with a tokenizer.json"
            )
        if not texts:
            return []
        found = self.tokenizer(
            [text if text.isascii() else _SURROGATE.sub("\ufffd", text) for text in texts],
            add_special_tokens=False,
            truncation=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
            verbose=False,
        )
        return [
            _pieces(text, ids, places)
            for text, ids, places in zip(texts, found["input_ids"], found["offset_mapping"], strict=True)
        ]

    def _cut(self, texts: Sequence[str]) -> list[str]:
        limit = self.max_tokens * _CHARACTERS_PER_TOKEN
        cut = [text if len(text) <= limit else " ".join(text[: 8 * limit].split())[:limit] for text in texts]
        return [text if text.isascii() else _SURROGATE.sub("\ufffd", text) for text in cut]

    def _fit(self, ids: list[int], *, shortened: bool) -> Tokens:
        if len(ids) <= self.max_tokens:
            return Tokens(tuple(ids), shortened)
        kept = ids[: self.max_tokens - 1] + ids[-1:]
        return Tokens(tuple(kept), True)

    def batch(self, tokens: Sequence[Tokens]) -> Encoding:
        """Pad to the longest of the batch."""
        width = max(len(t.ids) for t in tokens)
        pad = int(self.tokenizer.pad_token_id)
        ids = torch.full((len(tokens), width), pad, dtype=torch.int64)
        mask = torch.zeros((len(tokens), width), dtype=torch.int64)
        segments = torch.zeros_like(ids) if self.segments else None
        for row, token in enumerate(tokens):
            ids[row, : len(token.ids)] = torch.tensor(token.ids, dtype=torch.int64)
            mask[row, : len(token.ids)] = 1
            if token.segments and segments is not None and self.segment_types > 1:
                segments[row, : len(token.segments)] = torch.tensor(token.segments, dtype=torch.int64)
        return Encoding(ids, mask, segments)

    def batches(self, tokens: Sequence[Tokens]) -> tuple[tuple[Encoding, ...], list[int]]:
        """Cut a batch into encodings of like length, so that little is padding.

        Returns them with the row numbers in their order: row i of the encodings taken together is text order[i].
        """
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row].ids))
        groups: list[list[int]] = []
        for row in order:
            length = len(tokens[row].ids)
            if groups and (length <= 1.3 * len(tokens[groups[-1][0]].ids) + 1 or len(groups[-1]) < len(tokens) // 8):
                groups[-1].append(row)
            else:
                groups.append([row])
        return tuple(self.batch([tokens[row] for row in group]) for group in groups), order


def _pieces(text: str, ids: Sequence[int], places: Sequence[tuple[int, int]]) -> Pieces:
    """Tokens of some tokenizers begin with the blank before them; a token of blanks alone has no extent."""
    bounds = np.array(places, dtype=np.int64).reshape(-1, 2)
    for at, (start, end) in enumerate(places):
        token = text[start:end]
        if token != token.strip():
            bounds[at] = end - len(token.lstrip()), end - len(token) + len(token.rstrip()) if token.strip() else end
    return Pieces(np.array(ids, dtype=np.int32), bounds[:, 0], bounds[:, 1])
