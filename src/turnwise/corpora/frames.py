"""Frames: people book a trip with a human agent and compare options (El Asri et al., 2017), as published: one JSON.

There is no published split, so there is one, ``all``. Acts are the names of ``labels.acts``; ``requested`` holds the
slots that a ``request`` names without a value. The state is the active frame after a customer's turn: its values
that are not negated, true and false in lower case. Names in capitals (NO_RESULT, HEARMORE, ...) mark the frame, they
are no slots. Values have no offsets in the source, so there are no spans. On the dialogue, ``rating`` is the
customer's, 1 to 5, where one was given, and ``task_success`` the agent's answer whether the task was solved.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_in
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Speaker, Turn

_FILE = "frames.json"
_SPEAKERS: dict[object, Speaker] = {"user": "customer", "wizard": "agent"}


def splits(path: Path) -> tuple[str, ...]:
    """The only split: all."""
    file_in(path, _FILE)
    return ("all",)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues."""
    return read_rows(file_in(path, _FILE), _dialogue)


def _dialogue(row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"id": str(id), "turns": [*items], "labels": dict(answers)}:
            turns = (_turn(item, f"{at}: turns[{number}]", problems) for number, item in enumerate(items))
            labels = _answers(answers, f"{at}: labels", problems)
            return Dialogue(f"frames:all:{id}", tuple(turn for turn in turns if turn is not None), labels)
    problems.add(f"{at} is {row!r:.60}, expected an object with id, turns and labels")
    return None


def _answers(answers: Mapping[str, object], at: str, problems: Problems) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    match answers.get("userSurveyRating"):
        case int() | float() as rating:
            labels["rating"] = float(rating)
        case None:
            pass
        case other:
            problems.add(f"{at}.userSurveyRating is {other!r:.60}, expected a number or null")
    match answers.get("wizardSurveyTaskSuccessful"):
        case bool(solved):
            labels["task_success"] = solved
        case None:
            pass
        case other:
            problems.add(f"{at}.wizardSurveyTaskSuccessful is {other!r:.60}, expected true, false or null")
    return labels


def _turn(item: object, at: str, problems: Problems) -> Turn | None:
    match item:
        case {
            "author": "user" | "wizard" as author,
            "text": str(text),
            "labels": {"acts": [*acts], "frames": [*frames], "active_frame": int(active)},
        }:
            labels = _acts(acts, f"{at}.labels.acts", problems)
            if author == "user":
                labels["state"] = _state(frames, active, f"{at}.labels", problems)
            return Turn(_SPEAKERS[author], text, labels=labels)
    problems.add(
        f"{at} is {item!r:.60}, expected author (user or wizard), text and labels with acts, frames and active_frame"
    )
    return None


def _acts(acts: Sequence[object], at: str, problems: Problems) -> dict[str, Label]:
    names: dict[str, None] = {}
    requested: dict[str, None] = {}
    for number, act in enumerate(acts):
        match act:
            case {"name": str(name), "args": [*arguments]}:
                names[name] = None
                if name == "request":
                    requested.update(_asked(arguments))
            case _:
                problems.add(f"{at}[{number}] is {act!r:.60}, expected an object with name and args")
    return {"acts": tuple(names), "requested": tuple(requested)}


def _asked(arguments: Sequence[object]) -> Iterator[tuple[str, None]]:
    for argument in arguments:
        match argument:
            case {"key": str(slot), **rest} if rest.get("val") is None:
                yield slot, None


def _state(frames: Sequence[object], active: int, at: str, problems: Problems) -> dict[str, tuple[str, ...]]:
    for frame in frames:
        match frame:
            case {"frame_id": int(id), "info": dict(info)} if id == active:
                filled = {str(slot): _values(given) for slot, given in info.items() if not str(slot).isupper()}
                return {slot: values for slot, values in filled.items() if values}
    problems.add(f"{at}.frames has no frame with frame_id {active}, the active_frame, and info")
    return {}


def _values(given: object) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in given if isinstance(given, list) else ():
        match value:
            case {"val": bool(flag), "negated": False}:
                found[str(flag).lower()] = None
            case {"val": str(text), "negated": False} if text:
                found[text] = None
    return tuple(found)


READER = Reader(
    name="frames",
    description="Frames, booking trips; PATH is the folder of frames.json or the file; one split, all",
    layers=("acts", "state", "requested", "rating", "task_success"),
    source="El Asri et al. (2017), Frames: A Corpus for Adding Memory to Goal-Oriented Dialogue Systems",
    licence="LICENSE.pdf in the source archive, terms not checked",
    splits=splits,
    read=read,
)
