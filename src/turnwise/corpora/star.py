"""STAR: schema-guided dialogues of 24 tasks between a user and a wizard (Mosig et al., 2020), as published.

A folder ``dialogues`` (in star.tar.xz) of one JSON file each. Its events become dialogues like this:

* What user and wizard said are the turns. Instructions to the user, and the texts that the wizard typed only to be
  offered templates for (``request_suggestions``), were never said: they are left out.
* The wizard mostly sent the template that was picked for the typed text: ``acts`` holds its action label. A text sent
  as it was typed has no ``acts``; the label ``custom`` is the publisher's for such a text, so it counts as none. 49
  texts were typed and carry the label of a template all the same; it is kept.
* The action ``out_of_scope`` is the template that tells the user that the wizard cannot help with that. It always
  answers the customer turn right before it, so it marks the customer turns that the desk could not answer. ``handoff``
  is made of it here, on the customer turn that a wizard turn comes right after: True where that turn is this template
  (764 times), False where it is another one, and absent where it was typed, since a typed refusal is marked nowhere.
* ``queries`` of a wizard turn are the APIs that the wizard asked since its own turn before, () for none.
* On the dialogue: ``happy`` is True where the user was told to keep to the path that the task expects, False where the
  user was told to leave it, as in every dialogue of several tasks. To leave it is no failure of the desk, so ``happy``
  makes no ``handoff``, though most hand-offs stand in dialogues that leave the path. ``multi_task`` is True for
  dialogues of several tasks; ``task`` and ``domains`` name what the wizard could help with; ``out_of_scope`` is True
  where the wizard picked that template at least once; ``completion`` is the publisher's level.

The publisher gives no training or test part. Its completion level "Complete" makes the split ``complete``, the others
(somebody disconnected) are ``incomplete``. Files in which nothing was said are skipped: 2 complete, 445 incomplete.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from turnwise.corpora.archive import find_archive, json_of, members
from turnwise.corpora.columns import Columns
from turnwise.corpora.lines import Problems
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import CorpusError

_FOLDER = "dialogues"
_COMPLETE = "Complete"
_TYPED = "custom"
_OUT_OF_SCOPE = "out_of_scope"
_SPEAKERS = {"User": "customer", "Wizard": "agent"}
_SAID = ("utter", "pick_suggestion")


def splits(path: Path) -> tuple[str, ...]:
    """complete, incomplete."""
    find_archive(path, "star", _FOLDER)
    return ("complete", "incomplete")


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split in the order of the archive."""
    source = find_archive(path, "star", _FOLDER)
    problems = Problems(source)
    for member in members(source, _FOLDER, ".json"):
        before = len(problems.found)
        value = json_of(member, problems)
        if len(problems.found) > before:
            continue
        match value:
            case {"CompletionLevel": str(level), "Events": [*events], "Scenario": Mapping() as scenario}:
                if (level == _COMPLETE) != (split == "complete"):
                    continue
            case _:
                problems.add(f"{member.name} is no dialogue; expected an object with CompletionLevel, Events, Scenario")
                continue
        try:
            turns = _turns(events)
            if turns:
                labels = {**_scenario(scenario), "out_of_scope": _refused(turns), "completion": level}
                plain = {"id": f"star:{split}:{member.stem}", "turns": turns, "labels": labels}
                yield from_json(plain, place=member.name)
        except CorpusError as error:
            problems.add(*(error.problems or (f"{member.name}: {error}",)))
    problems.check()


def _turns(events: list[object]) -> list[dict[str, object]]:
    """The events in which something was said, as turnwise's own JSON."""
    turns: list[dict[str, object]] = []
    queries: list[object] = []
    for number, event in enumerate(events):
        match event:
            case {"Agent": "User" | "Wizard" as who, "Action": action, "Text": text} if action in _SAID:
                labels: dict[str, object] = {}
                if who == "Wizard":
                    labels, queries = {"queries": queries}, []
                    if isinstance(event, Mapping) and (label := event.get("ActionLabel", _TYPED)) != _TYPED:
                        labels["acts"] = [label]
                turns.append({"speaker": _SPEAKERS[who], "text": text, "labels": labels})
            case {"Agent": "Wizard", "Action": "query", "APIName": name}:
                queries.append(name)
            case {"Agent": _, "Action": action} if action not in (*_SAID, "query"):
                pass
            case _:
                raise CorpusError(
                    f"Events[{number}] is {event!r:.60}, expected Agent (User or Wizard), Action, and Text or APIName"
                )
    _mark_failures(turns)
    return turns


def _mark_failures(turns: list[dict[str, object]]) -> None:
    """Label the customer turns that a picked template answers with whether it is the one for what is out of scope."""
    for asked, answer in pairwise(turns):
        said = answer["labels"]
        if asked["speaker"] == "customer" and isinstance(said, dict) and "acts" in said:
            asked["labels"] = {"handoff": said["acts"] == [_OUT_OF_SCOPE]}


def _refused(turns: list[dict[str, object]]) -> bool:
    """Whether the wizard picked the template for what is out of scope."""
    return any(isinstance(turn["labels"], dict) and turn["labels"].get("acts") == [_OUT_OF_SCOPE] for turn in turns)


def _scenario(scenario: Mapping[str, object]) -> dict[str, object]:
    """happy, multi_task, task and domains; a task without a domain (145 times trivia) is a domain of its own."""
    match scenario:
        case {"Happy": bool(happy), "MultiTask": bool(multi_task), "WizardCapabilities": [*capabilities]}:
            tasks: list[object] = []
            domains: list[object] = []
            for number, capability in enumerate(capabilities):
                match capability:
                    case {"Task": str(task), "Domain": str() | None as domain}:
                        tasks.append(task)
                        domains.append(domain or task)
                    case _:
                        place = f"Scenario.WizardCapabilities[{number}]"
                        raise CorpusError(f"{place} is {capability!r:.60}, expected Task and Domain")
            return {"happy": happy, "multi_task": multi_task, "task": tasks, "domains": list(dict.fromkeys(domains))}
        case _:
            raise CorpusError("Scenario lacks Happy or MultiTask (true or false), or the list WizardCapabilities")


READER = Reader(
    name="star",
    description="STAR, 24 tasks in 13 domains; PATH is star.tar.xz, its folder, or the folder of dialogues/",
    layers=("acts", "queries", "handoff", "happy", "multi_task", "task", "domains", "out_of_scope", "completion"),
    source="Mosig et al. (2020), STAR: A Schema-Guided Dialog Dataset for Transfer Learning",
    licence="MIT",
    splits=splits,
    read=read,
)
