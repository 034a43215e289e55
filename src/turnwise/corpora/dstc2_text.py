"""DSTC2: restaurant search by telephone (Henderson et al., 2014), the texts only, in ToDDAPT's unified format.

One file holds every split; a dialogue names its own. The customers' texts are transcriptions. The file has fields for
acts and states but all are empty, so no layer is read: the turns count as not annotated. An id is the one of the
recorded call.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json, read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_in, ordered
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Speaker, Turn
from turnwise.errors import CorpusError

_FILE = "data.json"
_SPEAKERS: dict[object, Speaker] = {"user": "customer", "system": "agent"}


def splits(path: Path) -> tuple[str, ...]:
    """train, val, test: those that a dialogue of the file names."""
    file = file_in(path, _FILE)
    rows = load_json(file)
    found = {row.get("data_split") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
    names = {name for name in found if isinstance(name, str)}
    if not names:
        raise CorpusError(f"{file} is no DSTC2 text file; expected a list of dialogues, each with its data_split")
    return ordered(names)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(file_in(path, _FILE), partial(_dialogue, split))


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"data_split": str(other)} if other != split:
            return None
        case {"data_split": str(), "original_id": str(id), "turns": [*items]}:
            turns = (_turn(item, f"{at}: turns[{number}]", problems) for number, item in enumerate(items))
            return Dialogue(f"dstc2_text:{split}:{id}", tuple(turn for turn in turns if turn is not None))
    problems.add(f"{at} is {row!r:.60}, expected an object with data_split, original_id and turns")
    return None


def _turn(item: object, at: str, problems: Problems) -> Turn | None:
    match item:
        case {"speaker": "user" | "system" as speaker, "utterance": str(text)}:
            return Turn(_SPEAKERS[speaker], text)
    problems.add(f"{at} is {item!r:.60}, expected speaker (user or system) and utterance")
    return None


READER = Reader(
    name="dstc2_text",
    description="DSTC2, texts without annotation; PATH is the folder of data.json or the file; train, val, test",
    layers=(),
    source="Henderson et al. (2014), The Second Dialog State Tracking Challenge",
    licence="unknown",
    splits=splits,
    read=read,
)
