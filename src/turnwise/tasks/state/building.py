"""Makes examples of dialogues: sequences, what is named in them, and where the right values stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Codec, Pieces
from turnwise.dialogue import Dialogue
from turnwise.sequences import Composer, TurnIds
from turnwise.store import SPEAKERS
from turnwise.tasks.state.examples import (
    NAMED_BEFORE,
    NAMED_BY_AGENT,
    NAMED_NOW,
    Said,
    StateExample,
    StateExamples,
    Told,
    text_turns,
)
from turnwise.tasks.state.ontology import Ontology
from turnwise.tasks.state.updates import State, Update, gold_states, update
from turnwise.tasks.state.words import Finder, Word, words

_NO_TARGET = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True)
class Building:
    """How examples are made: with ``context`` turns before the one asked about, all when None.

    ``known_domains``: the slots of a dialogue are those of its ``domains``, where it names some. ``layer`` has the
    gold states.
    """

    codec: Codec
    ontology: Ontology
    context: int | None
    known_domains: bool
    layer: str

    def examples(self, dialogues: Sequence[Dialogue], queries: Sequence[Sequence[int]], *, gold: bool) -> StateExamples:
        """An example for each turn of ``queries``, the turns of each dialogue; with ``gold`` the annotated ones."""
        composer = Composer(self.codec)
        finder = _listed(self.ontology)
        tokens = iter(self.codec.pieces([turn.text for dialogue in dialogues for turn in dialogue.turns]))
        found: list[StateExample] = []
        for number, (dialogue, asked) in enumerate(zip(dialogues, queries, strict=True)):
            said = Said(tuple(turn.text for turn in dialogue.turns), tuple(next(tokens) for _ in dialogue.turns))
            found += self._of(dialogue, number, asked, said, composer, finder, gold=gold)
        return StateExamples(found, self.ontology)

    def _of(
        self,
        dialogue: Dialogue,
        number: int,
        asked: Sequence[int],
        said: Said,
        composer: Composer,
        finder: Finder[int],
        *,
        gold: bool,
    ) -> Iterator[StateExample]:
        limit = self.codec.max_tokens
        ids = [
            TurnIds(piece.ids[:limit], SPEAKERS[turn.speaker])
            for piece, turn in zip(said.pieces, dialogue.turns, strict=True)
        ]
        heard = [words(text) for text in said.texts]
        named = [tuple(dict.fromkeys(value for value, _, _ in finder.find(one))) for one in heard]
        allowed = self._allowed(dialogue)
        golds = gold_states(dialogue, asked, self.layer) if gold else {}
        for turn in asked:
            if gold and turn not in golds:
                continue
            start = 0 if self.context is None else max(0, turn - self.context)
            row = composer.dialogue(ids[start : turn + 1], from_start=start == 0)
            turns = text_turns(row, start)
            cut = int((turns == turn).sum()) < len(said.pieces[turn])
            names = tuple(_named(dialogue, turn, [at + start for at in row.kept], named))
            told = self._told(*golds[turn], turns, said.pieces, heard) if gold else None
            yield StateExample(row, _NO_TARGET, number, turn, cut, said, turns, names, allowed, told)

    def _allowed(self, dialogue: Dialogue) -> NDArray[np.bool_]:
        domains = dialogue.labels.get("domains") if self.known_domains else None
        if not isinstance(domains, tuple):
            return np.ones(len(self.ontology.slots), dtype=bool)
        return np.array([name.rpartition(".")[0] in domains for name in self.ontology.names], dtype=bool)

    def _told(
        self,
        before: State,
        after: State,
        turns: NDArray[np.int64],
        pieces: Sequence[Pieces],
        heard: Sequence[Sequence[Word]],
    ) -> Told:
        change = update(before, after, self.ontology)
        keys = ((slot, form) for slot, forms in change.variants.items() for form in forms)
        values = tuple(self.ontology.known[key] for key in keys if key in self.ontology.known)
        return Told(after, change, values, tuple(_spans(change, turns, pieces, heard)))


@lru_cache(maxsize=16)
def _listed(ontology: Ontology) -> Finder[int]:
    """Finds the numbers of the ontology's values; kept, since a conversation asks for it at every turn."""
    return Finder([(value, number) for number, (_, value) in enumerate(ontology.values)])


def _named(
    dialogue: Dialogue, asked: int, kept: Sequence[int], named: Sequence[tuple[int, ...]]
) -> Iterator[tuple[int, int]]:
    """Values with where they are named."""
    answered = asked
    while answered and dialogue.turns[answered - 1].speaker == "agent":
        answered -= 1
    for turn in kept:
        where = NAMED_NOW if turn == asked else NAMED_BY_AGENT if turn >= answered else NAMED_BEFORE
        yield from ((value, where) for value in named[turn])


def _spans(
    change: Update, turns: NDArray[np.int64], pieces: Sequence[Pieces], heard: Sequence[Sequence[Word]]
) -> Iterator[tuple[int, int, int]]:
    """Where the values of a state stand in a sequence: slot, first and last token."""
    finder = Finder([(form, slot) for slot, forms in change.variants.items() for form in forms])
    for turn in np.unique(turns[turns >= 0]).tolist():
        places = np.flatnonzero(turns == turn)
        for slot, start, end in finder.find(heard[turn]):
            inside = _tokens(pieces[turn], start, end)
            if inside is not None and inside[1] < len(places):
                yield slot, int(places[inside[0]]), int(places[inside[1]])


def _tokens(piece: Pieces, start: int, end: int) -> tuple[int, int] | None:
    """The first and last token of the characters ``[start, end)``; None where a token lies across a border."""
    inside = np.flatnonzero((piece.ends > start) & (piece.starts < end))
    if not len(inside):
        return None
    first, last = int(inside[0]), int(inside[-1])
    return (first, last) if piece.starts[first] >= start and piece.ends[last] <= end else None
