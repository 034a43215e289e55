"""CuCom e-commerce: complaints of an online shop's customers, in English, written by a language model; v0.1.

As published: one dialogue a line. The texts have no annotations; a few roles begin with a capital.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import json_lines
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_in
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Speaker, Turn

_FILE = "ecommerce_v_0_1.jsonl"
_SPEAKERS: dict[str, Speaker] = {"user": "customer", "User": "customer", "agent": "agent", "Agent": "agent"}


def splits(path: Path) -> tuple[str, ...]:
    """all: the corpus has no published split."""
    file_in(path, _FILE)
    return ("all",)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues, line by line; blank lines are skipped."""
    file = file_in(path, _FILE)
    problems = Problems(file)
    for number, row in json_lines(file, problems):
        match row:
            case {"id": str(name), "turns": list(given)}:
                turns = _turns(given, number, problems)
                id = f"cucom:{split}:{name}"
                if turns and not problems.repeated(id, number):
                    yield Dialogue(id, turns)
            case _:
                problems.add(f"line {number} is {row!r:.60}, expected an object with id and turns")
    problems.check()


def _turns(given: Sequence[object], line: int, problems: Problems) -> tuple[Turn, ...]:
    """The turns; none, and a problem, when one is broken."""
    turns: list[Turn] = []
    for number, turn in enumerate(given):
        match turn:
            case {"role": ("user" | "User" | "agent" | "Agent") as role, "content": str(text)}:
                turns.append(Turn(_SPEAKERS[role], text))
            case _:
                problems.add(f"line {line}: turns[{number}] is {turn!r:.60}, expected role (user or agent) and content")
    return tuple(turns) if len(turns) == len(given) else ()


READER = Reader(
    name="cucom",
    description=f"CuCom e-commerce complaints, synthetic; PATH is the folder of {_FILE}, or a file like it; all",
    layers=(),
    source="the repository vakyansh/cucom, version 0.1",
    licence="Apache 2.0",
    splits=splits,
    read=read,
)
