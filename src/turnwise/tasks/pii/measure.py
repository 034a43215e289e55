"""How well personal data was marked: whole spans, words, and the share of its characters that is covered at all."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.bootstrap import intervals
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import InputError
from turnwise.metrics import Table, label_counts, macro_f1, micro_f1, per_label, tabulate

_WORD = re.compile(r"\S+")


def measure_spans(
    gold: Sequence[Dialogue], answered: Sequence[Dialogue], layer: str, *, draws: int, seed: int
) -> dict[str, Any]:
    """Compare a layer of spans, turn by turn, where the gold one is annotated.

    ``precision``, ``recall``, ``f1`` and ``macro_f1`` count a span as right when its beginning, end and label are;
    ``word_...`` count words, separated by blanks, a word having the labels of the spans that touch it (CS-BERT,
    section 5.3). ``covered`` is the share of the characters of gold spans that any span covers, whatever its label.
    Per label: ``labels`` and ``word_labels``. Nothing to find and nothing found is 0, as everywhere in
    ``turnwise.metrics``. Raises InputError when no turn has the layer.
    """
    groups: list[str] = []
    spans: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    word_groups: list[str] = []
    words: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    characters: list[tuple[int, int]] = []
    turns = 0
    for dialogue, other in zip(gold, answered, strict=True):
        for turn, said in zip(dialogue.turns, other.turns, strict=True):
            if layer not in turn.spans:
                continue
            turns += 1
            pair = (turn.spans[layer], said.spans.get(layer, ()))
            places = sorted({(span.start, span.end) for side in pair for span in side}) or [(0, 0)]
            groups += [dialogue.id] * len(places)
            found = [(match.start(), match.end()) for match in _WORD.finditer(turn.text)]
            word_groups += [dialogue.id] * len(found)
            for side, whole, each in zip(pair, spans, words, strict=True):
                whole += [_at(side, place) for place in places]
                each += [_touching(side, place) for place in found]
            covered = _characters(pair[0])
            characters += [(len(covered & _characters(pair[1])), len(covered))] + [(0, 0)] * (len(places) - 1)
    if not turns:
        raise InputError(f"there is nothing to measure: no turn has spans.{layer}; name a corpus with this layer")
    table, worded = tabulate(*spans), tabulate(*words) if words[0] else None
    amounts = np.array(characters, dtype=np.float64)

    def entities(weights: NDArray[np.float64]) -> dict[str, float]:
        hit, whole = weights @ amounts
        rates = {**_rates(table, weights), "macro_f1": macro_f1(table, weights)}
        return rates | ({"covered": float(hit / whole)} if whole else {})

    def by_word(weights: NDArray[np.float64]) -> dict[str, float]:
        return {} if worded is None else {f"word_{name}": value for name, value in _rates(worded, weights).items()}

    return {
        "n": turns,
        "dialogues": len(set(groups)),
        "entities": sum(len(turn.spans.get(layer, ())) for dialogue in gold for turn in dialogue.turns),
        **entities(np.ones(len(groups))),
        **by_word(np.ones(len(word_groups))),
        "intervals": {
            **intervals(groups, entities, draws=draws, seed=seed),
            **(intervals(word_groups, by_word, draws=draws, seed=seed) if word_groups else {}),
        },
        "labels": per_label(table),
        "word_labels": {} if worded is None else per_label(worded),
    }


def _rates(table: Table, weights: NDArray[np.float64]) -> dict[str, float]:
    both, predicted, gold = (float(count.sum()) for count in label_counts(table, weights))
    return {
        "precision": both / predicted if predicted else 0.0,
        "recall": both / gold if gold else 0.0,
        "f1": micro_f1(table, weights),
    }


def _at(spans: Sequence[Span], place: tuple[int, int]) -> tuple[str, ...]:
    return tuple(span.label for span in spans if (span.start, span.end) == place)


def _touching(spans: Sequence[Span], place: tuple[int, int]) -> tuple[str, ...]:
    return tuple({span.label for span in spans if span.start < place[1] and place[0] < span.end})


def _characters(spans: Sequence[Span]) -> set[int]:
    return {at for span in spans for at in range(span.start, span.end)}
