"""Sequences put together by hand: what stands where, who speaks, what is left out, and what a text cannot do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.layout import FORMATS, FormatName, Layout, Segments
from turnwise.objectives.places import pad
from turnwise.sequences import AGENT, AGENT_MARK, CUSTOMER, CUSTOMER_MARK, STRUCTURE, TEXT, UNKNOWN, Composer, TurnIds
from turnwise.store import TurnStore

LETTERS = list("abcdefghijklmnop")
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
CLS, SEP = 2, 3


def codec(format: FormatName = "plain", segments: Segments = "response", max_tokens: int = 40) -> Codec:
    words = [token for token in FORMATS[format].tokens if token not in PIECES]
    tokenizer = BertTokenizer(vocab={piece: number for number, piece in enumerate([*PIECES, *words])})
    return Codec(tokenizer, max_tokens, True, layout=Layout(format, segments))


def ids(letters: str) -> np.ndarray:
    return np.array([PIECES.index(letter) for letter in letters], dtype=np.int32)


def said(*turns: str) -> list[TurnIds]:
    """``c:ab`` is the customer saying a b; ``a:`` the agent, ``?:`` nobody knows."""
    codes = {"c": CUSTOMER, "a": AGENT, "?": UNKNOWN}
    return [TurnIds(ids(turn[2:]), codes[turn[0]]) for turn in turns]


def written(composer: Composer, row: object) -> str:
    names = composer.codec.tokenizer.convert_ids_to_tokens(row.ids.tolist())  # type: ignore[attr-defined]
    return " ".join(names)


# Compositions by hand


def test_plain_turns_stand_between_separators() -> None:
    composer = Composer(codec())
    row = composer.dialogue(said("c:ab", "a:c", "c:d"), response=ids("ef"))
    assert written(composer, row) == "[CLS] a b [SEP] c [SEP] d [SEP] e f [SEP]"
    assert row.segments.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert [at for at, mark in enumerate(row.marks) if mark == TEXT] == [1, 2, 4, 6, 8, 9]
    assert set(row.marks.tolist()) == {TEXT, STRUCTURE}
    assert (row.starts, row.kept, row.dropped) == ((1, 3, 5), (0, 1, 2), 0)
    assert composer.speaker_ids() == {}


def test_tod_turns_begin_with_who_speaks() -> None:
    composer = Composer(codec("tod", "speaker"))
    row = composer.dialogue(said("a:a", "c:bc", "?:d", "a:e"), profile=ids("f"))
    assert written(composer, row) == "[CLS] [SYS] a [USR] b c [SEP] d [SYS] e [SEP]"
    assert row.segments.tolist() == [0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0]
    assert row.marks.tolist() == [
        STRUCTURE,
        AGENT_MARK,
        TEXT,
        CUSTOMER_MARK,
        TEXT,
        TEXT,
        STRUCTURE,
        TEXT,
        AGENT_MARK,
        TEXT,
        STRUCTURE,
    ]
    assert row.starts == (1, 3, 6, 8)


def test_cs_bert_marks_the_first_question_and_ends_with_the_profile() -> None:
    composer = Composer(codec("cs-bert"))
    row = composer.dialogue(said("a:a", "c:b", "a:c", "c:d"), response=ids("e"), profile=ids("fg"))
    assert (
        written(composer, row)
        == "[CLS] AGENTSTART a INITIALQUESTION b AGENTSTART c CUSTOMERSTART d PROFILESTART f g [SEP] e [SEP]"
    )
    assert row.segments.tolist() == [0] * 13 + [1, 1]
    assert [at for at, mark in enumerate(row.marks) if mark == STRUCTURE] == [0, 9, 12, 14]
    assert [at for at, mark in enumerate(row.marks) if mark == CUSTOMER_MARK] == [3, 7]
    assert [at for at, mark in enumerate(row.marks) if mark == AGENT_MARK] == [1, 5]
    assert len(composer.speaker_ids()) == 3


@pytest.mark.parametrize(("speaker", "expected"), [(None, "[CLS] a b [SEP]"), (AGENT, "[CLS] [SYS] a b [SEP]")])
def test_one_utterance(speaker: int | None, expected: str) -> None:
    composer = Composer(codec("tod", "speaker"))
    row = composer.single(ids("ab"), speaker)
    assert written(composer, row) == expected
    assert set(row.segments.tolist()) == {int(speaker == AGENT)}
    assert (row.marks == TEXT).sum() == 2


def test_one_utterance_is_cut_at_its_end() -> None:
    composer = Composer(codec("tod", max_tokens=5))
    assert written(composer, composer.single(ids("abcdef"), CUSTOMER)) == "[CLS] [USR] a b [SEP]"
    assert written(composer, composer.single(ids("abcdef"))) == "[CLS] a b c [SEP]"


# What is left out


def test_a_composer_may_write_less_than_the_codec_takes_but_no_more() -> None:
    turns = said("a:a", "c:b", "a:cd", "c:efg", "a:hi")
    short, long = Composer(codec("tod"), 12), Composer(codec("tod", max_tokens=12), 60)
    assert written(short, short.dialogue(turns)) == "[CLS] [USR] b [USR] e f g [SYS] h i [SEP]"
    assert written(long, long.dialogue(turns)) == written(short, short.dialogue(turns))


def test_the_first_question_stays_and_the_oldest_turns_go_whole() -> None:
    """Room for 10: 2 for the question, 8 left for the last turns, of 3, 4 and 3 tokens: two fit."""
    composer = Composer(codec("tod", max_tokens=12))
    row = composer.dialogue(said("a:a", "c:b", "a:cd", "c:efg", "a:hi"))
    assert written(composer, row) == "[CLS] [USR] b [USR] e f g [SYS] h i [SEP]"
    assert (row.starts, row.kept, row.dropped) == ((1, 3, 7), (1, 3, 4), 2)


def test_a_long_first_question_gets_a_third_and_what_nobody_needs() -> None:
    """Room for 10. A third is 3; the last turn takes 5; the one before, 6, has no room; 2 are left for the question."""
    composer = Composer(codec("tod", max_tokens=12))
    row = composer.dialogue(said("c:abcdefgh", "a:ijklm", "c:nopa"))
    assert written(composer, row) == "[CLS] [USR] a b c d [USR] n o p a [SEP]"
    assert (row.kept, row.dropped) == ((0, 2), 1)


def test_a_last_turn_without_room_is_cut_and_nothing_else_stays() -> None:
    """Room for 10: a third for the question, all that is left, 7, for the last turn."""
    composer = Composer(codec("tod", max_tokens=12))
    row = composer.dialogue(said("c:abcd", "a:ef", "c:ghijklmnop"))
    assert written(composer, row) == "[CLS] [USR] a b [USR] g h i j k l [SEP]"
    assert (row.kept, row.dropped) == ((0, 2), 1)


def test_a_response_is_cut_to_half_and_a_profile_to_a_quarter() -> None:
    """Room for 20: half, 10, for the response; its separator leaves 9; a quarter of them is 2, with the token."""
    composer = Composer(codec("cs-bert", max_tokens=22))
    row = composer.dialogue(said("c:ab", "a:c"), response=ids("abcdefghijklmnop"), profile=ids("ghijk"))
    assert (
        written(composer, row)
        == "[CLS] INITIALQUESTION a b AGENTSTART c PROFILESTART g [SEP] a b c d e f g h i j [SEP]"
    )


def test_where_the_first_turns_are_dropped_no_separator_opens_the_sequence() -> None:
    composer = Composer(codec(max_tokens=8))
    row = composer.dialogue(said("?:abcd", "?:ef", "?:gh"))
    assert written(composer, row) == "[CLS] e f [SEP] g h [SEP]"
    assert (row.starts, row.kept, row.dropped) == ((1, 3), (1, 2), 1)


def test_a_limit_without_room_for_a_dialogue_is_refused() -> None:
    with pytest.raises(InputError, match="max_tokens is 7; a dialogue needs at least 8"):
        Composer(codec(max_tokens=7)).dialogue(said("c:a"))


SPEAKERS = st.sampled_from([CUSTOMER, AGENT, UNKNOWN])
WORDS = st.lists(st.integers(5, 20), min_size=1, max_size=15).map(lambda found: np.array(found, dtype=np.int32))


@given(
    turns=st.lists(st.builds(TurnIds, WORDS, SPEAKERS), min_size=1, max_size=12),
    response=st.none() | WORDS,
    profile=st.none() | WORDS,
    format=st.sampled_from(["plain", "tod", "cs-bert"]),
    segments=st.sampled_from(["response", "speaker"]),
    limit=st.integers(8, 60),
)
@settings(deadline=None, max_examples=200)
def test_whatever_comes_the_sequence_fits_and_says_what_is_in_it(
    turns: list[TurnIds],
    response: np.ndarray | None,
    profile: np.ndarray | None,
    format: FormatName,
    segments: Segments,
    limit: int,
) -> None:
    composer = COMPOSERS[format, segments]
    composer.max_tokens = limit
    row = composer.dialogue(turns, response=response, profile=profile)
    assert len(row.ids) == len(row.segments) == len(row.marks) <= limit
    assert row.kept == tuple(sorted(set(row.kept)))
    assert row.kept[-1] == len(turns) - 1
    assert row.dropped == len(turns) - len(row.kept)
    assert len(row.starts) == len(row.kept)
    assert all(one < other for one, other in zip(row.starts, row.starts[1:], strict=False))
    opening = next((at for at, turn in enumerate(turns) if turn.speaker == CUSTOMER), None)
    assert opening is None or opening in row.kept
    last = [at for at in row.kept if at != opening]
    assert last == [] or last == [at for at in range(last[0], len(turns)) if at != opening]
    for at, start in zip(row.kept, row.starts, strict=True):
        expected = {CUSTOMER: CUSTOMER_MARK, AGENT: AGENT_MARK}.get(turns[at].speaker)
        if format != "plain" and expected is not None:
            assert row.marks[start] == expected
    assert set(row.ids[row.marks == TEXT].tolist()) <= set(range(5, 21))
    assert (row.ids[row.marks == STRUCTURE] > 1).all()
    if response is not None:
        assert row.segments[-1] == 1
        assert segments == "speaker" or row.segments.sum() - 1 <= (limit - 2) // 2


COMPOSERS = {
    (format, segments): Composer(codec(format, segments))  # type: ignore[arg-type]
    for format in ("plain", "tod", "cs-bert")
    for segments in ("response", "speaker")
}


def test_only_the_turns_with_room_are_read() -> None:
    """Of ten thousand turns a sequence reads some at the end, and the first customer's."""
    read = []

    class Watched(list[TurnIds]):
        def __getitem__(self, at: int) -> TurnIds:  # type: ignore[override]
            read.append(at)
            return super().__getitem__(at)

        def __iter__(self):  # type: ignore[no-untyped-def]
            return (self[at] for at in range(len(self)))

    turns = Watched(said("a:a", "c:b") * 5_000)
    row = Composer(codec("tod")).dialogue(turns)
    assert row.dropped == 10_000 - len(row.kept)
    assert len(set(read)) < 30


# What a text can do


@pytest.mark.parametrize("format", ["plain", "tod", "cs-bert"])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_special_token_typed_by_a_customer_is_text(
    checkpoint: Callable[[str], Path], family: str, format: FormatName
) -> None:
    encoder = Encoder.load(checkpoint(family))
    encoder.use_layout(Layout(format))
    names = ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[USR]", "[SYS]", "</s>", "<mask>", "CUSTOMERSTART", "PROFILESTART"]
    dialogue = Dialogue(
        "test:0", tuple(Turn("customer", f"my {name} card") for name in names), profile={"[SEP]": "</s>"}
    )
    encoder.codec.max_tokens = 1000
    store = TurnStore.of([dialogue], encoder.codec)
    special = encoder.codec.special_ids - {encoder.codec.tokenizer.unk_token_id}
    assert not special & set(store.ids.tolist())
    assert not special & set(store.profile_ids.tolist())
    assert encoder.codec.tokenise(["my card"])[0].ids[0] in special
    row = Composer(encoder.codec).dialogue(store.span(0, store.turns), profile=store.profile(0))
    assert not special & set(row.ids[row.marks == TEXT].tolist())


# Encoders of every kind


def test_segments_are_those_the_encoder_has(checkpoint: Callable[[str], Path]) -> None:
    """BERT has two segment types, RoBERTa one, DistilBERT none."""
    found = {}
    for family in ("bert", "roberta", "distilbert"):
        encoder = Encoder.load(checkpoint(family))
        encoder.use_layout(Layout("tod", "speaker"))
        store = TurnStore.of([Dialogue("test:0", (Turn("customer", "my card"), Turn("agent", "sure")))], encoder.codec)
        composer = Composer(encoder.codec)
        row = composer.dialogue(store.span(0, 2), response=store.turn(1).ids)
        encoding = pad([row, composer.single(store.turn(0).ids)], encoder.codec)
        assert encoding.marks is not None and encoding.marks.shape == encoding.ids.shape
        assert (encoding.marks[encoding.mask == 0] == STRUCTURE).all()
        assert encoder(encoding).shape == (*encoding.ids.shape, 32)
        found[family] = None if encoding.segments is None else int(encoding.segments.max())
    assert found == {"bert": 1, "roberta": 0, "distilbert": None}


def test_a_tokenizer_without_the_tokens_of_its_layout_is_refused(tiny: Encoder) -> None:
    tiny.codec.layout = Layout("tod")
    with pytest.raises(InputError, match=r"lacks \[USR\], \[SYS\]; Encoder.use_layout adds what"):
        Composer(tiny.codec)


def test_a_tokenizer_without_beginning_or_end_is_refused() -> None:
    bare = codec()
    for name in ("cls_token", "bos_token"):
        setattr(bare.tokenizer, name, None)
    with pytest.raises(InputError, match=r"has no \[CLS\] or \[SEP\] token; dialogues need both"):
        Composer(bare)
