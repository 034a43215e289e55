"""Tokenised turns of a corpus, in memory or memory-mapped: every turn becomes ids once."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, StorageError
from turnwise.files import atomic_file, atomic_folder
from turnwise.sequences import AGENT, CUSTOMER, UNKNOWN, Ids, TurnIds

Tagger = Callable[[str], int]
"""Counts the entities of a text."""

SPEAKERS = {"customer": CUSTOMER, "agent": AGENT, None: UNKNOWN}
_SHARD = 2_000
_VERSION = 1
_KEY = "store.json"
_DTYPES = {
    "ids": np.int32,
    "turn_start": np.int64,
    "dialogue_start": np.int64,
    "speaker": np.int8,
    "entities": np.int8,
    "profile_ids": np.int32,
    "profile_start": np.int64,
}
_OFFSETS = {"turn_start": "ids", "dialogue_start": "speaker", "profile_start": "profile_ids"}
"""Arrays that say where something begins, and the array whose places they are."""


class Context(Sequence[TurnIds]):
    """Consecutive turns that are read when they are asked for: of a long dialogue few are."""

    def __init__(self, store: "TurnStore", start: int, end: int) -> None:
        self.store = store
        self.start = start
        self.end = end

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, at: int) -> TurnIds:  # type: ignore[override]
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self.store.turn(self.start + at)


class TurnStore:
    """Dialogues as arrays.

    ``ids`` (tokens,) int32 of all turns in order, without special tokens; ``turn_start`` (turns + 1,) and
    ``dialogue_start`` (dialogues + 1,) say where each begins; ``speaker`` (turns,) is a code of
    ``turnwise.sequences``; ``entities`` (turns,) counts entities, -1 where nobody counted; ``profile_ids`` and
    ``profile_start`` (dialogues + 1,) hold the metadata as ``key_value`` words.
    """

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.ids = arrays["ids"]
        self.turn_start = arrays["turn_start"]
        self.dialogue_start = arrays["dialogue_start"]
        self.speaker = arrays["speaker"]
        self.entities = arrays["entities"]
        self.profile_ids = arrays["profile_ids"]
        self.profile_start = arrays["profile_start"]

    @property
    def turns(self) -> int:
        """Number of turns."""
        return len(self.speaker)

    @property
    def dialogues(self) -> int:
        """Number of dialogues."""
        return len(self.dialogue_start) - 1

    def turn(self, turn: int) -> TurnIds:
        """A turn's ids and speaker."""
        start, end = self.turn_start[turn : turn + 2]
        return TurnIds(np.asarray(self.ids[start:end]), int(self.speaker[turn]))

    def key(self, turn: int) -> int:
        """A number that turns of the same ids share, in every process."""
        text = np.ascontiguousarray(self.turn(turn).ids).tobytes()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)

    def span(self, start: int, end: int) -> list[TurnIds]:
        """The turns from ``start`` up to, not including, ``end``."""
        return [self.turn(turn) for turn in range(start, end)]

    def context(self, start: int, end: int) -> Context:
        """The same turns, each read when it is asked for."""
        return Context(self, start, end)

    def bounds(self, dialogue: int) -> tuple[int, int]:
        """First turn of a dialogue and the one after its last."""
        return int(self.dialogue_start[dialogue]), int(self.dialogue_start[dialogue + 1])

    def dialogue_of(self, turn: int) -> int:
        """The dialogue that a turn is in."""
        return int(np.searchsorted(self.dialogue_start, turn, side="right")) - 1

    def profile(self, dialogue: int) -> Ids | None:
        """The metadata's ids, or None."""
        start, end = self.profile_start[dialogue : dialogue + 2]
        return np.asarray(self.profile_ids[start:end]) if end > start else None

    def starts(self, turn: int) -> bool:
        """Whether the turn is the first of its dialogue."""
        return self.bounds(self.dialogue_of(turn))[0] == turn

    def profile_at(self, turn: int) -> Ids | None:
        """The metadata of the dialogue that a turn is in."""
        return self.profile(self.dialogue_of(turn)) if len(self.profile_ids) else None

    def length(self, start: int, end: int) -> int:
        """Tokens of the turns from ``start`` up to ``end``."""
        return int(self.turn_start[end] - self.turn_start[start])

    @classmethod
    def of(cls, dialogues: Iterable[Dialogue], codec: Codec, *, tagger: Tagger | None = None) -> "TurnStore":
        """A store in memory. Raises CorpusError when no turn has a text."""
        shards = [_arrays(part, codec, tagger) for part in _shards(dialogues)]
        return cls(_joined(shards))

    @classmethod
    def build(
        cls,
        dialogues: Iterable[Dialogue],
        codec: Codec,
        folder: Path,
        *,
        tagger: Tagger | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> "TurnStore":
        """Tokenise into ``folder`` and open it, memory-mapped; a build that was cut off goes on after its last shard.

        Shards of 2,000 dialogues are written atomically as they are done. ``progress`` is called with the number of
        dialogues just done. The dialogues must come in the same order again; of a finished store the first shard is
        compared.
        Raises CorpusError when no turn has a text, StorageError when the disk refuses or the folder is another
        tokenizer's or corpus's.
        """
        folder = Path(folder)
        tagged = tagger is not None
        stream = _shards(dialogues)
        if is_store(folder):
            store = cls.open(folder, codec, tagged=tagged)
            if _read_key(folder / _KEY).get("first") != _digest(next(stream, [])):
                raise StorageError(f"{folder} holds turns of another corpus; remove it, or name another folder")
            return store
        parts = folder.with_name(folder.name + ".parts")
        key = _key(codec, tagged=tagged)
        if (parts / _KEY).is_file():
            _compare(parts / _KEY, key)
        else:
            _write_key(parts / _KEY, key)
        digests: list[str] = []
        for part in stream:
            shard = parts / f"{len(digests):06d}"
            digests.append(_digest(part))
            if not _finished(shard, digests[-1]):
                with atomic_folder(shard) as temporary:
                    for name, array in _arrays(part, codec, tagger).items():
                        np.save(temporary / f"{name}.npy", array, allow_pickle=False)
                    (temporary / "digest").write_text(digests[-1], encoding="utf-8")
            if progress is not None:
                progress(len(part))
        with atomic_folder(folder) as temporary:
            _write_joined([parts / f"{at:06d}" for at in range(len(digests))], temporary)
            _write_key(temporary / _KEY, {**key, "first": digests[0]})
        shutil.rmtree(parts, ignore_errors=True)
        return cls.open(folder, codec, tagged=tagged)

    @classmethod
    def open(cls, folder: Path, codec: Codec, *, tagged: bool = False) -> "TurnStore":
        """Open a finished store, memory-mapped. Raises StorageError when it is not whole or was made otherwise."""
        folder = Path(folder)
        if not is_store(folder):
            raise StorageError(f"{folder} is no finished store of turns; build it again")
        _compare(folder / _KEY, _key(codec, tagged=tagged))
        try:
            arrays = {name: _array(folder, name) for name in _DTYPES}
            _check_whole(arrays)
        except (OSError, ValueError, OverflowError) as error:
            raise StorageError(
                f"the store of turns {folder} is damaged: {error}; remove it and build it again"
            ) from None
        return cls(arrays)


def is_store(folder: Path) -> bool:
    """Whether a finished store lies there."""
    return (folder / _KEY).is_file()


def _shards(dialogues: Iterable[Dialogue]) -> Iterator[list[Dialogue]]:
    stream = iter(dialogues)
    while part := list(islice(stream, _SHARD)):
        yield part


def fingerprint(codec: Codec) -> str:
    """What tells tokenizers apart: a hash of the vocabulary and of how a probe text is cut."""
    vocabulary = sorted(codec.tokenizer.get_vocab().items())
    probe = codec.tokenizer("Ünïcode, 12.50 €? e-mail: a@b.c  ok", add_special_tokens=False)["input_ids"]
    return hashlib.sha256(json.dumps([vocabulary, probe]).encode()).hexdigest()[:16]


def profile_text(dialogue: Dialogue) -> str:
    """The metadata as CS-BERT's words: ``carrier_usps shippingstatus_delayed``."""
    return " ".join(f"{key}_{value}".replace(" ", "_") for key, value in dialogue.profile.items())


def _arrays(dialogues: Sequence[Dialogue], codec: Codec, tagger: Tagger | None) -> dict[str, NDArray[np.generic]]:
    """Turns without a text, or of which the tokenizer leaves nothing, are left out, and dialogues without turns."""
    said = [[turn for turn in dialogue.turns if turn.text.strip()] for dialogue in dialogues]
    tokenised = iter(codec.plain_ids([turn.text for turns in said for turn in turns]))
    texts: list[str] = []
    ids: list[list[int]] = []
    speakers: list[int] = []
    starts = [0]
    profiles: list[str] = []
    for dialogue, turns in zip(dialogues, said, strict=True):
        for turn in turns:
            tokens = next(tokenised)
            if tokens:
                texts.append(turn.text)
                ids.append(tokens)
                speakers.append(SPEAKERS[turn.speaker])
        if len(texts) > starts[-1]:
            starts.append(len(texts))
            profiles.append(profile_text(dialogue))
    profile_ids = codec.plain_ids(profiles)
    return {
        "ids": np.array([token for row in ids for token in row], dtype=np.int32),
        "turn_start": np.cumsum([0, *(len(row) for row in ids)], dtype=np.int64),
        "dialogue_start": np.array(starts, dtype=np.int64),
        "speaker": np.array(speakers, dtype=np.int8),
        "entities": np.array([-1 if tagger is None else min(tagger(text), 127) for text in texts], dtype=np.int8),
        "profile_ids": np.array([token for row in profile_ids for token in row], dtype=np.int32),
        "profile_start": np.cumsum([0, *(len(row) for row in profile_ids)], dtype=np.int64),
    }


def _joined(shards: Sequence[dict[str, NDArray[np.generic]]]) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    for name in shards[0] if shards else ():
        if name in _OFFSETS:
            base, parts = 0, [np.zeros(1, dtype=np.int64)]
            for shard in shards:
                parts.append(np.asarray(shard[name][1:]) + base)
                base += len(shard[_OFFSETS[name]])
            found[name] = np.concatenate(parts)
        else:
            found[name] = np.concatenate([shard[name] for shard in shards])
    _check(len(found.get("speaker", ())))
    return found


def _write_joined(shards: Sequence[Path], folder: Path) -> None:
    """The same on disk, an array of a shard in memory at a time."""
    _check(sum(len(_array(shard, "speaker")) for shard in shards))
    for name, dtype in _DTYPES.items():
        offsets = name in _OFFSETS
        total = sum(len(_array(shard, name)) - offsets for shard in shards) + offsets
        with (folder / f"{name}.npy").open("wb") as file:
            described = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (total,)}
            np.lib.format.write_array_header_1_0(file, described)
            base = 0
            if offsets:
                file.write(np.zeros(1, dtype=dtype).tobytes())
            for shard in shards:
                array = _array(shard, name)
                if offsets:
                    array = np.asarray(array[1:]) + base
                    base += len(_array(shard, _OFFSETS[name]))
                file.write(array.tobytes())


def _array(folder: Path, name: str) -> NDArray[Any]:
    """An array of a store or a shard, memory-mapped. Raises ValueError or OSError when it is damaged."""
    path = folder / f"{name}.npy"
    found: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    if found.dtype != _DTYPES[name] or found.ndim != 1:
        raise ValueError(f"{path} holds {found.dtype} of {found.ndim} dimensions, expected {_DTYPES[name].__name__}")
    return found


def _check_whole(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises ValueError when the arrays do not belong together."""
    sizes = {name: len(array) for name, array in arrays.items()}
    good = sizes["turn_start"] == sizes["speaker"] + 1 and sizes["entities"] == sizes["speaker"]
    good = good and sizes["dialogue_start"] == sizes["profile_start"] > 1
    if not good or any(arrays[name][0] != 0 or arrays[name][-1] != sizes[of] for name, of in _OFFSETS.items()):
        raise ValueError("its arrays do not belong together")


def _check(turns: int) -> None:
    if turns == 0:
        raise CorpusError("the corpus has no turn with a text, so there is nothing to learn from")


def _key(codec: Codec, *, tagged: bool) -> dict[str, object]:
    return {
        "version": _VERSION,
        "tokenizer": fingerprint(codec),
        "max_tokens": codec.max_tokens,
        "tagged": tagged,
    }


def _digest(dialogues: Sequence[Dialogue]) -> str:
    content = json.dumps([[d.id, [[t.speaker, t.text] for t in d.turns], dict(d.profile)] for d in dialogues])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _finished(shard: Path, digest: str) -> bool:
    path = shard / "digest"
    return path.is_file() and path.read_text(encoding="utf-8") == digest


def _write_key(path: Path, key: Mapping[str, object]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(key) + "\n", encoding="utf-8")


def _read_key(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _compare(path: Path, key: Mapping[str, object]) -> None:
    """Raises StorageError when the store or its parts were made otherwise."""
    found = _read_key(path)
    different = [
        f"{name} was {found.get(name)!r} and is {value!r}" for name, value in key.items() if found.get(name) != value
    ]
    if different:
        raise StorageError(
            f"{path.parent} holds turns of another tokenizer, length limit or choice of entities "
            f"({', '.join(different)}); remove it, or name another folder"
        )
