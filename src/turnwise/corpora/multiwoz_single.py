"""The single-domain dialogues of MultiWOZ 2.0 (Budzianowski et al., 2018) as the DSTC8 fast-adaptation track gave them.

``dialogues/DOMAIN.txt`` has one JSON object a line. Every dialogue there begins with the same greeting, which is no
part of it and has no annotation: it is dropped. Acts, such as Hotel-Inform, stand with each turn; a turn without any
was not annotated and lacks the layer. There is no belief state.

The splits are those of MultiWOZ: valListFile and testListFile, in PATH or in the folder multiwoz21 beside it, name the
dialogues of val and test; the others are train, and must be in trainListFile where that is there. Without these files
there is one split, all, which holds dialogues of MultiWOZ's test set.
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import dialogue_of, json_lines
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import existing, find
from turnwise.corpora.metalwoz import dialogue_files, speaker
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.errors import InputError

_GREETING = "Hello, how may I help you?"
_ALL = "all"
_SPLITS = ("train", "val", "test")
_BESIDE = "multiwoz21"


def splits(path: Path) -> tuple[str, ...]:
    """train, val and test; or all, when there are no list files."""
    folder = existing(path)
    dialogue_files(folder)
    return _SPLITS if _list_files(folder) else (_ALL,)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split, domain by domain."""
    folder = existing(path)
    lists = {} if split == _ALL else {name: _ids(file) for name, file in _list_files(folder).items()}
    for file in dialogue_files(folder):
        problems = Problems(file)
        for number, row in json_lines(file, problems):
            match row:
                case {"id": str(name), "domain": str(domain), "turns": [*texts], "annotations": [*acts]} if len(
                    texts
                ) == len(acts):
                    pass
                case _:
                    expected = "an object with id, domain, turns and as many annotations"
                    problems.add(f"line {number} is {row!r:.60}, expected {expected}")
                    continue
            home = _split_of(name, lists) if lists else _ALL
            if home is None:
                problems.add(f"line {number}: {name} is in none of the list files; add it to the one it belongs to")
            if home != split:
                continue
            turns = [_turn(index, text, act) for index, (text, act) in enumerate(zip(texts, acts, strict=True))]
            dropped = 1 if texts[:1] == [_GREETING] and not acts[0] else 0
            found = {
                "id": f"multiwoz_single:{split}:{name}",
                "turns": turns[dropped:],
                "labels": {"domains": [domain]},
            }
            dialogue = dialogue_of(found, number, problems) if turns[dropped:] else None
            if dialogue is not None:
                yield dialogue
        problems.check()


def _turn(number: int, text: object, acts: object) -> dict[str, object]:
    """``acts`` is an object with a key for each act."""
    labels = {"acts": list(acts) if isinstance(acts, dict) else acts} if acts != {} else {}
    return {"speaker": speaker(number), "text": text, "labels": labels}


def _list_files(folder: Path) -> dict[str, Path]:
    """Split to its list file, in the folder or in the one beside it; empty when neither has any.

    Raises InputError when that of val or test is missing where another is.
    """
    for place in (folder, folder.absolute().parent / _BESIDE):
        found = {split: file for split in _SPLITS if (file := find(place / f"{split}ListFile")) is not None}
        missing = [f"{split}ListFile" for split in ("val", "test") if split not in found]
        if found and missing:
            raise InputError(f"{place} holds no {' and no '.join(missing)}, so train could not be told from them")
        if found:
            return found
    return {}


def _ids(file: Path) -> frozenset[str]:
    problems = Problems(file)
    found = frozenset(line.strip().removesuffix(".json") for line in read_lines(file, problems))
    problems.check()
    return found


def _split_of(id: str, lists: dict[str, frozenset[str]]) -> str | None:
    """Val and test come first: what they name is never train. None for an id that is nowhere."""
    for split in ("val", "test"):
        if id in lists[split]:
            return split
    return "train" if "train" not in lists or id in lists["train"] else None


READER = Reader(
    name="multiwoz_single",
    description="MultiWOZ 2.0, single-domain dialogues of DSTC8; PATH is their folder; train, val and test",
    layers=("acts", "domains"),
    source="Budzianowski et al. (2018), MultiWOZ: A Large-Scale Multi-Domain Wizard-of-Oz Dataset",
    licence="CC BY 4.0",
    splits=splits,
    read=read,
)
