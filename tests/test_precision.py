"""bfloat16 where it is fast, float32 where it matters, and the encoder as it was afterwards."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import turnwise.precision as module
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.objectives.objective import Draws, Hidden
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.precision import bf16_is_faster, mixed, resolve
from turnwise.store import TurnStore

CPU = torch.device("cpu")
TEXTS = ["my card", "where is it", "", "i want to cancel the order please", "help", "it " * 90]
RELATIVE = 0.02
"""bfloat16 keeps 8 bits of a number, a relative step of 2^-8 = .004; a loss is through a few layers of them."""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_is_asked_for_is_given(precision: module.Precision) -> None:
    assert resolve(precision, CPU) == precision


@pytest.mark.parametrize(("faster", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_on_a_cpu_takes_what_was_measured_as_faster(
    monkeypatch: pytest.MonkeyPatch, faster: bool, expected: str
) -> None:
    monkeypatch.setattr(module, "bf16_is_faster", lambda: faster)
    assert resolve("auto", CPU) == expected


def test_auto_on_an_unknown_device_takes_fp32() -> None:
    assert resolve("auto", torch.device("meta")) == "fp32"


def test_the_measurement_is_made_once() -> None:
    first = bf16_is_faster()
    assert first in {True, False}
    assert bf16_is_faster() is first
    assert bf16_is_faster.cache_info().misses == 1


def test_linear_layers_run_in_bf16_and_attention_in_fp32_inside_the_block(
    tiny: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[torch.dtype, torch.dtype]] = []
    inner = module.sdpa_attention_forward

    def spy(layer: torch.nn.Module, query: torch.Tensor, *rest: object, **options: object) -> object:
        seen.append((query.dtype, layer.query(torch.zeros(1, 32)).dtype))
        return inner(layer, query, *rest, **options)

    monkeypatch.setattr(module, "sdpa_attention_forward", spy)
    with torch.inference_mode(), mixed(tiny.backbone, "bf16"):
        tiny(tiny.codec.batch(tiny.codec.tokenise(TEXTS)))
        outside_attention = tiny.backbone.encoder.layer[0].attention.self.query(torch.zeros(1, 32)).dtype
    assert [query for query, _ in seen] == [torch.float32, torch.float32]
    assert outside_attention == torch.bfloat16
    assert {parameter.dtype for parameter in tiny.parameters()} == {torch.float32}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_attention_implementation_comes_back(tiny: Encoder, precision: str) -> None:
    before = tiny.backbone.config._attn_implementation
    assert before == "sdpa"
    with mixed(tiny.backbone, precision):  # type: ignore[arg-type]
        inside = tiny.backbone.config._attn_implementation
        with mixed(tiny.backbone, "bf16"):
            pass
        assert tiny.backbone.config._attn_implementation == inside
    assert (inside == before) == (precision == "fp32")
    assert tiny.backbone.config._attn_implementation == before
    assert not torch.is_autocast_enabled("cpu")


def test_the_attention_implementation_comes_back_after_an_exception(tiny: Encoder) -> None:
    expected = tiny.encode(TEXTS)
    with pytest.raises(ZeroDivisionError), mixed(tiny.backbone, "bf16"):
        raise ZeroDivisionError
    assert tiny.backbone.config._attn_implementation == "sdpa"
    assert not torch.is_autocast_enabled("cpu")
    assert np.array_equal(tiny.encode(TEXTS), expected)


def test_an_encoder_of_another_attention_implementation_keeps_it(tiny: Encoder) -> None:
    tiny.backbone.set_attn_implementation("eager")
    with mixed(tiny.backbone, "bf16"):
        assert tiny.backbone.config._attn_implementation == "eager"
    assert tiny.backbone.config._attn_implementation == "eager"


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_vectors_in_bf16_point_where_those_in_fp32_do(checkpoint: Callable[[str], Path], family: str) -> None:
    encoder = Encoder.load(checkpoint(family))
    full, half = encoder.encode(TEXTS), encoder.encode(TEXTS, precision="bf16")
    assert half.dtype == np.float32
    cosines = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert cosines.min() > 0.999
    assert not np.array_equal(full, half)


def test_losses_and_gradients_in_bf16_are_those_in_fp32_within_two_percent(
    tiny: Encoder, talks: list[Dialogue]
) -> None:
    objective = ResponseRanking()
    examples = objective.examples(TurnStore.of(talks, tiny.codec), tiny.codec)
    batch = objective.collate(examples, tiny.codec, Draws(0, 0, 0, tuple(range(len(examples)))))
    losses, gradients = [], []
    for precision in ("fp32", "bf16"):
        tiny.zero_grad()
        with mixed(tiny.backbone, precision):  # type: ignore[arg-type]
            states = [tiny(encoding) for encoding in batch.encodings]
        hidden = tuple(Hidden(s.float(), e.mask) for s, e in zip(states, batch.encodings, strict=True))
        loss = objective.loss(hidden, torch.nn.Identity(), batch)
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in tiny.parameters() if p.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], rel=RELATIVE)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99
