"""Switchboard Dialog Act Corpus: telephone conversations of strangers (Jurafsky et al., 1997), in usual splits.

A folder ``swda_data`` (in swda_data.tar.xz) with a file for each conversation in train, val and test, and in it a line
for each utterance: ``SPEAKER|TEXT|ACT``. Each utterance is a turn, so one caller often has several turns on end. The
callers A and B are neither customer nor agent: ``participant`` keeps which of them spoke. ``acts`` holds the one act as
it is written there, in the 41 classes that the tags of the corpus are merged to (``sd``, ``b``, ``qy^d``, ...; ``%``
is an utterance that was given up, or nothing but noise).
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.archive import Member, find_archive, members, text_of
from turnwise.corpora.columns import Columns
from turnwise.corpora.lines import Problems
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Turn

_NAME = "swda_data"
_PARTICIPANTS = ("A", "B")


def splits(path: Path) -> tuple[str, ...]:
    """train, val, test."""
    find_archive(path, _NAME, _NAME)
    return ("train", "val", "test")


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the conversations of one split."""
    source = find_archive(path, _NAME, _NAME)
    problems = Problems(source)
    for member in members(source, f"{_NAME}/{split}", ".txt"):
        before = len(problems.found)
        turns = tuple(_turns(member, problems))
        if turns and len(problems.found) == before:
            yield Dialogue(f"switchboard:{split}:{member.stem}", turns)
    problems.check()


def _turns(member: Member, problems: Problems) -> Iterator[Turn]:
    for number, line in enumerate(text_of(member, problems).split("\n"), start=1):
        match line.rstrip("\r").split("|"):
            case [participant, text, act] if participant in _PARTICIPANTS and text.strip() and act.strip():
                yield Turn(None, text, labels={"acts": (act,), "participant": participant})
            case [""]:
                pass
            case _:
                problems.add(f"{member.name}, line {number} is {line!r:.60}, expected A|TEXT|ACT or B|TEXT|ACT")


READER = Reader(
    name="switchboard",
    description="Switchboard, telephone talk; PATH is swda_data.tar.xz or the folder of it or of swda_data/",
    layers=("acts", "participant"),
    source="Jurafsky et al. (1997), Switchboard SWBD-DAMSL Shallow-Discourse-Function Annotation Coders Manual",
    licence="GPL 3 (repository); the data's is not stated there",
    splits=splits,
    read=read,
)
