"""Heads come with an encoder, go on from there, and fit or are left alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertForMaskedLM, DistilBertForMaskedLM, PreTrainedModel, RobertaForMaskedLM

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import ModelError
from turnwise.layout import Layout
from turnwise.objectives import MaskedLM, NextTurn
from turnwise.pretrained_heads import head_weights, read_heads, start_from, write_heads
from turnwise.pretraining import Adapted, Held, Input, Pretraining, pretrain
from turnwise.training import Settings

KINDS: dict[str, type[PreTrainedModel]] = {
    "bert": BertForMaskedLM,
    "roberta": RobertaForMaskedLM,
    "distilbert": DistilBertForMaskedLM,
}
RECIPE = Pretraining(
    ((NextTurn(batch_size=4), 1.0),),
    ((MaskedLM(), 1.0),),
    Settings(steps=6, learning_rate=1e-2, precision="fp32"),
    Input(max_tokens=32, format="tod"),
    Held(share=0),
)


def published(checkpoint: Callable[[str], Path], folder: Path, family: str) -> PreTrainedModel:
    """A language model with random weights, saved as such models are."""
    encoder = Encoder.load(checkpoint(family))
    torch.manual_seed(1)
    model = KINDS[family](encoder.backbone.config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoint(family)).save_pretrained(folder)
    return model


@pytest.mark.parametrize("family", list(KINDS))
def test_the_head_of_a_published_language_model_gives_its_logits(
    checkpoint: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    model = published(checkpoint, tmp_path, family)
    encoder = Encoder.load(tmp_path)
    head = MaskedLM().head(encoder)
    assert start_from({"masked_lm": head}, read_heads(encoder.name), encoder) == ["masked_lm"]
    encoding = encoder.codec.batch(encoder.codec.tokenise(["my card has not come yet", "where is it"]))
    with torch.inference_mode():
        got = head(encoder(encoding))
        expected = model(input_ids=encoding.ids, attention_mask=encoding.mask).logits
    real = encoding.mask.bool()
    assert got[real] == pytest.approx(expected[real], abs=1e-3)


def test_norms_of_the_first_releases_are_found_by_their_old_names(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    published(checkpoint, tmp_path, "bert")
    weights = load_file(tmp_path / "model.safetensors")
    norm = "cls.predictions.transform.LayerNorm"
    scale = weights[f"{norm}.weight"].clone()
    old = {name.replace(f"{norm}.weight", f"{norm}.gamma").replace(f"{norm}.bias", f"{norm}.beta") for name in weights}
    assert f"{norm}.gamma" in old
    renamed = {
        name.replace(f"{norm}.weight", f"{norm}.gamma").replace(f"{norm}.bias", f"{norm}.beta"): value
        for name, value in weights.items()
    }
    save_file(renamed, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert torch.equal(read_heads(str(tmp_path))["masked_lm.norm.weight"], scale)


def test_new_tokens_start_with_no_bias(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    published(checkpoint, tmp_path, "bert")
    encoder = Encoder.load(tmp_path)
    before = len(encoder.embeddings)
    encoder.use_layout(Layout("tod"))
    head = MaskedLM().head(encoder)
    weights = read_heads(encoder.name)
    assert start_from({"masked_lm": head}, weights, encoder) == ["masked_lm"]
    assert torch.equal(head.bias[:before], weights["masked_lm.bias"])
    assert len(head.bias) == before + 2
    assert not head.bias[before:].any()


def test_a_plain_encoder_or_random_weights_bring_no_heads(tiny: Encoder) -> None:
    assert read_heads(tiny.name) == {}
    assert read_heads("random:embedded") == {}
    assert read_heads("small from random weights") == {}
    assert read_heads("no-such/checkpoint-on-this-machine") == {}


def test_a_head_of_another_shape_is_left_as_it_is(tiny: Encoder) -> None:
    head = torch.nn.Linear(4, 2)
    before = head.weight.clone()
    for wrong in (torch.ones(2, 5), torch.ones(3, 4)):
        assert start_from({"own": head}, {"own.weight": wrong, "own.bias": torch.ones(2)}, tiny) == []
    assert start_from({"own": head}, {"own.weight": torch.ones(2, 4)}, tiny) == []
    assert torch.equal(head.weight, before)
    assert start_from({"own": head}, {"own.weight": torch.ones(2, 4), "own.bias": torch.ones(2)}, tiny) == ["own"]
    assert torch.equal(head.weight, torch.ones(2, 4))


def test_what_is_tied_to_the_encoder_is_not_written(tiny: Encoder, tmp_path: Path) -> None:
    weights = head_weights({"masked_lm": MaskedLM().head(tiny)}, tiny)
    assert set(weights) == {
        f"masked_lm.{n}" for n in ("dense.weight", "dense.bias", "norm.weight", "norm.bias", "bias")
    }
    write_heads(tmp_path, weights)
    read = read_heads(str(tmp_path))
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def test_damaged_heads_are_refused(tmp_path: Path) -> None:
    (tmp_path / "heads.safetensors").write_bytes(b"\x10broken")
    with pytest.raises(ModelError, match="heads that lie beside the encoder"):
        read_heads(str(tmp_path))


def test_more_training_starts_from_the_heads_of_the_last(tiny: Encoder, talks: list[Dialogue], tmp_path: Path) -> None:
    first = pretrain(talks, tiny, RECIPE)
    assert first.facts["heads"] == {"next_turn": "new", "masked_lm": "new"}
    first.save(tmp_path / "first")
    still = replace(RECIPE, training=replace(RECIPE.training, steps=1, learning_rate=1e-12, warmup=0.0))
    second = pretrain(talks, Encoder.load(tmp_path / "first"), still)
    assert second.facts["heads"] == {"next_turn": "from the encoder", "masked_lm": "from the encoder"}
    assert heads_of(second) == pytest.approx(heads_of(first), abs=1e-6)
    assert heads_of(first) != pytest.approx(heads_of(pretrain(talks, tiny, still)), abs=1e-3)


def heads_of(adapted: Adapted) -> list[float]:
    assert set(adapted.heads) >= {"next_turn.weight", "masked_lm.dense.weight"}
    return torch.cat([value.flatten() for _, value in sorted(adapted.heads.items())]).tolist()


def test_one_rider_has_one_head_whatever_it_rides_on(tiny: Encoder, talks: list[Dialogue]) -> None:
    from turnwise.objectives import SpeakerPrediction

    both = replace(RECIPE, objectives=(*RECIPE.objectives, (SpeakerPrediction(batch_size=4), 1.0)))
    adapted = pretrain(talks, tiny, both)
    assert {name.split(".")[0] for name in adapted.heads} == {"next_turn", "speaker", "masked_lm"}


def test_the_heads_of_the_best_measurement_are_kept(
    tiny: Encoder, talks: list[Dialogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses of 1, 3 and 2 at steps 2, 4 and 6: the heads are those of step 2, not of step 6."""
    import turnwise.pretraining_run as module

    losses = iter((9.0, 1.0, 3.0, 2.0))
    monkeypatch.setattr(module, "evaluate", lambda *_, **__: {"next_turn": {"loss": next(losses)}})
    measured = replace(RECIPE, evaluation=Held(every=2, patience=5))
    best = pretrain(talks, tiny, measured, dev=talks)
    assert best.facts["steps"] == 2
    short = pretrain(talks, tiny, replace(RECIPE, training=replace(RECIPE.training, steps=6)))
    assert heads_of(best) != pytest.approx(heads_of(short), abs=1e-4)
