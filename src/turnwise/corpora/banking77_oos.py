"""BANKING77-OOS: 50 intents, with unseen banking intents and other topics as out of scope (Zhang et al., 2022).

As published: a folder for each split with ``seq.in`` (a text a line) and ``label`` (an intent a line).
"""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from turnwise.corpora.columns import OUT_OF_SCOPE, Columns
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import existing, find
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, utterance
from turnwise.errors import CorpusError, InputError

_FOLDERS = {
    f"{prefix}{split}": f"{folder}{split}"
    for prefix, folder in (("", ""), ("id_oos_", "id-oos/"), ("ood_oos_", "ood-oos/"))
    for split in ("train", "valid", "test")
}
"""Split to folder. id_oos: banking, but none of the 50 intents; ood_oos: no banking at all."""


def splits(path: Path) -> tuple[str, ...]:
    """train, valid, test, id_oos_train ..., ood_oos_valid, ood_oos_test: those whose folder is there."""
    existing(path)
    found = tuple(split for split, folder in _FOLDERS.items() if find(path / folder / "seq.in"))
    if not found:
        raise InputError(f"{path} is no folder that holds train/seq.in, valid/seq.in or test/seq.in")
    return found


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split; the label ``oos`` becomes the empty tuple."""
    folder = path / _FOLDERS[split]
    texts = _lines(folder / "seq.in")
    labels = _lines(folder / "label")
    problems = Problems(folder)
    for number, (text, label) in enumerate(zip_longest(texts, labels)):
        if text is None or label is None:
            problems.add(f"{'seq.in' if text is None else 'label'} ends before line {number + 1}, the other goes on")
            break
        intents = () if label == OUT_OF_SCOPE else (label,)
        yield utterance(text, intents, id=f"banking77_oos:{split}:{number}")
    problems.check()


def _lines(path: Path) -> Iterator[str]:
    found = find(path)
    if found is None:
        raise CorpusError(f"there is no file {path}")
    problems = Problems(found)
    for line in read_lines(found, problems):
        yield line.rstrip("\r\n")
    problems.check()


READER = Reader(
    name="banking77_oos",
    description="BANKING77-OOS; PATH is its folder; train, valid, test, id_oos_train, ood_oos_test, ...",
    layers=("intent",),
    source="Zhang et al. (2022), Are Pretrained Transformers Robust in Intent Classification?",
    licence="not stated (BANKING77 CC BY 4.0, CLINC150 CC BY 3.0)",
    splits=splits,
    read=read,
)
