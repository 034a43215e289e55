"""Pairwise cloze: pairs through the tokenizer, batches with and without values, and the loss worked by hand."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet

from turnwise.crf import log_likelihood
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives import PairwiseCloze
from turnwise.objectives.cloze_pairs import COLUMNS, ClozePairs, cloze_pairs, read_pairs
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.objectives.pairwise_cloze import ClozeHead, auxiliary_loss
from turnwise.span_decoder import tags_of

Read = Callable[[Encoder, Any], list[str]]


def columns(*rows: tuple[str, str]) -> dict[str, list[Any]]:
    """Sentences with their phrase in brackets."""
    made: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in rows:
        for side, text in zip(("template", "input"), row, strict=True):
            made[side].append(text.replace("[", "").replace("]", ""))
            made[f"{side}_start"].append(text.index("["))
            made[f"{side}_end"].append(text.index("]") - 1)
    return made


MANY = columns(
    *(
        (f"where is the [{phrase}] please", f"My [{phrase.title()}] has not come yet")
        for phrase in ("card", "parcel", "order", "address", "money", "help", "monday", "refund")
    )
)


def batch_of(pairs: ClozePairs, encoder: Encoder, objective: PairwiseCloze, *, epoch: int = 0, seed: int = 0) -> Batch:
    rows = tuple(range(len(pairs)))
    return objective.collate([pairs[row] for row in rows], encoder.codec, Draws(seed, 0, epoch, rows))


def test_a_phrase_becomes_a_blank_in_the_template_and_is_the_value_of_the_input(tiny: Encoder, read: Read) -> None:
    """The tokenizer cuts "21st" into letters: the value is all of them, the blank is one token."""
    pairs = cloze_pairs(columns(("on the [21st] please", "is it the [21ST] ?")), tiny.codec)
    batch = batch_of(pairs, tiny, PairwiseCloze(without=0.0))
    template, given = read(tiny, batch.encodings[0])
    assert template == "[CLS] on [UNK] [MASK] please [SEP]".replace("[UNK]", template.split()[2])
    assert given.split()[4:8] == ["2", "##1", "##s", "##t"]
    assert (batch.targets["start"].tolist(), batch.targets["end"].tolist()) == ([4], [8])
    assert batch.encodings[0].mask.sum(1).tolist() == [len(template.split()), len(given.split())]


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_spans_are_exact_to_the_character_for_every_tokenizer(family: str, checkpoint: Callable[[str], Path]) -> None:
    encoder = Encoder.load(checkpoint(family))
    told = columns(
        ("please send [my card] now", "where is [my card]?"),
        ("[£12.50] is what i paid", "i paid [£12.50] - why"),
        ("a café in [saint-étienne]!", "[Saint-Étienne] has cafés"),
        ("half of [wai]ting", "and [wai] alone"),
    )
    pairs = cloze_pairs(told, encoder.codec)
    for row in range(len(pairs)):
        text = told["input"][row]
        pieces = encoder.codec.pieces([text])[0]
        start, end = int(pairs.input.start[row]) - 1, int(pairs.input.end[row]) - 1
        assert (pieces.starts[start], pieces.ends[end - 1]) == (told["input_start"][row], told["input_end"][row])
        assert pairs.phrases[row] == text[told["input_start"][row] : told["input_end"][row]].lower()
    assert len(pairs) + pairs.left_out == 4


def test_a_phrase_that_ends_inside_of_a_token_is_left_out(tiny: Encoder) -> None:
    """The tiny vocabulary has "waiting" as one token."""
    pairs = cloze_pairs(columns(("thank you for [wai]ting", "my [wai] is on"), *_kept()), tiny.codec)
    assert (len(pairs), pairs.left_out) == (1, 1)
    assert pairs.phrases == ["card"]


def test_a_sentence_that_is_too_long_is_left_out_and_a_text_is_tokenised_once(tiny: Encoder) -> None:
    long = "where " * 60 + "is my [card]"
    pairs = cloze_pairs(columns((long, "my [card] has come"), *_kept(), *_kept()), tiny.codec)
    assert (len(pairs), pairs.left_out) == (2, 1)
    assert len(pairs.sentences) == 4
    assert pairs.lengths(np.arange(2)).tolist() == [8, 8]


def _kept() -> list[tuple[str, str]]:
    return [("where is my [card] please", "my [card] has not come yet")]


@pytest.mark.parametrize(("without", "number"), [(0.25, 2), (0.5, 4), (0.0, 0)])
def test_a_quarter_of_a_batch_has_the_template_of_another_pair_and_no_value(
    tiny: Encoder, read: Read, without: float, number: int
) -> None:
    pairs = cloze_pairs(MANY, tiny.codec)
    own = read(tiny, batch_of(pairs, tiny, PairwiseCloze(without=0.0)).encodings[0])
    batch = batch_of(pairs, tiny, PairwiseCloze(without=without))
    found = read(tiny, batch.encodings[0])
    assert found[8:] == own[8:]
    assert (batch.targets["end"] == 0).sum() == number
    assert batch.targets["start"][batch.targets["end"] == 0].tolist() == [0] * number


def test_other_templates_are_drawn_anew_for_an_epoch_and_not_for_an_order(tiny: Encoder) -> None:
    pairs, objective = cloze_pairs(MANY, tiny.codec), PairwiseCloze()

    def without(rows: tuple[int, ...], epoch: int) -> set[int]:
        batch = objective.collate([pairs[row] for row in rows], tiny.codec, Draws(0, 0, epoch, rows))
        return {row for row, end in zip(rows, batch.targets["end"].tolist(), strict=True) if end == 0}

    forward = tuple(range(8))
    assert without(forward, 0) == without(forward[::-1], 0)
    assert len({frozenset(without(forward, epoch)) for epoch in range(6)}) > 1


def test_a_template_whose_phrase_is_in_the_sentence_is_no_negative(tiny: Encoder) -> None:
    """All pairs share one phrase, so none can stand for no value."""
    pairs = cloze_pairs(columns(*(_kept() * 4)), tiny.codec)
    assert (batch_of(pairs, tiny, PairwiseCloze(without=0.5)).targets["end"] > 0).all()


def test_the_loss_by_hand(tiny: Encoder) -> None:
    """-log p of the tags by the forward algorithm, and equation 2 written out, for a pair that has a value."""
    pairs = cloze_pairs(MANY, tiny.codec)
    objective = PairwiseCloze(anneal=4, auxiliary=0.5, contrast="states", hidden=16, width=8, wide=8, attention=4)
    torch.manual_seed(0)
    head = objective.head(tiny, pairs)
    assert isinstance(head, ClozeHead)
    batch = batch_of(pairs, tiny, objective)
    with torch.no_grad():
        encoding = batch.encodings[0]
        states = tiny(encoding)
        head.batches.fill_(2)
        head.eval()
        found = objective.loss((Hidden(states, encoding.mask),), head, batch).item()
        scores = head.decoder(states[8:], encoding.mask[8:], states[:8], encoding.mask[:8])
        tags = tags_of(batch.targets["start"], batch.targets["end"], states.shape[1]) * encoding.mask[8:]
        likelihood = log_likelihood(scores, tags, encoding.mask[8:])
        scale, expected = math.sqrt(tiny.dim) * 2 / 4, []
        for row in range(8):
            if batch.targets["end"][row] > 0:
                cosines = [torch.cosine_similarity(states[row, 0], states[8 + at, 0], dim=0) for at in range(8)]
                expected.append(torch.stack([scale * one for one in cosines]).logsumexp(0) - scale * cosines[row])
    assert len(expected) == 6
    assert found == pytest.approx(-likelihood.mean().item() + 0.5 * float(torch.stack(expected).mean()), abs=1e-4)


def test_the_auxiliary_loss_by_hand() -> None:
    """Two pairs; C = 2; cosines 1 and 0 of the first template: -2 + log(e^2 + e^0) = 0.126928; the second has none."""
    templates, inputs = torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    valued, sentence = torch.tensor([1, 0]), torch.tensor([5, 6])
    found = auxiliary_loss(templates, inputs, valued, sentence, torch.tensor(2.0))
    assert found.item() == pytest.approx(0.126928, abs=1e-6)
    assert auxiliary_loss(templates, inputs, valued, torch.tensor([5, 5]), torch.tensor(2.0)).item() == 0
    assert auxiliary_loss(templates, inputs, 0 * valued, sentence, torch.tensor(2.0)).item() == 0


def test_its_scale_grows_with_the_batches_that_were_learned_from(tiny: Encoder) -> None:
    pairs, objective = cloze_pairs(MANY, tiny.codec), PairwiseCloze(anneal=3, hidden=16, width=8, wide=8)
    head = objective.head(tiny, pairs)
    batch = batch_of(pairs, tiny, objective)
    hidden = (Hidden(tiny(batch.encodings[0]), batch.encodings[0].mask),)
    for _ in range(5):
        objective.loss(hidden, head, batch)
    assert float(head.get_buffer("batches")) == 5
    with torch.no_grad():
        objective.loss(hidden, head, batch)
    assert float(head.get_buffer("batches")) == 5


def test_precision_and_recall_are_of_whole_spans(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four pairs with a value: one found, one too long, one not found; of two without, one gets a value."""
    pairs = cloze_pairs(columns(*(_kept() * 5)), tiny.codec)
    objective = PairwiseCloze(without=0.0)
    batch = batch_of(pairs, tiny, objective)
    start, end = torch.tensor([2, 2, 2, 0, 0]), torch.tensor([3, 3, 3, 0, 0])
    batch = Batch(batch.encodings, {**batch.targets, "start": start, "end": end})
    answers = torch.tensor([2, 2, 0, 1, 0]), torch.tensor([3, 4, 0, 2, 0]), torch.zeros(5)
    monkeypatch.setattr("turnwise.objectives.pairwise_cloze.best_spans", lambda scores, mask: answers)
    head = objective.head(tiny, pairs)
    states = tiny(batch.encodings[0])
    found = objective.score((Hidden(states, batch.encodings[0].mask),), head, batch)
    assert sorted(found["precision"].tolist()) == [0.0, 0.0, 1.0]
    assert sorted(found["recall"].tolist()) == [0.0, 0.0, 1.0]


def test_it_reads_the_layers_that_it_is_told(tiny: Encoder) -> None:
    pairs = cloze_pairs(MANY, tiny.codec)
    head = PairwiseCloze(layers=(0, 2)).head(tiny, pairs)
    assert isinstance(head, ClozeHead)
    assert head.decoder.input_projection[0].in_features == 2 * tiny.dim
    with pytest.raises(InputError, match=r"layers are \[3\], expected numbers from 0 to 2"):
        PairwiseCloze(layers=(3,)).head(tiny, pairs)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"without": 1.0}, "without is 1.0, expected a share"),
        ({"auxiliary": -1.0}, "auxiliary is -1.0"),
        ({"contrast": "words"}, "contrast is 'words', expected states or projections"),
        ({"anneal": 0}, "anneal is 0, expected at least 1"),
        ({"blocks": 0}, "blocks is 0"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PairwiseCloze(**values)


def test_files_that_hold_no_pairs_are_refused(tiny: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    with pytest.raises(InputError, match=r"there is no file .*; write one with: turnwise mine"):
        read_pairs(path, tiny.codec)
    path.write_bytes(b"nothing")
    with pytest.raises(CorpusError, match="cannot be read as pairs"):
        read_pairs(path, tiny.codec)
    parquet.write_table(pyarrow.table({"template": ["a"], "group": ["b"]}), path)
    with pytest.raises(CorpusError, match="cannot be read as pairs"):
        read_pairs(path, tiny.codec)
    parquet.write_table(pyarrow.table(columns(("half of [wai]ting", "and [wai]ting too"))), path)
    with pytest.raises(CorpusError, match="has 0 pairs to learn from, expected at least 1; 1 were left out"):
        read_pairs(path, tiny.codec)
    assert len(read_pairs(path, tiny.codec, least=0)) == 0
    parquet.write_table(pyarrow.table(MANY), path)
    told: list[tuple[int, int]] = []
    assert len(read_pairs(path, tiny.codec, progress=lambda done, total: told.append((done, total)))) == 8
    assert told == [(16, 16)]
