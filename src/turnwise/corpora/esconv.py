"""ESConv: people in distress and those who support them (Liu et al., 2021), as published.

The splits ``all`` (ESConv.json) and ``failed`` (FailedESConv.json, the dialogues that did not pass the quality check)
hold whole dialogues. The person in distress is the customer, the supporter the agent. Blanks and line breaks at the
ends of a text are dropped.

- ``labels["strategy"]`` of the supporter; ``labels["feedback"]`` of the other, where given: 1 to 5 stars for what the
  supporter has said since the last feedback.
- ``labels["emotion"]``, ``["problem"]``, ``["experience"]``, ``["situation"]`` of the dialogue, and from the surveys
  ``["initial_emotion_intensity"]``, ``["final_emotion_intensity"]``, ``["empathy"]``, ``["relevance"]`` and
  ``["supporter_relevance"]``, all from 1 to 5.

``train``, ``dev`` and ``test`` are the tables called WithStrategy_short.tsv, with a response and the utterances before
it a row. Rows are put together by the numbers of their utterances to the dialogue that they were cut from; a few
utterances that no row shows, such as those after the last response, are missing. They have ``strategy`` only.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import split_file, split_files, suffix_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Speaker, Turn
from turnwise.errors import CorpusError

_FILES = {
    "all": ("ESConv.json",),
    "train": ("trainWithStrategy_short.tsv",),
    "dev": ("devWithStrategy_short.tsv",),
    "test": ("testWithStrategy_short.tsv",),
    "failed": ("FailedESConv.json",),
}
_EXPECTED = "the folder of ESConv"
_SPEAKERS: dict[str, Speaker] = {
    "seeker": "customer",
    "speaker": "customer",
    "supporter": "agent",
    "listener": "agent",
}
_FACTS = {"problem_type": "problem", "experience_type": "experience", "situation": "situation"}
_SURVEY = {
    ("seeker", "initial_emotion_intensity"): "initial_emotion_intensity",
    ("seeker", "final_emotion_intensity"): "final_emotion_intensity",
    ("seeker", "empathy"): "empathy",
    ("seeker", "relevance"): "relevance",
    ("supporter", "relevance"): "supporter_relevance",
}
_BETWEEN = " EOS "
_CUSTOMER = re.compile(r"\S+ 0 (\d+) (.*)", re.DOTALL)
_AGENT = re.compile(r"\S+ 1 (\d+) \[([^\]]+)\] ?(.*)", re.DOTALL)


def splits(path: Path) -> tuple[str, ...]:
    """all, train, dev, test, failed: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    file = split_file(path, split, _FILES, _EXPECTED)
    problems = Problems(file)
    yield from (_table if suffix_of(file) == ".tsv" else _whole)(file, f"esconv:{split}", problems)
    problems.check()


def _whole(file: Path, prefix: str, problems: Problems) -> Iterator[Dialogue]:
    rows = load_json(file)
    if not isinstance(rows, list):
        raise CorpusError(f"{file} is no ESConv file; expected a list of dialogues")
    for number, row in enumerate(rows):
        match row:
            case {"dialog": list(said), "emotion_type": str()}:
                before = len(problems.found)
                turns = [
                    _turn(turn, f"dialogue {number}: dialog[{place}]", problems) for place, turn in enumerate(said)
                ]
                if turns and len(problems.found) == before:
                    yield Dialogue(f"{prefix}:{number}", tuple(filter(None, turns)), labels=_facts(row))
            case _:
                problems.add(f"dialogue {number} is {row!r:.60}, expected an object with dialog and emotion_type")


def _turn(turn: object, place: str, problems: Problems) -> Turn | None:
    match turn:
        case {"speaker": str(name), "annotation": dict(annotation), "content": str(text)} if name in _SPEAKERS:
            speaker = _SPEAKERS[name]
            labels: dict[str, Label] = {}
            if speaker == "agent" and isinstance(strategy := annotation.get("strategy"), str):
                labels["strategy"] = (strategy,)
            if (stars := _score(annotation.get("feedback"))) is not None:
                labels["feedback"] = stars
            return Turn(speaker, text.strip(), labels=labels)
        case _:
            problems.add(f"{place} is {turn!r:.60}, expected speaker ({', '.join(_SPEAKERS)}), annotation and content")
            return None


def _facts(row: Mapping[str, object]) -> dict[str, Label]:
    labels: dict[str, Label] = {"emotion": (str(row["emotion_type"]),)}
    labels.update((name, value.strip()) for key, name in _FACTS.items() if isinstance(value := row.get(key), str))
    survey = row.get("survey_score")
    for (who, question), name in _SURVEY.items():
        answers = survey.get(who) if isinstance(survey, Mapping) else None
        if isinstance(answers, Mapping) and (score := _score(answers.get(question))) is not None:
            labels[name] = score
    return labels


def _score(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _table(file: Path, prefix: str, problems: Problems) -> Iterator[Dialogue]:
    """A row belongs to the dialogue before it when it ends later and agrees on the utterances that both have."""
    turns: dict[int, Turn] = {}
    count = 0
    for line, text in enumerate(read_lines(file, problems), start=1):
        found = _row(text.rstrip("\r\n"), line, problems)
        if not found:
            continue
        same = bool(turns) and max(found) > max(turns)
        same = same and all(turns.get(number, turn) == turn for number, turn in found.items())
        if turns and not same:
            yield _joined(f"{prefix}:{count}", turns)
            turns = {}
            count += 1
        turns |= found
    if turns:
        yield _joined(f"{prefix}:{count}", turns)


def _row(text: str, line: int, problems: Problems) -> dict[int, Turn]:
    """The utterances of a row by their number in the dialogue."""
    turns: dict[int, Turn] = {}
    for piece in text.split(_BETWEEN) if text else ():
        if agent := _AGENT.fullmatch(piece):
            number, strategy, said = agent.groups()
            turns[int(number)] = Turn("agent", said.strip(), labels={"strategy": (strategy,)})
        elif customer := _CUSTOMER.fullmatch(piece):
            turns[int(customer[1])] = Turn("customer", customer[2].strip())
        else:
            problems.add(
                f"line {line}: {piece!r:.60} is no utterance; expected a weight, 0 or 1 for who speaks, its number, "
                "[strategy] after a 1, and the text"
            )
    return turns


def _joined(id: str, turns: Mapping[int, Turn]) -> Dialogue:
    return Dialogue(id, tuple(turns[number] for number in sorted(turns)))


READER = Reader(
    name="esconv",
    description="ESConv, emotional support; PATH is the folder of ESConv.json, FailedESConv.json, "
    "devWithStrategy_short.tsv ...; all, train, dev, test, failed",
    layers=("strategy", "feedback", "emotion", *_FACTS.values(), *_SURVEY.values()),
    source="Liu et al. (2021), Towards Emotional Support Dialog Systems",
    licence="CC BY-NC 4.0",
    splits=splits,
    read=read,
)
