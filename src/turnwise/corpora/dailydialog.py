"""DailyDialog: everyday conversations of two people, with acts and emotions (Li et al., 2017).

As the unified format of ConvLab-3 has it: one list of all dialogues, ``dialogues.json``. Texts are detokenised there.
The format calls the first person ``user`` and the second ``system``; they are neither customer nor agent, so the
speaker is None and ``participant`` is A for the first, B for the second. Every turn has one act (inform, question,
directive, commissive) and one emotion; ``no emotion`` is a class like the others here, as published, not ().
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_in
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Turn
from turnwise.errors import CorpusError

_FILES = ("dialogues.json", "data/dialogues.json")
_SPLITS = ("train", "validation", "test")
_PARTICIPANTS = {"user": "A", "system": "B"}


def splits(path: Path) -> tuple[str, ...]:
    """train, validation, test."""
    file_in(path, *_FILES)
    return _SPLITS


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    file = file_in(path, *_FILES)
    rows = load_json(file)
    if not isinstance(rows, list):
        raise CorpusError(f"{file} is no DailyDialog file; expected a list of dialogues")
    problems = Problems(file)
    ids: set[str] = set()
    for number, row in enumerate(rows):
        match row:
            case {"data_split": str(of), "original_id": str(name), "domains": [*domains], "turns": [*turns]} if all(
                isinstance(domain, str) for domain in domains
            ):
                if of != split or not turns:
                    continue
                before = len(problems.found)
                found = tuple(_turns(turns, f"dialogues[{number}]", problems))
                if name in ids:
                    problems.add(f"dialogues[{number}].original_id {name!r} is used before; ids must be unique")
                ids.add(name)
                if len(problems.found) == before:
                    yield Dialogue(f"dailydialog:{split}:{name}", found, labels={"domains": tuple(domains)})
            case _:
                problems.add(
                    f"dialogues[{number}] is {row!r:.60}, expected data_split, original_id, domains (texts) and turns"
                )
    if not ids:
        problems.add(f"no dialogue has data_split {split!r}")
    problems.check()


def _turns(turns: list[object], place: str, problems: Problems) -> Iterator[Turn]:
    for number, turn in enumerate(turns):
        match turn:
            case {
                "speaker": "user" | "system" as speaker,
                "utterance": str(text),
                "emotion": str(emotion),
                "dialogue_acts": {"binary": [*acts]},
            } if text.strip() and all(isinstance(act, dict) and isinstance(act.get("intent"), str) for act in acts):
                names = dict.fromkeys(act["intent"] for act in acts)
                labels: dict[str, Label] = {
                    "acts": tuple(names),
                    "emotion": (emotion,),
                    "participant": _PARTICIPANTS[speaker],
                }
                yield Turn(None, text, labels=labels)
            case _:
                problems.add(
                    f"{place}.turns[{number}] is {turn!r:.60}, expected speaker (user or system), utterance, emotion "
                    "and dialogue_acts.binary (with intent)"
                )


READER = Reader(
    name="dailydialog",
    description="DailyDialog, everyday conversations; PATH is its folder or dialogues.json of ConvLab-3",
    layers=("acts", "emotion", "participant", "domains"),
    source="Li et al. (2017), DailyDialog: A Manually Labelled Multi-turn Dialogue Dataset",
    licence="CC BY-NC-SA 4.0",
    splits=splits,
    read=read,
)
