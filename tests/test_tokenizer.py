"""WordPiece on a corpus's own texts: the same for the same texts, whole words where they are frequent."""

import json
import os
import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError, StorageError
from turnwise.scratch import SIZES, fresh_encoder
from turnwise.tokenizer import load_tokenizer, train_tokenizer

ENGLISH = ["my parcel is late", "where is my parcel?", "the parcel is here", "Is the parcel here, café?"] * 3
CHINESE = ["我的包裹在哪里？", "包裹今天到", "我的快递没有到 order 17"] * 3


def pieces(texts: list[str], text: str, **options: int | bool) -> list[str]:
    return train_tokenizer(texts, **options).tokenizer.tokenize(text)  # type: ignore[arg-type]


def test_frequent_words_become_pieces_and_others_are_put_together() -> None:
    found = pieces(ENGLISH, "Where is my PARCEL parce cafe?")
    assert found[:4] == ["where", "is", "my", "parcel"]
    assert found[4] == "parce" or found[5].startswith("##")
    assert "[UNK]" not in found and found[-1] == "?"


def test_chinese_characters_are_words_of_their_own() -> None:
    assert pieces(CHINESE, "我的包裹 17") == ["我", "的", "包", "裹", "17"]


def test_capitals_and_accents_stay_when_asked_for() -> None:
    vocabulary = train_tokenizer(ENGLISH, cased=True).tokenizer.get_vocab()
    assert "é" in vocabulary or any("é" in piece for piece in vocabulary)
    assert not any("é" in piece for piece in train_tokenizer(ENGLISH).tokenizer.get_vocab())


def test_counts_are_of_what_was_read() -> None:
    """Three words, a question mark between them: w, o, r, d, x, ? are its characters."""
    seen: list[int] = []
    found = train_tokenizer(["word? word", "", "x"], progress=seen.append)
    assert (found.texts, found.words, found.characters, found.unknown) == (3, 4, 6, 0.0)
    assert sum(seen) == 3


def test_the_vocabulary_is_kept_to_and_the_rarest_characters_go_without() -> None:
    """100 pieces: 70 for characters. 60 frequent and 40 rare ones, no word longer than one character."""
    frequent, rare = [chr(0x4E00 + n) for n in range(60)], [chr(0x5E00 + n) for n in range(40)]
    found = train_tokenizer(["".join(frequent), "".join(frequent), "".join(rare)], vocabulary=100)
    assert len(found.tokenizer) <= 100
    assert found.characters == 70
    assert found.unknown == pytest.approx(30 / 160)
    assert found.tokenizer.tokenize(frequent[3] + rare[-1]) == [frequent[3], "[UNK]"]


_DIGEST = """
import json, sys
from turnwise.tokenizer import train_tokenizer
print(json.dumps(train_tokenizer(json.load(sys.stdin), vocabulary=150).tokenizer.get_vocab()))
"""


def test_texts_in_any_order_and_process_give_the_same_tokenizer() -> None:
    """The library's own order depends on the hashing of a process."""
    texts = ENGLISH + CHINESE
    here = train_tokenizer(texts, vocabulary=150).tokenizer.get_vocab()
    random.Random(0).shuffle(texts)
    command = [sys.executable, "-c", _DIGEST]
    there = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True).stdout
    assert json.loads(there) == here


def test_half_a_character_breaks_nothing() -> None:
    assert train_tokenizer(["a \ud800 b"]).words == 2


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(InputError, match="vocabulary is 99, expected at least 100"):
        train_tokenizer(ENGLISH, vocabulary=99)
    with pytest.raises(CorpusError, match="the 2 texts hold no word"):
        train_tokenizer(["", "  "])


# -- folders -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train_tokenizer(ENGLISH + CHINESE, vocabulary=150).save(tmp_path / "words")
    return tmp_path / "words"


def test_the_folder_loads_elsewhere_with_the_same_pieces(folder: Path) -> None:
    text = "Where is 我的 parcel, order 17?"
    ours, theirs = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    expected = train_tokenizer(ENGLISH + CHINESE, vocabulary=150).tokenizer(text)["input_ids"]
    assert ours(text)["input_ids"] == theirs(text)["input_ids"] == expected
    assert theirs.convert_ids_to_tokens(expected)[0] == "[CLS]"
    assert theirs.model_max_length == 512


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no tokenizer folder"):
        load_tokenizer(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="cannot load the tokenizer in"):
        load_tokenizer(tmp_path)
    with pytest.raises(StorageError, match="it holds other things"):
        train_tokenizer(ENGLISH).save(tmp_path)


# -- encoders over it ----------------------------------------------------------------------------------------


def test_a_fresh_encoder_has_the_stated_size_and_its_seed(folder: Path, tmp_path: Path) -> None:
    encoder = fresh_encoder(folder, "small", seed=1, max_tokens=64)
    count = sum(parameter.numel() for parameter in encoder.backbone.parameters())
    assert count == SIZES["small"].parameters(len(encoder.codec.tokenizer), 64)
    assert (encoder.dim, encoder.codec.max_tokens, encoder.training) == (256, 64, False)
    vectors = encoder.encode(ENGLISH[:2])
    assert np.array_equal(vectors, fresh_encoder(folder, "small", seed=1, max_tokens=64).encode(ENGLISH[:2]))
    assert not np.array_equal(vectors, fresh_encoder(folder, "small", seed=2, max_tokens=64).encode(ENGLISH[:2]))
    encoder.save(tmp_path / "encoder")
    assert np.allclose(Encoder.load(tmp_path / "encoder").encode(ENGLISH[:2]), vectors, atol=1e-6)


def test_the_size_of_convert() -> None:
    """29 million with 31,000 pieces; 13 million of them in the layers."""
    size = SIZES["convert"]
    assert size.parameters(31_000) == pytest.approx(29e6, rel=0.02)
    assert size.parameters(31_000) - (31_000 + 514) * 512 == pytest.approx(13e6, rel=0.02)


def test_an_unknown_size_is_answered_with_the_nearest(folder: Path) -> None:
    with pytest.raises(InputError, match="there is no size 'smal'; did you mean 'small'"):
        fresh_encoder(folder, "smal")  # type: ignore[arg-type]


# -- published data ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.environ.get("TURNWISE_DATA"), reason="TURNWISE_DATA is not set")
def test_chinese_helpdesk_dialogues() -> None:
    from turnwise.corpora.columns import DEFAULT_COLUMNS
    from turnwise.corpora.stc3 import READER

    path = Path(os.environ["TURNWISE_DATA"]) / "stc3_helpdesk"
    texts = [t.text for d in islice(READER.read(path, "train_cn", DEFAULT_COLUMNS), 1500) for t in d.turns]
    found = train_tokenizer(texts, vocabulary=6000)
    assert len(found.tokenizer) <= 6000
    assert found.unknown < 0.001
    vocabulary = found.tokenizer.get_vocab()
    chinese = [piece for piece in vocabulary if any("一" <= character <= "鿿" for character in piece)]
    assert len(chinese) > 2000
    assert all(len(piece) == 1 for piece in chinese)
