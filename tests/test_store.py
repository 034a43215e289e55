"""Turns become ids once: in memory, on disk and after a build that was cut off they are the same."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turnwise.store as module
from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, StorageError
from turnwise.layout import Layout
from turnwise.sequences import AGENT, CUSTOMER, UNKNOWN
from turnwise.store import TurnStore, fingerprint, profile_text

ARRAYS = ("ids", "turn_start", "dialogue_start", "speaker", "entities", "profile_ids", "profile_start")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHARD", 4)


@pytest.fixture
def corpus(runs: ModuleType) -> list[Dialogue]:
    """Eleven dialogues in shards of four; one of them is empty, one has a profile, one has a turn without a text."""
    found: list[Dialogue] = runs.dialogues(11)
    found[2] = Dialogue("test:2", ())
    found[5] = Dialogue("test:5", found[5].turns, profile={"carrier": "my parcel", "state": "done"})
    found[9] = Dialogue("test:9", (Turn("customer", "  "), *found[9].turns))
    return found


def same(one: TurnStore, other: TurnStore) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in ARRAYS
    )


def test_the_arrays_are_those_worked_by_hand(tiny: Encoder) -> None:
    number = tiny.codec.tokenizer.convert_tokens_to_ids
    corpus = [
        Dialogue("test:0", (Turn("customer", "my card"), Turn("agent", ""), Turn("agent", "sure"))),
        Dialogue("test:1", (Turn(None, "\u200b"), Turn("agent", " \n"))),
        Dialogue("test:2", (Turn(None, "where is it"),), profile={"state": "a b"}),
    ]
    store = TurnStore.of(corpus, tiny.codec, tagger=len)
    words = ["my", "card", "sure", "where", "is", "it"]
    assert store.ids.tolist() == [number(word) for word in words]
    assert store.turn_start.tolist() == [0, 2, 3, 6]
    assert store.dialogue_start.tolist() == [0, 2, 3]
    assert store.speaker.tolist() == [CUSTOMER, AGENT, UNKNOWN]
    assert store.entities.tolist() == [7, 4, 11]
    assert (store.turns, store.dialogues) == (3, 2)
    assert profile_text(corpus[2]) == "state_a_b"
    assert store.profile(0) is None
    told = store.profile_at(2)
    assert told is not None
    assert told.tolist() == tiny.codec.plain_ids(["state_a_b"])[0]
    assert store.turn(0).ids.tolist() == [number("my"), number("card")]
    assert [turn.speaker for turn in store.span(0, 3)] == [turn.speaker for turn in store.context(0, 3)] == [0, 1, 2]
    assert (store.bounds(0), store.bounds(1)) == ((0, 2), (2, 3))
    assert [store.dialogue_of(turn) for turn in range(3)] == [0, 0, 1]
    assert store.length(0, 2) == 3


def test_without_a_tagger_nobody_counted(tiny: Encoder, corpus: list[Dialogue]) -> None:
    assert set(TurnStore.of(corpus, tiny.codec).entities.tolist()) == {-1}


def test_in_memory_on_disk_and_opened_again_the_turns_are_the_same(
    tiny: Encoder, corpus: list[Dialogue], tmp_path: Path
) -> None:
    done: list[int] = []
    memory = TurnStore.of(corpus, tiny.codec)
    built = TurnStore.build(corpus, tiny.codec, tmp_path / "turns", progress=done.append)
    assert same(memory, built)
    assert same(memory, TurnStore.open(tmp_path / "turns", tiny.codec))
    assert same(memory, TurnStore.build(corpus, tiny.codec, tmp_path / "turns"))
    assert done == [4, 4, 3]
    assert isinstance(built.ids, np.memmap)
    assert memory.dialogues == 10
    assert [path.name for path in tmp_path.iterdir()] == ["turns"]
    assert {path.suffix for path in (tmp_path / "turns").iterdir()} == {".npy", ".json"}


def test_a_build_that_was_cut_off_goes_on_after_its_last_shard(
    tiny: Encoder, corpus: list[Dialogue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenised: list[int] = []
    inner = module._arrays

    def counted(part: Sequence[Dialogue], *rest: object) -> dict[str, np.ndarray]:
        tokenised.append(len(part))
        return inner(part, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_arrays", counted)

    def cut_off() -> Iterator[Dialogue]:
        yield from corpus[:9]
        raise ConnectionError("the line is dead")

    with pytest.raises(ConnectionError):
        TurnStore.build(cut_off(), tiny.codec, tmp_path / "turns")
    assert not (tmp_path / "turns").exists()
    assert tokenised == [4, 4]
    again = TurnStore.build(corpus, tiny.codec, tmp_path / "turns")
    assert tokenised == [4, 4, 3]
    assert same(again, TurnStore.of(corpus, tiny.codec))
    assert [path.name for path in tmp_path.iterdir()] == ["turns"]


def test_shards_of_other_dialogues_are_made_again(tiny: Encoder, corpus: list[Dialogue], tmp_path: Path) -> None:
    def cut_off() -> Iterator[Dialogue]:
        yield from corpus[:8]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        TurnStore.build(cut_off(), tiny.codec, tmp_path / "turns")
    other = corpus[::-1]
    assert same(TurnStore.build(other, tiny.codec, tmp_path / "turns"), TurnStore.of(other, tiny.codec))


def test_a_finished_store_of_another_corpus_is_refused(tiny: Encoder, corpus: list[Dialogue], tmp_path: Path) -> None:
    TurnStore.build(corpus, tiny.codec, tmp_path / "turns")
    with pytest.raises(StorageError, match="holds turns of another corpus; remove it, or name another folder"):
        TurnStore.build(corpus[1:], tiny.codec, tmp_path / "turns")


@pytest.mark.parametrize("finished", [True, False])
def test_another_tokenizer_limit_or_tagger_is_refused(
    tiny: Encoder, checkpoint: Callable[[str], Path], corpus: list[Dialogue], tmp_path: Path, finished: bool
) -> None:
    def stream() -> Iterator[Dialogue]:
        yield from corpus
        if not finished:
            raise ConnectionError

    folder = tmp_path / "turns"
    try:
        TurnStore.build(stream(), tiny.codec, folder)
    except ConnectionError:
        assert not finished
    other = Encoder.load(checkpoint("roberta")).codec
    with pytest.raises(StorageError, match="another tokenizer, length limit or choice of entities"):
        TurnStore.build(corpus, other, folder)
    with pytest.raises(StorageError, match="tagged was False and is True"):
        TurnStore.build(corpus, tiny.codec, folder, tagger=len)
    tiny.codec.max_tokens = 12
    with pytest.raises(StorageError, match="max_tokens was 40 and is 12"):
        TurnStore.build(corpus, tiny.codec, folder)


def test_a_folder_that_is_no_store_is_refused(tiny: Encoder, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is no finished store of turns; build it again"):
        TurnStore.open(tmp_path, tiny.codec)
    (tmp_path / "store.json").write_text('{"half')
    with pytest.raises(StorageError, match="another tokenizer"):
        TurnStore.open(tmp_path, tiny.codec)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _shorter(path: Path) -> None:
    np.save(path, np.load(path)[:-1], allow_pickle=False)


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _shorter,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00nonsense"),
        lambda path: path.write_bytes(b"PK\x03\x04 and more"),
        lambda path: path.unlink(),
        lambda path: np.save(path, np.zeros(4, dtype=np.float64)),
        lambda path: np.save(path, np.array([{"code": 1}], dtype=object), allow_pickle=True),
    ],
)
@pytest.mark.parametrize("name", ["ids", "speaker", "turn_start", "profile_start"])
def test_a_damaged_array_is_a_storage_error(
    tiny: Encoder, corpus: list[Dialogue], tmp_path: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    TurnStore.build(corpus, tiny.codec, tmp_path / "turns")
    spoil(tmp_path / "turns" / f"{name}.npy")
    with pytest.raises(StorageError, match=r"the store of turns .* is damaged: .*; remove it and build it again"):
        TurnStore.open(tmp_path / "turns", tiny.codec)


def test_a_file_in_the_way_is_a_storage_error(tiny: Encoder, corpus: list[Dialogue], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        TurnStore.build(corpus, tiny.codec, tmp_path / "file" / "turns")


@pytest.mark.parametrize("dialogues", [[], [Dialogue("test:0", (Turn("customer", " "),))]])
def test_a_corpus_without_a_text_is_refused(tiny: Encoder, tmp_path: Path, dialogues: list[Dialogue]) -> None:
    for make in (TurnStore.of, lambda *given: TurnStore.build(*given, tmp_path / "turns")):
        with pytest.raises(CorpusError, match="the corpus has no turn with a text"):
            make(dialogues, tiny.codec)


# Turns like another


def test_a_key_is_the_same_in_every_process(runs: ModuleType, checkpoint: Callable[[str], Path], tiny: Encoder) -> None:
    corpus = runs.dialogues(3)
    store = TurnStore.of(corpus, tiny.codec)
    keys = [store.key(turn) for turn in range(store.turns)]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import runs\n"
        "from turnwise.encoder import Encoder; from turnwise.store import TurnStore, fingerprint\n"
        "encoder = Encoder.load(sys.argv[2]); store = TurnStore.of(runs.dialogues(3), encoder.codec)\n"
        "print([store.key(turn) for turn in range(store.turns)], fingerprint(encoder.codec), sep='|')"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(Path(runs.__file__).parent), str(checkpoint("bert"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_with_seed("123"))
    assert done.stdout.strip() == f"{keys}|{fingerprint(tiny.codec)}"
    assert all(-(2**63) <= key < 2**63 for key in keys)


def _with_seed(seed: str) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONHASHSEED": seed}


def test_equal_ids_have_equal_keys_in_memory_and_on_disk(tiny: Encoder, corpus: list[Dialogue], tmp_path: Path) -> None:
    memory, disk = TurnStore.of(corpus, tiny.codec), TurnStore.build(corpus, tiny.codec, tmp_path / "turns")
    assert [memory.key(turn) for turn in range(memory.turns)] == [disk.key(turn) for turn in range(disk.turns)]


@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=12).filter(any))
@settings(deadline=None, max_examples=40)
def test_every_turn_belongs_to_its_dialogue(sizes: list[int]) -> None:
    starts = np.cumsum([0, *(size for size in sizes if size)])
    turns = int(starts[-1])
    store = TurnStore(
        {
            "ids": np.arange(turns, dtype=np.int32),
            "turn_start": np.arange(turns + 1, dtype=np.int64),
            "dialogue_start": starts.astype(np.int64),
            "speaker": np.zeros(turns, dtype=np.int8),
            "entities": np.zeros(turns, dtype=np.int8),
            "profile_ids": np.zeros(0, dtype=np.int32),
            "profile_start": np.zeros(len(starts), dtype=np.int64),
        }
    )
    for dialogue in range(store.dialogues):
        first, last = store.bounds(dialogue)
        assert [store.dialogue_of(turn) for turn in range(first, last)] == [dialogue] * (last - first)


def test_what_hides_personal_data_is_one_token_in_its_layout(tiny: Encoder) -> None:
    tiny.use_layout(Layout("cs-bert"))
    store = TurnStore.of([Dialogue("test:0", (Turn("customer", "my UCI_TOKEN card"),))], tiny.codec)
    assert store.ids.tolist()[1] == tiny.codec.tokenizer.convert_tokens_to_ids("UCI_TOKEN")
    assert store.turns == 1 and len(store.ids) == 3
