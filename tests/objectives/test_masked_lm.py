"""Masked language modelling: its loss by hand, and what it hides."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from turnwise.codec import Encoding
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives import MaskedLM
from turnwise.objectives.masked_lm import VocabularyHead, perplexity
from turnwise.objectives.objective import Draws, Hidden
from turnwise.objectives.places import pad
from turnwise.sequences import CUSTOMER, TEXT, Composer, TurnIds

ROWS, WORDS = 300, 36
DRAWS = Draws(0, 0, 0, ())


def texts(encoder: Encoder, lengths: list[int]) -> Encoding:
    """A customer's turn of so many random words each, in the layout of the encoder."""
    rng, composer = np.random.default_rng(5), Composer(encoder.codec)
    words = encoder.codec.word_ids
    turns = [TurnIds(rng.choice(words, length).astype(np.int32), CUSTOMER) for length in lengths]
    return pad([composer.dialogue([turn]) for turn in turns], encoder.codec)


def changed(before: Encoding, after: Encoding, targets: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Old and new ids at the chosen positions, and whether any other position has changed."""
    old, new = before.ids.flatten(), after.ids.flatten()
    elsewhere = torch.ones(len(old), dtype=torch.bool)
    elsewhere[targets["positions"]] = False
    return old[targets["positions"]], new[targets["positions"]], (old != new) & elsewhere


def test_the_loss_is_a_mean_over_the_hidden_tokens_of_all_sequences() -> None:
    """Logits are the states: (0, log 3), label 1: -log 3/4 = .287682; (0, 0), label 0: log 2; mean .490415."""
    noise = torch.full((1, 2, 2), 9.0)
    one, other = noise.clone(), noise.clone()
    one[0, 1] = torch.tensor([0.0, math.log(3)])
    other[0, 0] = torch.tensor([0.0, 0.0])
    hidden = [Hidden(states, torch.ones(1, 2)) for states in (one, other)]
    targets = [
        {"positions": torch.tensor([1]), "labels": torch.tensor([1])},
        {"positions": torch.tensor([0]), "labels": torch.tensor([0])},
    ]
    rider = MaskedLM()
    assert rider.loss(hidden, nn.Identity(), targets).item() == pytest.approx(0.490415, abs=1e-6)
    assert rider.count(targets) == 2
    found = rider.score(hidden, nn.Identity(), targets)
    assert found["nats"].tolist() == pytest.approx([0.287682, 0.693147], abs=1e-6)
    assert perplexity(found["nats"].mean().item()) == pytest.approx(math.sqrt(8 / 3), abs=1e-5)
    assert found["accuracy"].tolist() == [1.0, 1.0]


def test_a_larger_logit_of_the_true_token_lowers_the_loss() -> None:
    targets = [{"positions": torch.tensor([0]), "labels": torch.tensor([1])}]
    states = [torch.tensor([[[0.0, x]]]) for x in (-1.0, 0.0, 2.0)]
    losses = [MaskedLM().loss([Hidden(s, torch.ones(1, 1))], nn.Identity(), targets).item() for s in states]
    assert losses == sorted(losses, reverse=True)


def test_the_head_ends_in_the_embeddings() -> None:
    """gelu(1) and gelu(-1) differ, so their layer norm is (1, -1); with E = (1, 0), (0, 1), (1, 1): 1, -1, 0."""
    head = VocabularyHead(nn.Parameter(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])), 2)
    assert head(torch.tensor([[1.0, -1.0]]))[0].tolist() == pytest.approx([1, -1, 0], abs=1e-5)


def test_the_embeddings_of_head_and_encoder_are_one_parameter(tiny: Encoder) -> None:
    assert MaskedLM().head(tiny).embeddings is tiny.embeddings


def test_15_percent_of_the_words_of_each_row_are_chosen_of_which_80_10_10(tod: Encoder) -> None:
    """36 words: 5.4 becomes 5. Of 1,500 tokens 3 standard deviations are 46 around 1,200 and 35 around 150.

    A random token is the old one once in some hundred times, which counts as kept here.
    """
    before = texts(tod, [WORDS] * ROWS)
    after, targets = MaskedLM().corrupt(before, tod.codec, DRAWS)
    rows = targets["positions"] // before.ids.shape[1]
    assert torch.bincount(rows, minlength=ROWS).tolist() == [5] * ROWS
    old, new, elsewhere = changed(before, after, targets)
    assert torch.equal(old, targets["labels"])
    assert not elsewhere.any()
    masked = new == tod.codec.tokenizer.mask_token_id
    assert abs(int(masked.sum()) - 1200) < 46
    assert abs(int((new == old).sum()) - 150) < 35
    assert abs(int((~masked & (new != old)).sum()) - 150) < 35


def test_short_texts_have_one_token_hidden(tod: Encoder) -> None:
    """1, 4, 10 and 17 words: .15 and .6 and 1.5 (to even) and 2.55."""
    before = texts(tod, [1, 4, 10, 17])
    _, targets = MaskedLM().corrupt(before, tod.codec, DRAWS)
    assert torch.bincount(targets["positions"] // before.ids.shape[1]).tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize("marked", [True, False])
def test_special_tokens_speakers_and_padding_are_never_chosen(tod: Encoder, marked: bool) -> None:
    before = texts(tod, [3, 20, 30] * 30)
    assert before.marks is not None
    ordinary = (before.marks == TEXT).flatten()
    given = before if marked else Encoding(before.ids, before.mask, before.segments)
    after, targets = MaskedLM(rate=0.99).corrupt(given, tod.codec, DRAWS)
    assert ordinary[targets["positions"]].all()
    assert torch.equal(after.ids.flatten()[~ordinary], before.ids.flatten()[~ordinary])
    assert torch.equal(after.mask, before.mask)


def test_a_random_token_is_no_special_one(tod: Encoder) -> None:
    before = texts(tod, [WORDS] * ROWS)
    after, targets = MaskedLM(masked=0.0, random=1.0).corrupt(before, tod.codec, DRAWS)
    _, new, _ = changed(before, after, targets)
    assert not np.isin(new.numpy(), tod.codec.tokenizer.all_special_ids).any()
    assert len(new.unique()) > 100


def test_texts_without_a_word_have_no_loss(tod: Encoder) -> None:
    """And the gradient is 0, not a number that is none."""
    encoding = texts(tod, [0, 0])
    after, targets = MaskedLM().corrupt(encoding, tod.codec, DRAWS)
    head = MaskedLM().head(tod)
    loss = MaskedLM().loss([Hidden(tod(after), after.mask)], head, [targets])
    loss.backward()
    assert (MaskedLM().count([targets]), loss.item()) == (0, 0.0)


def test_what_is_hidden_does_not_depend_on_padding(tod: Encoder) -> None:
    alone, beside = texts(tod, [10]), texts(tod, [10, 30])
    first, second = (MaskedLM().corrupt(encoding, tod.codec, DRAWS)[0] for encoding in (alone, beside))
    assert torch.equal(first.ids[0], second.ids[0, : first.ids.shape[1]])


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "distilroberta"])
def test_every_family_of_encoders_can_be_asked(checkpoint: Callable[[str], Path], family: str) -> None:
    encoder = Encoder.load(checkpoint(family))
    encoding = encoder.codec.batch(encoder.codec.tokenise(["where is my card", "please cancel the order"]))
    after, targets = MaskedLM().corrupt(encoding, encoder.codec, DRAWS)
    loss = MaskedLM().loss([Hidden(encoder(after), after.mask)], MaskedLM().head(encoder), [targets])
    assert loss.isfinite() and loss.item() > 0


def test_parameters_outside_their_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"rate is 0\.0, expected a number between 0 and 1"):
        MaskedLM(rate=0.0)
    with pytest.raises(InputError, match=r"masked is 0\.8 and random 0\.3; expected shares that add up to at most 1"):
        MaskedLM(random=0.3)
