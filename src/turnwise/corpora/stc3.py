"""STC-3: customers of telecoms and their helpdesks on Weibo, in Chinese and in English translation, as published.

A turn is several posts of one sender in a row; the posts that are not empty are joined by line breaks. A turn whose
posts are all empty stays, without text, since the votes count turns.

19 annotators labelled each training dialogue; the test files have no annotations. Their votes are kept apart, in the
order of the annotators:

- ``labels["nuggets"]`` of a turn: what it brings to the solution. CNUG0 is the customer's trigger (the problem), CNUG
  and HNUG a step towards the goal, ``CNUG*`` and ``HNUG*`` the goal reached, CNaN and HNaN none of these.
- ``labels["quality_A"]``, ``["quality_S"]`` and ``["quality_E"]`` of the dialogue: task accomplishment, the customer's
  satisfaction with the dialogue, and its effectiveness, from -2 to 2.
- ``labels["satisfaction"]``, derived here, from 1 to 3 as in the sample corpus: 1 where the median of the S votes (the
  lower one where their number is even) is below 0, 2 where it is 0, 3 where it is above 0.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median_low

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import split_file, split_files
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Speaker, Turn

_FILES = {
    f"{part}_{language}": (f"{part}_data_{language}.json",) for language in ("en", "cn") for part in ("train", "test")
}
_EXPECTED = "the folder of STC-3"
_SPEAKERS: dict[str, Speaker] = {"customer": "customer", "helpdesk": "agent"}
_SCORES = ("A", "S", "E")


def splits(path: Path) -> tuple[str, ...]:
    """train_en, test_en, train_cn, test_cn: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(split_file(path, split, _FILES, _EXPECTED), partial(_dialogue, split))


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"id": str(id), "turns": list(turns), **rest}:
            return _labelled(f"stc3:{split}:{id}", turns, rest.get("annotations", []), at, problems)
    problems.add(f"{at} is {row!r:.60}, expected an object with id and turns")
    return None


def _labelled(id: str, rows: Sequence[object], votes: object, place: str, problems: Problems) -> Dialogue | None:
    turns = [_turn(row, f"{place}: turns[{number}]", problems) for number, row in enumerate(rows)]
    ballots = _ballots(votes, len(rows), place, problems)
    if ballots is None or None in turns:
        return None
    nuggets = [tuple(cast[number] for cast, _ in ballots) for number in range(len(rows))]
    labelled = (
        Turn(turn.speaker, turn.text, labels={"nuggets": cast} if ballots else {})
        for turn, cast in zip(turns, nuggets, strict=True)
        if turn is not None
    )
    return Dialogue(id, tuple(labelled), labels=_quality([scores for _, scores in ballots]))


def _turn(row: object, place: str, problems: Problems) -> Turn | None:
    match row:
        case {"sender": ("customer" | "helpdesk") as sender, "utterances": list(posts)} if all(
            isinstance(post, str) for post in posts
        ):
            return Turn(_SPEAKERS[sender], "\n".join(post for post in posts if post))
        case _:
            problems.add(f"{place} is {row!r:.60}, expected sender (customer or helpdesk) and a list of utterances")
            return None


_Ballot = tuple[list[str], dict[str, int]]


def _ballots(votes: object, turns: int, place: str, problems: Problems) -> list[_Ballot] | None:
    """The nuggets and scores of each annotator; None, and a problem, when one is broken."""
    if not isinstance(votes, list):
        problems.add(f"{place}: annotations is {votes!r:.60}, expected a list")
        return None
    ballots: list[_Ballot] = []
    for number, vote in enumerate(votes):
        match vote:
            case {"nugget": list(nuggets), "quality": {"A": int(), "S": int(), "E": int()} as scores} if len(
                nuggets
            ) == turns and all(isinstance(nugget, str) for nugget in nuggets):
                ballots.append((nuggets, scores))
            case _:
                problems.add(
                    f"{place}: annotations[{number}] is {vote!r:.60}, expected a nugget for each of its {turns} turns "
                    "and quality with whole numbers A, S and E"
                )
    return ballots if len(ballots) == len(votes) else None


def _quality(scores: Sequence[dict[str, int]]) -> dict[str, Label]:
    if not scores:
        return {}
    labels: dict[str, Label] = {f"quality_{name}": tuple(str(vote[name]) for vote in scores) for name in _SCORES}
    median = median_low(vote["S"] for vote in scores)
    return labels | {"satisfaction": 2 + (median > 0) - (median < 0)}


READER = Reader(
    name="stc3",
    description="STC-3 helpdesk dialogues; PATH is the folder of train_data_en.json ...; train_en, test_en, train_cn, "
    "test_cn",
    layers=("nuggets", "quality_A", "quality_S", "quality_E", "satisfaction"),
    source="Zeng, Kato and Sakai (2019), Overview of the NTCIR-14 Short Text Conversation Task: Dialogue Quality and "
    "Nugget Detection Subtasks",
    licence="not stated",
    splits=splits,
    read=read,
)
