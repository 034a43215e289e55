"""Pairwise cloze: find in a sentence what fills the blank of another one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec, Encoding
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.cloze_pairs import ClozePair, ClozePairs, Ints
from turnwise.objectives.contrast import gathered
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.span_crf import best_spans, span_log_likelihood
from turnwise.span_decoder import SpanDecoder

Contrasted = Literal["states", "projections"]
_TRIES = 8
_CHOSEN, _PARTNER = range(2)


class ClozeHead(nn.Module):
    """The decoder, and how many batches it has learned from: the auxiliary loss is annealed by that."""

    def __init__(self, decoder: SpanDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer("batches", torch.zeros((), dtype=torch.float32))
        self.batches: Tensor


@dataclass(frozen=True)
class PairwiseCloze(Objective):
    """Tag the phrase of an input sentence that a template sentence has a BLANK for, or nothing.

    Both sentences go through one encoder, and through ``SpanDecoder``, which gives the potentials of a field over the
    tags BEFORE, BEGIN, INSIDE and AFTER. With y the tags of a pair, a batch of N pairs has the loss ::

        L = - 1/N sum_i log p(y_i | v_i)  +  auxiliary * A
        A = 1/N sum_i [ - C <fT_i, fI_i> + log sum_j exp(C <fT_i, fI_j>) ]      (equation 2)

    ``without`` is the share of the pairs that get the template of another pair of the batch, whose phrase is not in
    their sentence: they have no value, and no row in A. <,> is the cosine of what the first token (BOS) of template and
    input has; C grows in a line from 0 to sqrt(d) over ``anneal`` batches, d being the width of f. ``contrast`` says
    what f is: ``states`` of the encoder, as published, or the decoder's ``projections`` of them, which is all that A
    can teach when the encoder is frozen. An input that stands in the batch twice is no negative of itself.

    ``layers`` are those of the encoder that the decoder reads, () being the last. ``hidden`` and ``width`` are the
    sizes of the two projections, ``wide`` that of the blocks' feed-forward networks, ``attention`` the width of their
    heads. Defaults: Table 3.

    Source: Henderson and Vulić 2021, "ConVEx", sections 2.1 and 2.3.
    """

    batch_size: int = 256
    without: float = 0.25
    auxiliary: float = 1.0
    anneal: int = 10_000
    contrast: Contrasted = "projections"
    layers: tuple[int, ...] = ()
    hidden: int = 512
    width: int = 128
    wide: int = 256
    attention: int = 16
    blocks: int = 2

    name: ClassVar[str] = "pairwise_cloze"
    paper: ClassVar[str] = "ConVEx (Henderson and Vulić, 2021), 2.1 and 2.3"
    splits: ClassVar[bool] = False
    learns_from: ClassVar[Literal["dialogues", "pairs"]] = "pairs"

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise InputError(f"batch_size is {self.batch_size}; another pair's template needs at least 2")
        if not 0 <= self.without < 1:
            raise InputError(f"without is {self.without}, expected a share from 0 to less than 1")
        if not 0 <= self.auxiliary < math.inf:
            raise InputError(f"auxiliary is {self.auxiliary}, expected 0 or more")
        if self.contrast not in ("states", "projections"):
            raise InputError(f"contrast is {self.contrast!r}, expected states or projections")
        for size in ("anneal", "hidden", "width", "wide", "attention", "blocks"):
            if getattr(self, size) < 1:
                raise InputError(f"{size} is {getattr(self, size)}, expected at least 1")

    def head(self, encoder: Encoder, examples: Sequence[ClozePair]) -> nn.Module:
        """The decoder over states of ``layers``. Raises InputError for layers that the encoder does not have."""
        deepest = int(encoder.backbone.config.num_hidden_layers)
        if any(not 0 <= layer <= deepest for layer in self.layers):
            raise InputError(f"layers are {list(self.layers)}, expected numbers from 0 to {deepest} of {encoder.name}")
        return ClozeHead(
            SpanDecoder(
                encoder.dim * max(1, len(self.layers)),
                hidden=self.hidden,
                width=self.width,
                wide=self.wide,
                attention=self.attention,
                blocks=self.blocks,
            )
        )

    def collate(self, examples: Sequence[ClozePair], codec: Codec, draws: Draws) -> Batch:
        """One encoding, the templates above the inputs; ``start`` and ``end`` (N,) of the value, 0 and 0 for none."""
        pairs = examples[0].pairs
        rows = np.array([example.row for example in examples], dtype=np.int64)
        partner = _partners(pairs, rows, draws, round(self.without * len(rows)))
        valued = partner == np.arange(len(rows))
        given, told = pairs.input, pairs.template
        templates, inputs = rows[partner], rows
        encoding = _padded(
            pairs,
            np.concatenate([told.sentence[templates], given.sentence[inputs]]),
            np.concatenate([told.start[templates], np.full(len(rows), -1)]),
            np.concatenate([told.end[templates], np.zeros(len(rows), np.int64)]),
            codec,
        )
        targets = {
            "start": np.where(valued, given.start[inputs], 0),
            "end": np.where(valued, given.end[inputs], 0),
            "sentence": given.sentence[inputs],
        }
        return Batch((encoding,), {name: torch.from_numpy(value) for name, value in targets.items()}, len(rows))

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(head, ClozeHead)
        templates, inputs = _halves(hidden[0])
        scores = head.decoder(inputs.states, inputs.mask, templates.states, templates.mask)
        start, end = batch.targets["start"], batch.targets["end"]
        loss = -span_log_likelihood(scores, start, end, inputs.mask).mean()
        if self.auxiliary:
            first = templates.states[:, 0], inputs.states[:, 0]
            if self.contrast == "projections":
                first = head.decoder.template_projection(first[0]), head.decoder.input_projection(first[1])
            if head.training and torch.is_grad_enabled():
                head.batches += 1
            scale = math.sqrt(first[0].shape[1]) * (head.batches / self.anneal).clamp(max=1)
            loss = loss + self.auxiliary * auxiliary_loss(*first, (end > 0).long(), batch.targets["sentence"], scale)
        return loss

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """``precision`` of the values found and ``recall`` of those there: of spans that are right to the token."""
        assert isinstance(head, ClozeHead)
        templates, inputs = _halves(hidden[0])
        start, end = batch.targets["start"], batch.targets["end"]
        found = best_spans(head.decoder(inputs.states, inputs.mask, templates.states, templates.mask), inputs.mask)
        right = (found[0] == start) & (found[1] == end)
        return {"precision": right[found[1] > 0].float(), "recall": right[end > 0].float()}


def auxiliary_loss(templates: Tensor, inputs: Tensor, valued: Tensor, sentence: Tensor, scale: Tensor) -> Tensor:
    """ConVEx's equation 2, as a mean: template i among all inputs of the batch, where ``valued`` (N,) is 1.

    ``templates`` and ``inputs`` (N, d); inputs with the same number ``sentence`` (N,) as the own one are no negatives.
    0 when no pair has a value.
    """
    templates, inputs, valued, sentence = (gathered(one) for one in (templates, inputs, valued, sentence))
    scores = scale * (functional.normalize(templates.float(), dim=1) @ functional.normalize(inputs.float(), dim=1).T)
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    same = (sentence[:, None] == sentence[None, :]) & ~own
    each = scores.masked_fill(same, -torch.inf).logsumexp(1) - scores.diagonal()
    return (each * valued).sum() / valued.sum().clamp(min=1)


def _halves(hidden: Hidden) -> tuple[Hidden, Hidden]:
    (templates, inputs), (first, second) = hidden.states.chunk(2), hidden.mask.chunk(2)
    return Hidden(templates, first), Hidden(inputs, second)


def _partners(pairs: ClozePairs, rows: Ints, draws: Draws, number: int) -> Ints:
    """Whose template each pair gets, as a place in the batch: its own, and for ``number`` pairs another one's.

    Another pair's phrase must not be in the sentence; a pair for which none of eight is found keeps its own.
    """
    partner = np.arange(len(rows))
    order = np.argsort(_hashes(draws, rows, _CHOSEN), kind="stable")[:number]
    texts = [pairs.sentences.texts[at] for at in pairs.input.sentence[rows[order]].tolist()]
    waiting = dict(zip(order.tolist(), texts, strict=True))
    others = np.argsort(rows, kind="stable")
    for attempt in range(_TRIES):
        places = np.array(list(waiting), dtype=np.int64)
        drawn = others[_hashes(draws, rows[places], _PARTNER + attempt) % np.uint64(len(rows))]
        for place, other in zip(places.tolist(), drawn.tolist(), strict=True):
            if other != place and pairs.phrases[rows[other]] not in waiting[place]:
                partner[place] = other
                del waiting[place]
        if not waiting:
            break
    return partner


def _hashes(draws: Draws, rows: Ints, purpose: int) -> NDArray[np.uint64]:
    """A random number for each example, the same whatever batch it is in."""
    found = rows.astype(np.uint64)
    for key in (draws.seed, draws.part, draws.epoch, purpose):
        found = _mixed(found + np.uint64(key) + np.uint64(0x9E3779B97F4A7C15))
    return found


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al., 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _padded(pairs: ClozePairs, sentence: Ints, start: Ints, end: Ints, codec: Codec) -> Encoding:
    """Sentences as one padded batch; the tokens from ``start`` up to ``end`` become one blank, none where it is -1."""
    sizes = pairs.sentences.lengths(sentence)
    dropped = np.where(start < 0, 0, end - start - 1)
    width = int((sizes - dropped).max())
    place = np.arange(width)
    source = place + np.where((start[:, None] >= 0) & (place > start[:, None]), dropped[:, None], 0)
    mask = source < sizes[:, None]
    ids = pairs.sentences.ids[pairs.sentences.at[sentence][:, None] + np.where(mask, source, 0)].astype(np.int64)
    ids[place == start[:, None]] = pairs.blank
    ids[~mask] = int(codec.tokenizer.pad_token_id)
    return Encoding(
        torch.from_numpy(ids),
        torch.from_numpy(mask.astype(np.int64)),
        torch.zeros(ids.shape, dtype=torch.int64) if codec.segments else None,
    )
