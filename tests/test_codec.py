"""Text to ids and back to rows: nothing lost but what does not fit, and that is said."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer, PreTrainedTokenizerBase

from turnwise.codec import Codec, Pieces, Tokens
from turnwise.encoder import Encoder
from turnwise.errors import InputError

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "##b")
PAD, UNK, CLS, SEP, _, A, B, C, D, TAIL = range(10)


@pytest.fixture(scope="module")
def letters() -> PreTrainedTokenizerBase:
    return BertTokenizer(vocab={piece: number for number, piece in enumerate(PIECES)})


@pytest.fixture(scope="module")
def codec(letters: PreTrainedTokenizerBase) -> Codec:
    return Codec(letters, 5, segments=True)


def test_a_text_becomes_its_pieces_between_special_tokens(codec: Codec) -> None:
    assert codec.tokenise(["a ab"]) == [Tokens((CLS, A, A, TAIL, SEP))]
    assert codec.tokenise(["A c", "d"]) == [Tokens((CLS, A, C, SEP)), Tokens((CLS, D, SEP))]


def test_no_texts_give_no_tokens(codec: Codec) -> None:
    assert codec.tokenise([]) == []


def test_a_text_that_just_fits_is_whole(codec: Codec) -> None:
    assert codec.tokenise(["a b c"]) == [Tokens((CLS, A, B, C, SEP), truncated=False)]


def test_a_text_that_does_not_fit_keeps_its_beginning_and_the_last_special_token(codec: Codec) -> None:
    assert codec.tokenise(["a b c d d d"]) == [Tokens((CLS, A, B, C, SEP), truncated=True)]


def test_plain_ids_have_no_special_tokens_whatever_the_text_says(codec: Codec) -> None:
    """What stands in brackets is cut into pieces, none of which these letters have."""
    assert codec.plain_ids(["a ab", "", "d"]) == [[A, A, TAIL], [], [D]]
    assert codec.plain_ids(["a [SEP] b"]) == [[A, UNK, UNK, UNK, B]]
    assert codec.plain_ids([]) == []
    assert codec.tokenise(["a [SEP]"]) == [Tokens((CLS, A, SEP, SEP))]


def test_a_text_is_tokenised_once_where_it_is_remembered(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = codec._plain_ids
    monkeypatch.setattr(codec, "_plain_ids", lambda texts: asked.extend(texts) or real(texts))
    with codec.remembering():
        assert codec.plain_ids(["a ab", "d", "a ab"]) == [[A, A, TAIL], [D], [A, A, TAIL]]
        assert codec.plain_ids(["d", "b"]) == [[D], [B]]
        assert codec.plain_ids([]) == []
    assert asked == ["a ab", "d", "b"]
    codec.plain_ids(["d"])
    assert asked == ["a ab", "d", "b", "d"]


def test_plain_ids_are_cut_to_the_limit(codec: Codec) -> None:
    assert codec.plain_ids(["a b c d a b c"]) == [[A, B, C, D, A]]
    assert codec.plain_ids(["a " * 500_000]) == [[A] * 5]


def test_half_a_character_is_no_reason_to_fail(codec: Codec) -> None:
    assert codec.plain_ids(["a \ud800 b"]) == [[A, B]]


def test_words_are_all_that_is_no_special_token(codec: Codec) -> None:
    assert codec.word_ids.tolist() == [A, B, C, D, TAIL]
    assert codec.special_ids == set(range(5))


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_text_is_its_special_tokens(codec: Codec, text: str) -> None:
    assert codec.tokenise([text]) == [Tokens((CLS, SEP))]


def test_an_unknown_script_becomes_unknown_tokens(codec: Codec) -> None:
    assert codec.tokenise(["你好 😀"]) == [Tokens((CLS, UNK, UNK, UNK, SEP))]


@pytest.mark.parametrize("text", ["a " * 500_000, "ab" * 500_000, "你" * 400_000, "😀 " * 200_000])
def test_a_megabyte_is_cut_and_said_to_be(codec: Codec, text: str) -> None:
    (found,) = codec.tokenise([text])
    assert found.truncated
    assert len(found.ids) <= 5
    assert (found.ids[0], found.ids[-1]) == (CLS, SEP)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_the_embedded_like_tokenizers_cut_a_megabyte_to_their_limit(
    checkpoint: Callable[[str], Path], family: str
) -> None:
    codec = Encoder.load(checkpoint(family)).codec
    end = codec.tokenizer.sep_token_id
    whole, cut = codec.tokenise(["my card 你好 😀", "my card has not come " * 50_000])
    assert not whole.truncated
    assert whole.ids[-1] == end
    assert cut.truncated
    assert len(cut.ids) == codec.max_tokens
    assert cut.ids[-1] == end


def test_a_batch_pads_on_the_right_to_its_longest(codec: Codec) -> None:
    encoding = codec.batch([Tokens((CLS, A, SEP)), Tokens((CLS, A, B, C, SEP))])
    assert encoding.ids.tolist() == [[CLS, A, SEP, PAD, PAD], [CLS, A, B, C, SEP]]
    assert encoding.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert encoding.segments is not None
    assert encoding.segments.tolist() == [[0] * 5] * 2
    assert encoding.ids.dtype == encoding.mask.dtype == encoding.segments.dtype == torch.int64


def test_an_encoder_without_token_types_gets_no_segments(letters: PreTrainedTokenizerBase) -> None:
    assert Codec(letters, 5, segments=False).batch([Tokens((CLS, SEP))]).segments is None


def test_an_encoding_moves_as_a_whole(codec: Codec) -> None:
    moved = codec.batch([Tokens((CLS, A, SEP))]).to(torch.device("meta"))
    assert moved.segments is not None
    assert {moved.ids.device.type, moved.mask.device.type, moved.segments.device.type} == {"meta"}


@given(lengths=st.lists(st.integers(1, 30), max_size=60))
@settings(deadline=None, max_examples=60)
def test_batches_of_like_length_hold_every_row_once_and_pad_right(codec: Codec, lengths: list[int]) -> None:
    tokens = [Tokens(tuple([row + 10] * length)) for row, length in enumerate(lengths)]
    encodings, order = codec.batches(tokens)
    assert sorted(order) == list(range(len(tokens)))
    assert sum(len(encoding.ids) for encoding in encodings) == len(tokens)
    rows = iter(order)
    for encoding in encodings:
        assert encoding.ids.shape[1] == encoding.mask.sum(1).max()
        for ids, mask in zip(encoding.ids, encoding.mask, strict=True):
            token = tokens[next(rows)]
            length = len(token.ids)
            assert tuple(ids[:length].tolist()) == token.ids
            assert ids[length:].eq(PAD).all()
            assert mask.tolist() == [1] * length + [0] * (len(ids) - length)


def test_a_limit_without_room_for_a_token_is_refused(letters: PreTrainedTokenizerBase) -> None:
    with pytest.raises(InputError, match="max_tokens is 2, expected at least 3"):
        Codec(letters, 2, segments=True)


def test_a_tokenizer_without_padding_is_refused_with_the_remedy() -> None:
    bare = BertTokenizer(vocab={piece: number for number, piece in enumerate(PIECES)}, pad_token=None)
    with pytest.raises(InputError, match=r"no padding token; add one with tokenizer\.add_special_tokens"):
        Codec(bare, 5, segments=True)


def places(text: str, pieces: Pieces) -> list[str]:
    return [text[start:end] for start, end in zip(pieces.starts, pieces.ends, strict=True)]


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_tokens_stand_where_their_characters_do(checkpoint: Callable[[str], Path], family: str) -> None:
    """Emoji, Chinese, accents and blanks; bytes of one character share its place, and no text is too long."""
    codec = Encoder.load(checkpoint(family)).codec
    text = "  Where is\tmy 😀 card?\n王小明 é [SEP] " + "card " * 300
    (pieces,) = codec.pieces([text])
    assert len(pieces) > codec.max_tokens
    found = places(text, pieces)
    assert all(piece == piece.strip() for piece in found)
    characters = {at for start, end in zip(pieces.starts, pieces.ends, strict=True) for at in range(start, end)}
    assert "".join(text[at] for at in sorted(characters)) == "".join(text.split())
    assert {"😀", "?"} <= set(found)
    assert pieces.starts.tolist() == sorted(pieces.starts.tolist())
    assert codec.tokenizer.sep_token_id not in pieces.ids.tolist()


def test_pieces_are_the_ids_of_dialogues(codec: Codec) -> None:
    (pieces,) = codec.pieces(["a ab\ud800"])
    assert pieces.ids.tolist()[:3] == [A, A, TAIL] == codec.plain_ids(["a ab"])[0]
    assert codec.pieces([]) == []
    assert len(codec.pieces([""])[0]) == 0


def test_a_tokenizer_without_places_is_refused(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(codec.tokenizer), "is_fast", property(lambda _: False))
    with pytest.raises(InputError, match="does not say where its tokens stand"):
        codec.pieces(["a"])
