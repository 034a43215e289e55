"""GSIM, Sim-M and Sim-R: simulated dialogues, paraphrased by people (Shah et al., 2018), as published.

An item of a dialogue is a system utterance and the user utterance after it; it becomes two turns. The first item
has no system utterance. Slots are token spans; they become character spans of the text. ``train.rebuilt.json``
stands in for ``train.json`` where only that is there; such files lack ``user_intents``, the intent layer.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import split_file, split_files
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Span, Speaker, Turn

_FILES = {split: (f"{split}.json", f"{split}.rebuilt.json") for split in ("train", "dev", "test")}
_EXPECTED = "the folder sim-M or sim-R"


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(split_file(path, split, _FILES, _EXPECTED), partial(_dialogue, split))


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"dialogue_id": str(id), "turns": [*items]}:
            found = (_turns(item, f"{at}: turns[{number}]", problems) for number, item in enumerate(items))
            labels: dict[str, Label] = {"domains": (id.partition("_")[0],)}
            return Dialogue(f"gsim:{split}:{id}", tuple(turn for turns in found for turn in turns), labels)
    problems.add(f"{at} is {row!r:.60}, expected an object with dialogue_id and turns")
    return None


def _turns(item: object, at: str, problems: Problems) -> Iterator[Turn]:
    match item:
        case {"user_utterance": said, "user_acts": [*acts], "dialogue_state": [*state], **rest}:
            if "system_utterance" in rest:
                yield _agent(rest["system_utterance"], rest.get("system_acts"), at, problems)
            labels: dict[str, Label] = {
                "acts": _acts(acts, f"{at}.user_acts", problems),
                "state": _state(state, f"{at}.dialogue_state", problems),
            }
            match rest:
                case {"user_intents": [*names]} if all(isinstance(name, str) for name in names):
                    labels["intent"] = tuple(str(name) for name in names)
                case {"user_intents": other}:
                    problems.add(f"{at}.user_intents is {other!r:.60}, expected a list of names")
            yield _turn("customer", said, labels, f"{at}.user_utterance", problems)
        case _:
            problems.add(f"{at} is {item!r:.60}, expected user_utterance, user_acts and dialogue_state")


def _agent(said: object, acts: object, at: str, problems: Problems) -> Turn:
    if not isinstance(acts, list):
        problems.add(f"{at}.system_acts is {acts!r:.60}, expected a list")
        acts = []
    asked = (act.get("slot") for act in acts if isinstance(act, dict) and act.get("type") == "REQUEST")
    labels: dict[str, Label] = {
        "acts": _acts(acts, f"{at}.system_acts", problems),
        "requested": tuple(dict.fromkeys(slot for slot in asked if isinstance(slot, str))),
    }
    return _turn("agent", said, labels, f"{at}.system_utterance", problems)


def _acts(acts: Sequence[object], at: str, problems: Problems) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for number, act in enumerate(acts):
        match act:
            case {"type": str(name)}:
                found[name] = None
            case _:
                problems.add(f"{at}[{number}] is {act!r:.60}, expected an object with type")
    return tuple(found)


def _state(pairs: Sequence[object], at: str, problems: Problems) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for number, pair in enumerate(pairs):
        match pair:
            case {"slot": str(slot), "value": str(value)}:
                found[slot] = (value,)
            case _:
                problems.add(f"{at}[{number}] is {pair!r:.60}, expected an object with slot and value")
    return found


def _turn(speaker: Speaker, said: object, labels: dict[str, Label], at: str, problems: Problems) -> Turn:
    match said:
        case {"text": str(text), "tokens": [*tokens], "slots": [*slots]}:
            return Turn(speaker, text, {"slots": _spans(slots, tokens, text, at, problems)}, labels)
    problems.add(f"{at} is {said!r:.60}, expected an object with text, tokens and slots")
    return Turn(speaker, "")


def _spans(
    slots: Sequence[object], tokens: Sequence[object], text: str, at: str, problems: Problems
) -> tuple[Span, ...]:
    places = _places(tokens, text)
    if len(places) < len(tokens):
        problems.add(f"{at}.tokens[{len(places)}] is {tokens[len(places)]!r:.60}, which does not come next in the text")
        return ()
    spans = []
    for number, slot in enumerate(slots):
        match slot:
            case {"slot": str(name), "start": int(start), "exclusive_end": int(end)} if 0 <= start < end <= len(places):
                spans.append(Span(places[start][0], places[end - 1][1], name))
            case _:
                problems.add(
                    f"{at}.slots[{number}] is {slot!r:.80}, expected slot, start and exclusive_end within the "
                    f"{len(places)} tokens"
                )
    return tuple(spans)


def _places(tokens: Sequence[object], text: str) -> list[tuple[int, int]]:
    """Where each token stands in the text, up to the first that is not found: half-open characters."""
    found: list[tuple[int, int]] = []
    end = 0
    for token in tokens:
        start = text.find(token, end) if isinstance(token, str) and token else -1
        if start < 0 or text[end:start].strip():
            break
        end = start + len(str(token))
        found.append((start, end))
    return found


READER = Reader(
    name="gsim",
    description="GSIM, simulated movie and restaurant bookings; PATH is the folder sim-M or sim-R",
    layers=("intent", "acts", "slots", "state", "requested", "domains"),
    source="Shah et al. (2018), Building a Conversational Agent Overnight with Dialogue Self-Play",
    licence='not stated ("as is")',
    splits=splits,
    read=read,
)
