"""Stacked decoders give what each gives alone."""

import pytest
import torch

from turnwise.span_crf import span_scores
from turnwise.span_decoder import SpanDecoder
from turnwise.tasks.slots.stack import Names, Packed, Stack, joined_stacks, repeated, varied

LENGTHS = torch.tensor([5, 3, 7])


def decoder(seed: int = 0) -> SpanDecoder:
    torch.manual_seed(seed)
    return SpanDecoder(24, hidden=16, width=12, wide=20, attention=8)


def read(stack: Stack, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (states[None], states[None]) if stack.whole else stack.projected(states)


def answers(stack: Stack, states: torch.Tensor, features: torch.Tensor, names: Names | None = None) -> torch.Tensor:
    packed = Packed.of(LENGTHS)
    return span_scores(stack(read(stack, states), features, packed, names), packed.mask.repeat(len(features), 1))


def test_sentences_are_packed_without_padding() -> None:
    """Of lengths 2 and 1, tokens 0, 1 | 2: the padded batch is 0, 1 and 2, something; its places 0, 1, 2 come back."""
    packed = Packed.of(torch.tensor([2, 1]))
    assert packed.mask.tolist() == [[True, True], [True, False]]
    assert packed.back.tolist() == [0, 1, 2]
    values = torch.tensor([[[10.0], [11.0], [12.0]]])
    padded = packed.pad(values)
    assert padded[0, :, :, 0][packed.mask].tolist() == [10, 11, 12]
    assert torch.equal(packed.pack(padded), values)


@pytest.mark.parametrize("whole", [False, True])
def test_a_stack_begins_as_the_decoder_with_the_sentence_as_its_template(whole: bool) -> None:
    base, packed = decoder().eval(), Packed.of(LENGTHS)
    states = torch.randn(15, 24)
    padded = packed.pad(states[None])[0]
    expected = span_scores(base(padded, packed.mask, padded, packed.mask), packed.mask)
    stack = repeated(Stack(base, 1, 5, hidden=8, whole=whole), 3)
    found = answers(stack, states, torch.randn(3, 15, 5)).unflatten(0, (3, -1))
    for own in found:
        assert torch.allclose(own, expected, atol=1e-5)


@pytest.mark.parametrize("whole", [False, True])
def test_decoders_of_different_weights_answer_as_each_alone(whole: bool) -> None:
    stacks = [Stack(decoder(), 1, 5, hidden=8, whole=whole) for _ in range(2)]
    for number, stack in enumerate(stacks):
        torch.manual_seed(number + 1)
        for value in stack.own.values():
            value.data.add_(torch.randn_like(value) * 0.1)
    both = joined_stacks(stacks, 1)
    states, features = torch.randn(15, 24), torch.randn(2, 15, 5)
    together = answers(both, states, features).unflatten(0, (2, -1))
    for number, stack in enumerate(stacks):
        assert torch.allclose(together[number], answers(stack, states, features[number : number + 1]), atol=1e-4)


def test_joined_stacks_come_member_by_member() -> None:
    """Two members of one slot, then of another: 0 a, 1 a and 0 b, 1 b become 0 a, 0 b, 1 a, 1 b."""
    stacks = [repeated(Stack(decoder(), 1, 5, hidden=8, whole=False), 2) for _ in range(2)]
    for number, stack in enumerate(stacks):
        stack.own["potentials_bias"].data[:] = torch.tensor([[number], [10 + number]], dtype=torch.float)
    both = joined_stacks(stacks, 2)
    assert both.decoders == 4
    assert both.own["potentials_bias"][:, 0].tolist() == [0, 1, 10, 11]


def test_names_are_read_and_padding_of_them_is_not() -> None:
    stack = Stack(decoder(), 1, 5, hidden=8, whole=False)
    states, features = torch.randn(15, 24), torch.zeros(2, 15, 5)
    names = Names(torch.randn(2, 4, 24), torch.tensor([[True] * 4, [True, True, False, False]]))
    found = answers(stack, states, features, names).unflatten(0, (2, -1))
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    other = Names(names.states.clone(), names.mask)
    other.states[1, 2:] = 9.0
    assert torch.allclose(answers(stack, states, features, other).unflatten(0, (2, -1))[1], found[1], atol=1e-5)
    assert names.repeat(2).states.shape == (4, 4, 24)


def test_features_reach_the_answer_once_the_residual_layer_has_learned() -> None:
    stack = varied(repeated(Stack(decoder(), 1, 5, hidden=8, whole=False), 2))
    assert not torch.equal(stack.own["residual_0_weight"][0], stack.own["residual_0_weight"][1])
    stack.own["residual_2_weight"].data.normal_()
    states = torch.randn(15, 24)
    first, second = (answers(stack, states, torch.full((2, 15, 5), value)) for value in (0.0, 1.0))
    assert not torch.allclose(first, second, atol=1e-3)


def test_members_differ_in_residual_layers_that_have_learned_nothing() -> None:
    stack = repeated(Stack(decoder(), 1, 5, hidden=8, whole=False), 2)
    first, second = varied(stack).own["residual_0_weight"]
    assert not torch.equal(first, second)
    with torch.no_grad():
        stack.own["residual_2_weight"].add_(1.0)
    before = stack.own["residual_0_weight"].clone()
    assert torch.equal(varied(stack).own["residual_0_weight"], before)
