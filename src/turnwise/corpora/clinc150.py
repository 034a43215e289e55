"""CLINC150: 150 intents and out-of-scope utterances (Larson et al., 2019), as published: one JSON of all splits."""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import OUT_OF_SCOPE, Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_in, ordered
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, utterance
from turnwise.errors import CorpusError

_DEFAULT = "data_full.json"
_SPLITS = ("train", "val", "test", "oos_train", "oos_val", "oos_test")


def splits(path: Path) -> tuple[str, ...]:
    """The keys of the file: train, val, test, oos_train, oos_val, oos_test."""
    return ordered(_load(file_in(path, _DEFAULT)))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split; the label ``oos`` becomes the empty tuple."""
    file = file_in(path, _DEFAULT)
    rows = _load(file)[split]
    problems = Problems(file)
    for number, row in enumerate(rows):
        match row:
            case [str(text), str(label)]:
                yield utterance(text, () if label == OUT_OF_SCOPE else (label,), id=f"clinc150:{split}:{number}")
            case _:
                problems.add(f"{split}[{number}] is {row!r:.60}, expected a pair [text, intent]")
    problems.check()


def _load(path: Path) -> dict[str, list[object]]:
    value = load_json(path)
    if not isinstance(value, dict) or not any(split in value for split in _SPLITS):
        raise CorpusError(f"{path} is no CLINC150 file; expected an object with {', '.join(_SPLITS)}")
    broken = [f"{key} is no list" for key, rows in value.items() if not isinstance(rows, list)]
    if broken:
        raise CorpusError(f"{path} is no CLINC150 file:", broken)
    return value


READER = Reader(
    name="clinc150",
    description="CLINC150 with out-of-scope; PATH is its folder (data_full) or a file such as data_small.json",
    layers=("intent",),
    source="Larson et al. (2019), An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction",
    licence="CC BY 3.0",
    splits=splits,
    read=read,
)
