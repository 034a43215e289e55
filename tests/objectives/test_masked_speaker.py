"""Masked speaker prediction: its loss by hand, what it hides, and what segments may say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from turnwise.codec import Encoding
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.layout import FormatName, Layout, Segments
from turnwise.objectives import MaskedSpeaker
from turnwise.objectives.objective import Draws, Hidden
from turnwise.objectives.places import pad
from turnwise.sequences import AGENT, AGENT_MARK, CUSTOMER, CUSTOMER_MARK, STRUCTURE, Composer, TurnIds

DRAWS = Draws(0, 0, 0, ())


def laid_out(checkpoint: Callable[[str], Path], name: FormatName, segments: Segments = "response") -> Encoder:
    encoder = Encoder.load(checkpoint("bert"))
    encoder.use_layout(Layout(name, segments))
    return encoder


def dialogues(encoder: Encoder, numbers: list[int]) -> Encoding:
    """Dialogues of so many turns of two random words, customer and agent in turn."""
    rng, composer = np.random.default_rng(5), Composer(encoder.codec)
    words = encoder.codec.word_ids
    rows = [
        [TurnIds(rng.choice(words, 2).astype(np.int32), (CUSTOMER, AGENT)[at % 2]) for at in range(number)]
        for number in numbers
    ]
    return pad([composer.dialogue(turns) for turns in rows], encoder.codec)


def test_the_loss_is_the_binary_cross_entropy_of_each_hidden_speaker() -> None:
    """Logits 2, an agent: log(1 + e^-2) = .126928; 0, a customer: log 2 = .693147; mean .410038."""
    hidden = [Hidden(torch.tensor([[[9.0], [2.0]], [[0.0], [9.0]]]), torch.ones(2, 2))]
    targets = [{"positions": torch.tensor([1, 2]), "labels": torch.tensor([1.0, 0.0])}]
    rider = MaskedSpeaker()
    assert rider.loss(hidden, nn.Identity(), targets).item() == pytest.approx(0.410038, abs=1e-6)
    assert rider.count(targets) == 2
    assert rider.score(hidden, nn.Identity(), targets)["accuracy"].tolist() == [1.0, 1.0]


def test_a_surer_right_answer_lowers_the_loss() -> None:
    targets = [{"positions": torch.tensor([0]), "labels": torch.tensor([1.0])}]
    states = [torch.tensor([[[x]]]) for x in (-1.0, 0.0, 2.0)]
    losses = [MaskedSpeaker().loss([Hidden(s, torch.ones(1, 1))], nn.Identity(), targets).item() for s in states]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("name", ["tod", "cs-bert"])
def test_half_of_the_speaker_tokens_are_chosen_of_which_80_10_10(
    checkpoint: Callable[[str], Path], name: FormatName
) -> None:
    """Rows of 1 to 6 turns, 1,400 tokens. 3 standard deviations are 38 around 700 (an odd row rounds at random).

    Of 700 chosen ones they are 32 around 560 masked, 24 around 70 replaced and 70 kept.
    """
    encoder = laid_out(checkpoint, name)
    tokens = set(Composer(encoder.codec).speaker_ids())
    before = dialogues(encoder, [1, 2, 3, 4, 5, 6] * 66 + [6, 6, 2])
    after, targets = MaskedSpeaker().corrupt(before, encoder.codec, DRAWS)
    assert before.marks is not None
    marks, positions = before.marks.flatten(), targets["positions"]
    speakers = (marks == CUSTOMER_MARK) | (marks == AGENT_MARK)
    assert int(speakers.sum()) == 1400
    chosen = len(positions)
    assert abs(chosen - 700) < 38
    assert speakers[positions].all()
    old, new = before.ids.flatten()[positions], after.ids.flatten()[positions]
    masked, kept = new == encoder.codec.tokenizer.mask_token_id, new == old
    assert abs(int(masked.sum()) - 0.8 * chosen) < 32
    assert abs(int(kept.sum()) - 0.1 * chosen) < 24
    assert set(new[~masked].tolist()) <= tokens
    assert targets["labels"].tolist() == (marks[positions] == AGENT_MARK).float().tolist()
    untouched = torch.ones(len(marks), dtype=torch.bool)
    untouched[positions] = False
    assert torch.equal(after.ids.flatten()[untouched], before.ids.flatten()[untouched])


def test_each_row_has_half_of_its_speakers_chosen_rounded_either_way(tod: Encoder) -> None:
    before = dialogues(tod, [4, 3, 1] * 50)
    _, targets = MaskedSpeaker().corrupt(before, tod.codec, DRAWS)
    counts = torch.bincount(targets["positions"] // before.ids.shape[1], minlength=150).tolist()
    assert set(counts[0::3]) == {2}
    assert set(counts[1::3]) == {1, 2}
    assert set(counts[2::3]) == {0, 1}
    _, targets = MaskedSpeaker(rate=1.0).corrupt(before, tod.codec, DRAWS)
    assert len(targets["positions"]) == 8 * 50


def test_the_first_question_is_the_customers(checkpoint: Callable[[str], Path]) -> None:
    encoder = laid_out(checkpoint, "cs-bert")
    encoding = dialogues(encoder, [3])
    assert encoder.codec.tokenizer.convert_ids_to_tokens(int(encoding.ids[0, 1])) == "INITIALQUESTION"
    _, targets = MaskedSpeaker(rate=1.0).corrupt(encoding, encoder.codec, DRAWS)
    assert targets["labels"].tolist() == [0.0, 1.0, 0.0]


def seen(encoding: Encoding, targets: dict, encoder: Encoder) -> list[tuple[str, list[int], bool]]:
    """Of each turn in row 0: who speaks, the segments of its token and words, and whether the speaker is hidden."""
    assert encoding.marks is not None and encoding.segments is not None
    found = []
    for at in range(1, len(encoding.marks[0]), 3):
        if encoding.marks[0, at] in (CUSTOMER_MARK, AGENT_MARK):
            segments = encoding.segments[0, at : at + 3].tolist()
            found.append(
                ("ca"[int(encoding.marks[0, at] == AGENT_MARK)], segments, at in targets["positions"].tolist())
            )
    return found


def test_the_segments_of_a_hidden_speakers_turn_say_nothing(by_role: Encoder) -> None:
    encoding = dialogues(by_role, [8])
    hidden_agents = 0
    for epoch in range(20):
        after, targets = MaskedSpeaker().corrupt(encoding, by_role.codec, Draws(0, 0, epoch, ()))
        for who, segments, hidden in seen(after, targets, by_role):
            assert segments == ([0, 0, 0] if who == "c" or hidden else [1, 1, 1])
            hidden_agents += hidden and who == "a"
    assert hidden_agents > 10


def test_nor_do_those_of_the_special_tokens_beside_it(by_role: Encoder) -> None:
    """A response by itself has segment 1 from [CLS] to [SEP]."""
    words = by_role.codec.word_ids[:3].astype(np.int32)
    encoding = pad([Composer(by_role.codec).single(words, AGENT)], by_role.codec)
    assert encoding.segments is not None and encoding.segments.sum() == 6
    after, _ = MaskedSpeaker(rate=1.0).corrupt(encoding, by_role.codec, DRAWS)
    assert after.segments is not None and after.segments.sum() == 0


def test_as_published_segments_stay(by_role: Encoder) -> None:
    encoding = dialogues(by_role, [8])
    after, _ = MaskedSpeaker(as_published=True).corrupt(encoding, by_role.codec, DRAWS)
    assert encoding.segments is not None and after.segments is not None
    assert torch.equal(after.segments, encoding.segments)


def test_segments_that_mark_the_response_stay(tod: Encoder) -> None:
    words = tod.codec.word_ids[:3].astype(np.int32)
    row = Composer(tod.codec).dialogue([TurnIds(words, CUSTOMER)], response=words)
    after, _ = MaskedSpeaker(rate=1.0).corrupt(pad([row], tod.codec), tod.codec, DRAWS)
    assert after.segments is not None
    assert after.segments.tolist() == [[0] * 6 + [1] * 4]


def test_sequences_without_speakers_count_for_nothing(tod: Encoder) -> None:
    words = tod.codec.word_ids[:3].astype(np.int32)
    encoding = pad([Composer(tod.codec).single(words)], tod.codec)
    assert encoding.marks is not None and int((encoding.marks == STRUCTURE).sum()) == 2
    after, targets = MaskedSpeaker().corrupt(encoding, tod.codec, DRAWS)
    head = MaskedSpeaker().head(tod)
    loss = MaskedSpeaker().loss([Hidden(tod(after), after.mask)], head, [targets])
    loss.backward()
    assert (MaskedSpeaker().count([targets]), loss.item()) == (0, 0.0)


def test_a_format_without_speaker_tokens_is_refused(tiny: Encoder) -> None:
    with pytest.raises(InputError, match=r'needs speaker tokens; choose input.format = "tod" or "cs-bert"'):
        MaskedSpeaker().head(tiny)
    encoding = tiny.codec.batch(tiny.codec.tokenise(["hello"]))
    with pytest.raises(InputError, match="rides on dialogues; the sequences of this objective have no speakers"):
        MaskedSpeaker().corrupt(encoding, tiny.codec, DRAWS)


def test_parameters_outside_their_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"rate is 0\.0, expected a number above 0 and at most 1"):
        MaskedSpeaker(rate=0.0)
    with pytest.raises(InputError, match=r"masked is 0\.8 and other 0\.3; expected shares that add up to at most 1"):
        MaskedSpeaker(other=0.3)
