"""MultiDoGO: intents and slots of customers in four domains (Peskov et al., 2019), as published: quoted TSV.

Only the customer's turns were annotated and published, so a dialogue holds those alone, in order. In the splits
annotated at sentence level each sentence is a turn of its own. The tokens of an utterance stand one space apart and
each has a slot label without B- or I-: neighbours with one label make one span. A turn whose only intent is
``outofdomain`` has no intent, as out of scope has elsewhere; next to others that name is left out. Some utterances
are empty, and stay.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isfinite
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.corpora.table import open_table
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError, InputError

_SUFFIXES = (".tsv",)
_CONVERSATION, _TURN, _SENTENCE, _TEXT, _SLOTS, _INTENT = (
    "conversationId",
    "turnNumber",
    "sentenceNumber",
    "utterance",
    "slot-labels",
    "intent",
)
_WANTED = (_CONVERSATION, _TURN, _TEXT, _SLOTS, _INTENT)
_BETWEEN_INTENTS = "<div>"
_OUT_OF_SCOPE = "outofdomain"
_NO_SLOT = "O"
_Row = tuple[int, dict[str, str]]


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test."""
    folder = existing(path)
    below = [child for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []
    if below and not list(folder.glob("*.tsv*")):
        names = ", ".join(str(path / child.name) for child in sorted(below))
        raise InputError(f"the folder {path} holds no train.tsv; name one of its folders: {names}")
    return splits_of(path, _SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the conversations of one split."""
    file = file_of(path, split, _SUFFIXES)
    problems = Problems(file)
    table = open_table(file, problems)
    headers = table.headers
    if missing := [name for name in _WANTED if name not in headers]:
        raise CorpusError(f"{file} is no MultiDoGO file; it lacks {', '.join(missing)} among {', '.join(headers)}")
    domain = file.resolve().parent.name
    rows = ((line, dict(zip(headers, row, strict=True))) for line, row in table.rows)
    for name, group in groupby(rows, key=lambda row: row[1][_CONVERSATION]):
        messages = list(group)
        id = f"multidogo:{split}:{name}"
        turns = [(_order(row, problems), _turn(row, problems)) for row in messages]
        if not problems.repeated(id, messages[0][0]):
            said = sorted(((order, turn) for order, turn in turns if order and turn), key=lambda found: found[0])
            if len(said) == len(turns):
                yield Dialogue(id, tuple(turn for _, turn in said), labels={"domains": (domain,)})
    problems.check()


def _order(row: _Row, problems: Problems) -> tuple[float, float] | None:
    line, cells = row
    try:
        turn, sentence = float(cells[_TURN]), float(cells.get(_SENTENCE, 0))
    except ValueError:
        turn = sentence = float("nan")
    if not (isfinite(turn) and isfinite(sentence)):
        problems.add(f"line {line}: {_TURN} or {_SENTENCE} is no number")
        return None
    return turn, sentence


def _turn(row: _Row, problems: Problems) -> Turn | None:
    line, cells = row
    tokens, labels = cells[_TEXT].split(" "), cells[_SLOTS].split(" ")
    if len(tokens) != len(labels):
        problems.add(f"line {line}: number of slot labels {len(labels)}, expected {len(tokens)} as of tokens")
        return None
    intents = tuple(name for name in cells[_INTENT].split(_BETWEEN_INTENTS) if name and name != _OUT_OF_SCOPE)
    return Turn("customer", cells[_TEXT], spans={"slots": _spans(tokens, labels)}, labels={"intent": intents})


def _spans(tokens: Sequence[str], labels: Sequence[str]) -> tuple[Span, ...]:
    """One span for each run of equal labels; the tokens stand one space apart."""
    spans: list[Span] = []
    start = 0
    for label, run in groupby(zip(tokens, labels, strict=True), key=lambda pair: pair[1]):
        end = start + len(" ".join(token for token, _ in run))
        if label != _NO_SLOT:
            spans.append(Span(start, end, label))
        start = end + 1
    return tuple(spans)


READER = Reader(
    name="multidogo",
    description="MultiDoGO, customer turns; PATH is a domain's folder, such as "
    "paper_splits/splits_annotated_at_turn_level/airline; train, dev, test",
    layers=("intent", "slots", "domains"),
    source="Peskov et al. (2019), Multi-Domain Goal-Oriented Dialogues (MultiDoGO): Strategies toward Curating and "
    "Annotating Large Scale Dialogue Data",
    licence="CDLA-Permissive 1.0",
    splits=splits,
    read=read,
)
