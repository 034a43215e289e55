"""Labelled utterances out of dialogues."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from turnwise.dialogue import Dialogue, intents
from turnwise.errors import CorpusError, InputError
from turnwise.vectors import unit

if TYPE_CHECKING:
    from turnwise.codec import Codec, Tokens
    from turnwise.encoder import Encoder
    from turnwise.objectives.objective import Batch


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text with its intents: () is out of scope. ``source`` names where it stands: dialogue id and turn."""

    text: str
    labels: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class IntentExample:
    """An utterance as the objectives see it: ids and label numbers; no labels means out of scope."""

    tokens: "Tokens"
    labels: tuple[int, ...]


def utterances(dialogues: Iterable[Dialogue]) -> list[Utterance]:
    """Every turn that has an intent layer and a text.

    Raises CorpusError when there is none.
    """
    found: list[Utterance] = []
    total = 0
    for dialogue in dialogues:
        for number, turn in enumerate(dialogue.turns):
            total += 1
            labels = intents(turn)
            if labels is not None and turn.text.strip():
                found.append(Utterance(turn.text, labels, f"{dialogue.id}/{number}"))
    if not found:
        raise CorpusError(
            f"none of the {total} turns has an intent: expected labels.intent on customer turns, "
            "or a label column (see --column label=NAME)"
        )
    return found


def asked(dialogue: Dialogue, *, last: bool) -> list[int]:
    """The numbers of the turns that are not the agent's; with ``last`` that of the last turn, if it is one of them."""
    rows = [row for row, turn in enumerate(dialogue.turns) if turn.speaker != "agent"]
    return [row for row in rows if row == len(dialogue.turns) - 1] if last else rows


def texts(dialogues: Iterable[Dialogue]) -> tuple[str, ...]:
    """The distinct texts of every turn that is not the agent's. Raises CorpusError when there is none."""
    found = dict.fromkeys(
        turn.text for dialogue in dialogues for turn in dialogue.turns if turn.speaker != "agent" and turn.text.strip()
    )
    if not found:
        raise CorpusError("the corpus has no customer turn with a text")
    return tuple(found)


def mean_shots(found: Sequence[Utterance]) -> float:
    """Utterances an intent, on average."""
    return sum(len(utterance.labels) for utterance in found) / len(label_names(found))


def label_names(found: Sequence[Utterance]) -> tuple[str, ...]:
    """The intents, sorted. Raises CorpusError when there are fewer than two."""
    names = sorted({label for utterance in found for label in utterance.labels})
    if len(names) < 2:
        raise CorpusError(
            f"found {len(names)} intent{'' if len(names) == 1 else 's'} ({', '.join(names) or 'none'}) in "
            f"{len(found)} utterances; telling intents apart needs at least 2"
        )
    return tuple(names)


def shots(found: Sequence[Utterance], number: int, seed: int) -> list[Utterance]:
    """``number`` utterances of each intent, drawn without replacement; out-of-scope ones all stay.

    Of several intents in an utterance the rarest decides its group. An intent with fewer keeps all it has.
    """
    if number < 1:
        raise InputError(f"--shots is {number}, expected at least 1")
    counts = Counter(label for utterance in found for label in utterance.labels)
    groups: dict[str, list[int]] = {}
    chosen: list[int] = []
    for row, utterance in enumerate(found):
        if utterance.labels:
            groups.setdefault(min(utterance.labels, key=lambda label: (counts[label], label)), []).append(row)
        else:
            chosen.append(row)
    rng = np.random.default_rng(seed)
    for label in sorted(groups):
        rows = groups[label]
        chosen += [rows[at] for at in rng.permutation(len(rows))[:number]]
    return [found[row] for row in sorted(chosen)]


def as_examples(found: Sequence[Utterance], names: Sequence[str], codec: "Codec") -> list[IntentExample]:
    """Tokenise once; label numbers are places in ``names``."""
    place = {name: number for number, name in enumerate(names)}
    tokens = codec.tokenise([utterance.text for utterance in found])
    return [
        IntentExample(token, tuple(sorted(place[label] for label in utterance.labels)))
        for token, utterance in zip(tokens, found, strict=True)
    ]


def labelled_batch(examples: Sequence[IntentExample], codec: "Codec") -> "Batch":
    """Encodings of like length; ``labels`` (batch, intents), in their order, has a 1 for each intent of a row."""
    import torch

    from turnwise.objectives.objective import Batch

    encodings, order = codec.batches([example.tokens for example in examples])
    width = max((label for example in examples for label in example.labels), default=-1) + 1
    labels = torch.zeros(len(examples), width)
    for row, at in enumerate(order):
        labels[row, list(examples[at].labels)] = 1
    return Batch(encodings, {"labels": labels}, len(examples))


def class_means(
    encoder: "Encoder", examples: Sequence[IntentExample], *, out_of_scope: bool = False
) -> NDArray[np.float32]:
    """The unit mean of the unit vectors of each intent, (intents, dim).

    With ``out_of_scope`` the examples without an intent, where there are any, have a row of their own, the last.
    """
    vectors = unit(encoder.encode([example.tokens for example in examples], precision="auto"))
    intents_seen = max((label for example in examples for label in example.labels), default=-1) + 1
    outside = out_of_scope and any(not example.labels for example in examples)
    sums = np.zeros((intents_seen + outside, vectors.shape[1]), dtype=np.float32)
    for vector, example in zip(vectors, examples, strict=True):
        sums[list(example.labels) or ([-1] if outside else [])] += vector
    return unit(sums)
