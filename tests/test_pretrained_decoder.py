"""A decoder's folder: what was saved comes back, and nothing else does."""

import copy
import json
from pathlib import Path

import pytest
import torch

from turnwise.encoder import Encoder
from turnwise.errors import ModelError
from turnwise.pretrained_decoder import PretrainedDecoder, encoder_hash, load_decoder, save_decoder
from turnwise.span_crf import best_spans
from turnwise.span_decoder import SpanDecoder


@pytest.fixture
def saved(tiny: Encoder, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    decoder = SpanDecoder(2 * tiny.dim, hidden=24, width=16, wide=20, attention=8, blocks=3)
    told = PretrainedDecoder(decoder, (1, 0), "[MASK]", "tiny", encoder_hash(tiny), {"steps": 7})
    save_decoder(told, tmp_path / "decoder")
    return tmp_path / "decoder"


def changed(folder: Path, **values: object) -> None:
    path = folder / "decoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_was_saved_comes_back(tiny: Encoder, saved: Path) -> None:
    found = load_decoder(saved, tiny)
    assert (found.layers, found.blank, found.encoder, found.facts) == ((1, 0), "[MASK]", "tiny", {"steps": 7})
    torch.manual_seed(0)
    expected = SpanDecoder(2 * tiny.dim, hidden=24, width=16, wide=20, attention=8, blocks=3).state_dict()
    assert {name: value.tolist() for name, value in found.decoder.state_dict().items()} == {
        name: value.tolist() for name, value in expected.items()
    }
    assert not found.decoder.training


def test_in_sixteen_bits_a_folder_has_half_the_size(tiny: Encoder, saved: Path, tmp_path: Path) -> None:
    whole = load_decoder(saved, tiny)
    save_decoder(whole, tmp_path / "half", half=True)
    size = [(folder / "decoder.safetensors").stat().st_size for folder in (saved, tmp_path / "half")]
    assert size[1] < 0.75 * size[0]
    half = load_decoder(tmp_path / "half", tiny)
    for one, other in zip(whole.decoder.parameters(), half.decoder.parameters(), strict=True):
        assert one.dtype == other.dtype == torch.float32
        assert torch.allclose(one, other, atol=1e-3)


def test_a_decoder_of_another_encoder_is_refused(tiny: Encoder, saved: Path) -> None:
    other = Encoder(copy.deepcopy(tiny.backbone), tiny.codec, "other")
    with torch.no_grad():
        next(other.backbone.parameters()).add_(0.1)
    with pytest.raises(ModelError, match=r"belongs to the encoder tiny .* other weights .* turnwise pretrain"):
        load_decoder(saved, other)


def test_a_copy_in_half_precision_is_the_same_encoder(tiny: Encoder, saved: Path) -> None:
    rounded = Encoder(copy.deepcopy(tiny.backbone), tiny.codec, "rounded")
    with torch.no_grad():
        for parameter in rounded.backbone.parameters():
            parameter.copy_(parameter.half().float())
    assert load_decoder(saved, rounded).layers == (1, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "intent model"}, "is the folder of intent model, expected span decoder"),
        ({"layers": "last"}, "does not hold kind, layers"),
        ({"layers": [1]}, "its weights read states of"),
        ({"encoder": None}, "cannot be read"),
    ],
)
def test_a_folder_that_says_something_else_is_refused(
    tiny: Encoder, saved: Path, values: dict[str, object], message: str
) -> None:
    changed(saved, **values)
    with pytest.raises(ModelError, match=message):
        load_decoder(saved, tiny)


def test_damaged_and_missing_folders_are_refused(tiny: Encoder, saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no decoder folder: it has no decoder\.json"):
        load_decoder(tmp_path / "nothing", tiny)
    weights = saved / "decoder.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    with pytest.raises(ModelError, match="cannot be read"):
        load_decoder(saved, tiny)
    (saved / "decoder.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        load_decoder(saved, tiny)


@pytest.mark.parametrize(
    ("template", "given", "value"),
    [
        ("i would like to fly to [MASK] tomorrow", "can you get me a ticket to london please", "london"),
        ("my name is [MASK]", "hello, this is susan speaking", "susan"),
        ("i love the movie [MASK]", "what a great day", ""),
    ],
)
def test_the_shipped_decoder_fills_blanks_over_the_embedded_encoder(template: str, given: str, value: str) -> None:
    encoder = Encoder.load()
    found = load_decoder("embedded", encoder)
    assert found.blank == "[MASK]" and len(found.facts["corpora"]) == 10
    encoder.layers = found.layers
    encoding = encoder.codec.batch(encoder.codec.tokenise([template, given]))
    with torch.inference_mode():
        states = encoder(encoding)
        scores = found.decoder(states[1:], encoding.mask[1:], states[:1], encoding.mask[:1])
        start, end, _ = best_spans(scores, encoding.mask[1:])
    ids = encoding.ids[1][int(start) : int(end)].tolist()
    assert encoder.codec.tokenizer.decode(ids) == value
