"""Personal data: a tag for each token of a turn, with the rules beside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue, Evidence, Neighbour, Span
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.sequences import Composer
from turnwise.tasks.answers.kind import Learned
from turnwise.tasks.base import Answers, BaseTask
from turnwise.tasks.pii import iob
from turnwise.tasks.pii.measure import measure_spans
from turnwise.tasks.pii.mixing import mixed
from turnwise.tasks.pii.rules import by_rules, learn_trust, left_to_rules, together
from turnwise.tasks.pii.shape import splits_word
from turnwise.tasks.pii.tagger import Tagger
from turnwise.tasks.pii.windows import UNKNOWN, Window, collate, spans_of, tags_of, touched, windows
from turnwise.tasks.rows import Example, Examples

_MIXING = 1


@dataclass(frozen=True)
class Pii(BaseTask):
    """P(tag of a token) = softmax(W h), IOB tags, a turn at a time; the likeliest valid tags are the spans.

    A turn longer than the encoder is read in windows of which two share ``overlap`` tokens, at most ``windows`` of
    them; ``truncated`` says that there would have been more. Where no span of the training turns split a word, none of
    the answers does. ``cased`` shows the head how words are written, which an encoder of lower-case tokens does not
    see. So that less is learned by heart, training hides a share ``noise`` of the tokens and the capitals of a share
    ``uncased`` of the turns, and of a share ``mixed`` of them it reads a stretch beside one of another turn. A span's
    score is the probability that exactly it is tagged.

    ``rules`` adds what ``turnwise.personal_data`` finds, in the labels that it had in training. What is sure wins: card
    and bank numbers whose check is right, and formats (see ``rules.FORMATS``) that were right in training; the model is
    asked for the rest alone, and not for labels that the rules find by themselves. What else they find fills in where
    the model is silent or less sure.

    As published ``cased`` and ``rules`` are false, the three shares are 0, and the batch size is 64.

    Source: CS-BERT, section 4.4.
    """

    batch_size: int = 16
    cased: bool = True
    rules: bool = True
    noise: float = 0.1
    uncased: float = 0.1
    mixed: float = 0.5
    overlap: int = 32
    windows: int = 64

    name: ClassVar[str] = "pii"
    paper: ClassVar[str] = "CS-BERT, 4.4 (NER)"
    layer: ClassVar[str] = "pii"

    def __post_init__(self) -> None:
        for key, least in (("batch_size", 1), ("overlap", 0), ("windows", 1)):
            if getattr(self, key) < least:
                raise InputError(f"{key} is {getattr(self, key)}, expected at least {least}")
        for key in ("noise", "uncased", "mixed"):
            if not 0 <= getattr(self, key) < 1:
                raise InputError(f"{key} is {getattr(self, key)}, expected a share from 0 to less than 1")

    @property
    def chosen_by(self) -> str:
        return "F1 of whole spans, the rules left aside"

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        """Turns with a text, whoever speaks."""
        return tuple(at for at, turn in enumerate(dialogue.turns) if turn.text.strip())

    def learn(self, dialogues: Sequence[Dialogue]) -> Learned:
        """``labels``; ``whole_words``: no span begins or ends within a word; ``rules``: see ``learn_trust``."""
        given = list(dialogues)
        kinds = sorted({span.label for d in given for turn in d.turns for span in turn.spans.get(self.layer, ())})
        if not kinds:
            there = any(self.layer in turn.spans for dialogue in given for turn in dialogue.turns)
            said = "is empty in every turn" if there else "is in no turn"
            raise CorpusError(f"the layer spans.{self.layer!r} {said}; at least one marked span is needed")
        marked = ((turn.text, span) for d in given for turn in d.turns for span in turn.spans.get(self.layer, ()))
        whole = not any(splits_word(text, at) for text, span in marked for at in (span.start, span.end))
        return {"labels": kinds, "whole_words": whole, "rules": learn_trust(given)}

    def labels(self, learned: Learned) -> tuple[str, ...]:
        return tuple(learned["labels"])

    def width(self, learned: Learned) -> int:
        return iob.width(len(learned["labels"]))

    def examples(self, dialogues: Sequence[Dialogue], codec: Codec, learned: Learned, *, gold: bool) -> Examples:
        """The windows of each turn, in order; with ``gold`` those of annotated turns."""
        composer = Composer(codec)
        asked = [
            (number, at)
            for number, dialogue in enumerate(dialogues)
            for at in self.queries(dialogue)
            if not gold or self.layer in dialogue.turns[at].spans
        ]
        cut = codec.pieces([dialogues[number].turns[at].text for number, at in asked])
        found: list[Window] = []
        for (number, at), pieces in zip(asked, cut, strict=True):
            turn = dialogues[number].turns[at]
            tags = tags_of(turn.spans[self.layer], pieces, learned["labels"]) if gold else None
            found += windows(
                turn,
                pieces,
                composer,
                tags,
                dialogue=number,
                number=at,
                overlap=self.overlap,
                most=self.windows,
                whole_words=learned["whole_words"],
            )
        return Examples(found, self.width(learned))

    def for_training(self, examples: Examples) -> Examples:
        plain = cast(Sequence[Window], examples.found)
        found = [
            replace(window, noise=self.noise, uncased=self.uncased, mixed=self.mixed, others=plain) for window in plain
        ]
        return Examples(found, examples.width)

    def head(self, encoder: Encoder, examples: Sequence[Example]) -> nn.Module:
        assert isinstance(examples, Examples)
        return Tagger(encoder.dim, examples.width, cased=self.cased)

    def collate(self, examples: Sequence[Example], codec: Codec, draws: Draws) -> Batch:
        given = cast(Sequence[Window], examples)
        found = []
        for at, window in enumerate(given):
            rng = draws.row(at, _MIXING) if window.mixed else None
            again = rng is not None and rng.random() < window.mixed
            found.append(mixed(window, window.others, codec.max_tokens, rng) if again and rng else window)
        return collate(found, codec, draws)

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy, the mean over the tokens whose tag is known."""
        logits = head(hidden[0].states, batch.targets["shapes"], hidden[0].mask).flatten(0, 1)
        tags = batch.targets["tags"].flatten()
        return functional.cross_entropy(logits, tags, ignore_index=UNKNOWN, reduction="sum") / batch.number

    def decode(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """Probabilities of tags, (batch, tokens, tags)."""
        logits: Tensor = head(hidden[0].states, batch.targets["shapes"], hidden[0].mask)
        return logits.float().softmax(2)

    def quality(self, answers: Answers, examples: Examples) -> tuple[float, float]:
        """The mean cross-entropy of tokens, and F1 of whole spans; spans of unknown labels are left out."""
        right = said = wanted = 0
        loss, tokens = 0.0, 0
        for parts, probabilities, joined in _by_turn(cast(Sequence[Window], examples.found), answers):
            chain = iob.Chain(probabilities, joined)
            gold = np.concatenate([part.target[part.share] for part in parts]).astype(np.int64)
            known = np.flatnonzero(gold != UNKNOWN)
            loss -= float(np.log(np.clip(probabilities[known, gold[known]], 1e-12, 1)).sum())
            tokens += len(known)
            found, marked = set(iob.decode(chain.best()[0])), set(iob.decode(gold))
            right, said, wanted = right + len(found & marked), said + len(found), wanted + len(marked)
        return loss / max(1, tokens), 2 * right / max(1, said + wanted)

    def finish(self, learned: Learned, answers: Answers, examples: Examples) -> Learned:
        return learned

    def annotate(
        self,
        dialogue: Dialogue,
        asked: Sequence[Example],
        scores: Answers,
        learned: Learned,
        neighbours: Sequence[tuple[Neighbour, ...]],
    ) -> Dialogue:
        """The spans of each turn with a text, and as evidence the probability of all its tags."""
        ruled: dict[int, tuple[list[Span], list[Span]]] = {
            at: by_rules(dialogue, at, learned["rules"]) if self.rules else ([], []) for at in self.queries(dialogue)
        }
        found = {at: (together([], *spans), Evidence()) for at, spans in ruled.items()}
        left = left_to_rules(learned["rules"]) if self.rules else frozenset()
        told = [number for number, label in enumerate(learned["labels"]) if label in left]
        for parts, probabilities, joined in _by_turn(cast(Sequence[Window], asked), scores):
            at, pieces = parts[0].turn, parts[0].pieces
            sure, others = ruled[at]
            around = iob.around(probabilities, touched(sure, pieces)[: len(probabilities)], told)
            chain = iob.Chain(around, joined)
            tags, score = chain.best()
            stretches = iob.decode(tags)
            spans = spans_of(stretches, pieces, [chain.probability(one) for one in stretches], learned["labels"])
            found[at] = together(spans, sure, others), Evidence(score, truncated=parts[0].truncated)
        turns = list(dialogue.turns)
        for at, (marked, evidence) in found.items():
            turn = turns[at]
            turns[at] = replace(
                turn, spans={**turn.spans, self.layer: marked}, evidence={**turn.evidence, self.layer: evidence}
            )
        return replace(dialogue, turns=tuple(turns))

    def measure(
        self, gold: Sequence[Dialogue], answered: Sequence[Dialogue], learned: Learned, *, draws: int, seed: int
    ) -> dict[str, Any]:
        """See ``measure_spans``; spans of ``unknown_labels``, which training had not, count as missed."""
        found = measure_spans(gold, answered, self.layer, draws=draws, seed=seed)
        marked = {span.label for d in gold for turn in d.turns for span in turn.spans.get(self.layer, ())}
        return {**found, "unknown_labels": sorted(marked - set(learned["labels"]))}


def _by_turn(
    parts: Sequence[Window], answers: Answers
) -> Iterator[tuple[list[Window], NDArray[np.float64], NDArray[np.bool_]]]:
    """The windows of each turn; for those of its tokens that were read probabilities (tokens, tags), and ``joined``."""
    for _, group in groupby(zip(parts, answers, strict=True), key=lambda pair: (pair[0].dialogue, pair[0].turn)):
        windows, found = zip(*group, strict=True)
        probabilities = np.concatenate([part.answers(answer) for part, answer in zip(windows, found, strict=True)])
        joined = np.concatenate([part.joined[part.share] for part in windows])
        yield list(windows), probabilities, joined
