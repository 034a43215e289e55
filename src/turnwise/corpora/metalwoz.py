"""MetaLWOZ (Li et al., 2020), as published: dialogues/DOMAIN.txt, one JSON object a line.

Texts only; the bot speaks first, in words of its own, so its greeting stays. ``task`` is the id of a task in
``tasks.txt``, ``scenario`` what that file told the customer to do. A folder with ``test_spec_*.jsonl`` is the part held
out for testing, one split called test; any other is the training part, train. Which dialogues are to support which
others in a test is not read.
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import dialogue_of, json_lines
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, files_like, find
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.errors import InputError


def splits(path: Path) -> tuple[str, ...]:
    """test for the held-out part, train for the other."""
    folder = existing(path)
    dialogue_files(folder)
    return ("test",) if list(folder.glob("test_spec_*.jsonl*")) else ("train",)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues, domain by domain."""
    folder = existing(path)
    scenarios = _scenarios(folder)
    for file in dialogue_files(folder):
        problems = Problems(file)
        for number, row in json_lines(file, problems):
            match row:
                case {"id": str(name), "domain": str(domain), "task_id": str(task), "turns": [*texts]}:
                    pass
                case _:
                    expected = "an object with id, domain, task_id and turns"
                    problems.add(f"line {number} is {row!r:.60}, expected {expected}")
                    continue
            scenario = {"scenario": scenarios[task]} if task in scenarios else {}
            found = {
                "id": f"metalwoz:{split}:{name}",
                "turns": [{"speaker": speaker(index), "text": text} for index, text in enumerate(texts)],
                "labels": {"domains": [domain], "task": task, **scenario},
            }
            dialogue = dialogue_of(found, number, problems) if texts else None
            if dialogue is not None:
                yield dialogue
        problems.check()


def dialogue_files(folder: Path) -> list[Path]:
    """The files DOMAIN.txt in ``dialogues``, by name; raises InputError when there is none."""
    found = files_like(folder / "dialogues", "", ".txt")
    if not found:
        raise InputError(f"{folder} is no folder that holds dialogues/DOMAIN.txt")
    return found


def speaker(number: int) -> str:
    """Bot and customer take turns; the bot begins."""
    return "customer" if number % 2 else "agent"


def _scenarios(folder: Path) -> dict[str, str]:
    """Task to what the customer was told; empty without tasks.txt."""
    file = find(folder / "tasks.txt")
    if file is None:
        return {}
    problems = Problems(file)
    found: dict[str, str] = {}
    for number, row in json_lines(file, problems):
        match row:
            case {"task_id": str(task), "user_prompt": str(prompt)}:
                found[task] = prompt
            case _:
                problems.add(f"line {number} is {row!r:.60}, expected an object with task_id and user_prompt")
    problems.check()
    return found


READER = Reader(
    name="metalwoz",
    description="MetaLWOZ, texts only; PATH is its folder; test (the held-out part) or train",
    layers=("domains", "task", "scenario"),
    source="Li et al. (2020), Results of the Multi-Domain Task-Completion Dialog Challenge",
    licence="Microsoft Research data licence in the source archive, terms not checked",
    splits=splits,
    read=read,
)
