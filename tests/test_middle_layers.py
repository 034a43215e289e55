"""States of middle layers: the same as the whole encoder's, however often, from wherever, with whatever beside."""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AlbertConfig, AlbertModel, PreTrainedModel

from turnwise.encoder import Encoder
from turnwise.middle_layers import middle_states


def inputs(encoder: Encoder, text: str = "where is my card") -> dict[str, Tensor]:
    encoding = encoder.codec.batch(encoder.codec.tokenise([text, "hello"]))
    return {"input_ids": encoding.ids, "attention_mask": encoding.mask}


def whole(backbone: PreTrainedModel, given: dict[str, Tensor], layers: Sequence[int]) -> list[Tensor]:
    states = backbone(**given, output_hidden_states=True).hidden_states
    return [states[layer] for layer in layers]


def same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


DEPTHS = {"bert": 2, "distilbert": 2, "roberta": 2, "distilroberta": 1}
CASES = [
    (family, layers)
    for family, depth in DEPTHS.items()
    for layers in ((1,), (1, 1), (0, 1), (2, 1), (2,))
    if max(layers) <= depth
]


@pytest.mark.parametrize(("family", "layers"), CASES)
def test_states_are_those_of_the_whole_encoder(
    family: str, layers: tuple[int, ...], checkpoint: Callable[[str], Path]
) -> None:
    encoder = Encoder.load(checkpoint(family))
    given = inputs(encoder)
    with torch.inference_mode():
        first = middle_states(encoder.backbone, given, layers)
        assert same(first, whole(encoder.backbone, given, layers))
        assert same(first, middle_states(encoder.backbone, given, layers))


def test_layers_above_are_not_computed() -> None:
    encoder = Encoder.load()
    reached: list[int] = []
    for number, block in enumerate(encoder.backbone.encoder.layer, start=1):
        block.register_forward_hook(lambda *_, n=number: reached.append(n))
    with torch.inference_mode():
        states = middle_states(encoder.backbone, inputs(encoder), (2, 4))
    assert reached == [1, 2, 3, 4]
    assert [part.shape[2] for part in states] == [384, 384]


def test_calls_of_other_layers_and_of_the_whole_encoder_come_between() -> None:
    encoder = Encoder.load()
    given = inputs(encoder)
    backbone = encoder.backbone
    with torch.inference_mode():
        last = backbone(**given).last_hidden_state
        wanted = {layers: whole(backbone, given, layers) for layers in ((2, 4), (5,), (1, 3))}
        for layers in ((2, 4), (5,), (2, 4), (1, 3), (2, 4)):
            assert same(middle_states(backbone, given, layers), wanted[layers])
            assert torch.equal(backbone(**given).last_hidden_state, last)


def test_a_copied_encoder_gives_its_own_states() -> None:
    encoder = Encoder.load()
    given = inputs(encoder)
    with torch.inference_mode():
        before = middle_states(encoder.backbone, given, (2, 4))
        other = copy.deepcopy(encoder.backbone)
        for parameter in other.encoder.layer[2].parameters():
            parameter.mul_(1.5)
        assert same(middle_states(other, given, (2, 4)), whole(other, given, (2, 4)))
        assert not same(middle_states(other, given, (2, 4)), before)
        assert same(middle_states(encoder.backbone, given, (2, 4)), before)


def test_threads_do_not_meet() -> None:
    encoder = Encoder.load()
    texts = [" ".join(["card"] * number) for number in range(1, 9)]

    def asked(text: str) -> list[Tensor]:
        with torch.inference_mode():
            return middle_states(encoder.backbone, inputs(encoder, text), (2,) if len(text) % 2 else (4,))

    alone = [asked(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(same, pool.map(asked, texts * 3), alone * 3))


def test_gradients_flow_to_the_layers_below(tiny: Encoder) -> None:
    (states,) = middle_states(tiny.backbone, inputs(tiny), (1,))
    states.sum().backward()
    first, second = tiny.backbone.encoder.layer
    assert first.output.dense.weight.grad is not None
    assert second.output.dense.weight.grad is None


def test_layers_that_share_their_weights_are_run_through() -> None:
    sizes = {"hidden_size": 16, "embedding_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    backbone = AlbertModel(AlbertConfig(vocab_size=20, num_hidden_layers=3, **sizes)).eval()
    given = {"input_ids": torch.tensor([[2, 3, 4]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    with torch.inference_mode():
        assert same(middle_states(backbone, given, (1, 2)), whole(backbone, given, (1, 2)))


def test_a_failure_below_is_told_and_nothing_stays() -> None:
    encoder = Encoder.load()
    with torch.inference_mode():
        with pytest.raises(IndexError):
            middle_states(encoder.backbone, {"input_ids": torch.tensor([[10**7]])}, (2,))
        given = inputs(encoder)
        assert encoder.backbone(**given).last_hidden_state.shape[2] == 384
