"""Schema-Guided Dialogue (Rastogi et al., 2020), as published: folders of ``dialogues_NNN.json``.

Two releases are read. ``train``, ``dev`` and ``test`` have the full annotation. ``challenge_train``, ``challenge_dev``
and ``challenge_test`` are the files of the DSTC8 challenge, in ``dstc8_challenge_release``:
without acts of the customer, and, in its test part, with hidden labels. A dialogue with hidden labels is known by its
empty ``active_intent``; only its texts and services are read.

Layers: ``acts`` without their slots, each once a turn; on customer turns ``intent`` (what is active after the turn, not
only what the turn says; NONE is the empty tuple) and ``state``; ``requested``, what the customer wants to know, and on
agent turns what the agent asks, by its REQUEST acts. Both name slots ``service.slot``. The state of a service stays
while others are talked about. ``value`` of a span is its canonical value where that differs.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems, unexpected
from turnwise.corpora.locate import existing, files_like
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import InputError

_CHALLENGE = "dstc8_challenge_release"
_FOLDERS = {
    f"{prefix}{split}": f"{folder}{split}"
    for prefix, folder in (("", ""), ("challenge_", f"{_CHALLENGE}/"))
    for split in ("train", "dev", "test")
}
_SPEAKERS = {"USER": "customer", "SYSTEM": "agent"}
_NO_INTENT = "NONE"
_REQUEST = "REQUEST"


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test, challenge_train, challenge_dev, challenge_test: those whose folder is there."""
    folder = existing(path)
    found = tuple(split for split in _FOLDERS if _files(folder, split))
    if not found:
        raise InputError(
            f"{path} is no folder that holds train/dialogues_001.json, or the same in dev, test or {_CHALLENGE}/train"
        )
    return found


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split, file by file."""
    for file in _files(existing(path), split):
        yield from read_rows(file, partial(_dialogue, split))


def _files(folder: Path, split: str) -> list[Path]:
    return files_like(folder / _FOLDERS[split], "dialogues_", ".json")


def _dialogue(split: str, row: object, place: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"dialogue_id": str(name), "services": [*services], "turns": [*turns]}:
            hidden = any(_is_hidden(turn) for turn in turns)
            state: dict[str, Mapping[object, object]] = {}
            found = {
                "id": f"sgd:{split}:{name}",
                "turns": [_turn(turn, hidden, state, f"{place}: turns[{i}]") for i, turn in enumerate(turns)],
                "labels": {"domains": services},
            }
            return from_json(found, place=place) if turns else None
    raise unexpected(place, row, "an object with dialogue_id, services and turns")


def _is_hidden(turn: object) -> bool:
    match turn:
        case {"frames": [*frames]}:
            return any(_intent(frame) == "" for frame in frames)
    return False


def _intent(frame: object) -> object:
    match frame:
        case {"state": {"active_intent": intent}}:
            return intent
    return None


def _turn(turn: object, hidden: bool, state: dict[str, Mapping[object, object]], place: str) -> dict[str, object]:
    """One turn; brings ``state``, service to slots, up to date."""
    match turn:
        case {"speaker": "USER" | "SYSTEM" as speaker, "utterance": text, "frames": [*frames]}:
            pass
        case _:
            raise unexpected(place, turn, "an object with speaker (USER or SYSTEM), utterance and frames")
    plain: dict[str, object] = {"speaker": _SPEAKERS[speaker], "text": text}
    if hidden:
        return plain
    labels: dict[str, object] = {}
    acts: list[object] = []
    intents: list[object] = []
    requested: list[object] = []
    spans: list[object] = []
    for index, frame in enumerate(frames):
        at = f"{place}.frames[{index}]"
        match frame:
            case {"service": str(service), "slots": [*slots], **rest}:
                pass
            case _:
                raise unexpected(at, frame, "an object with service and slots")
        canonical: dict[object, object] = {}
        if "actions" in rest:
            done = list(_actions(rest["actions"], canonical, f"{at}.actions"))
            acts.extend(act for act, _ in done)
            labels["acts"] = list(dict.fromkeys(acts))
            if speaker == "SYSTEM":
                requested.extend(f"{service}.{slot}" for act, slot in done if act == _REQUEST)
                labels["requested"] = list(dict.fromkeys(requested))
        spans.extend(_span(slot, text, canonical, f"{at}.slots[{number}]") for number, slot in enumerate(slots))
        if speaker == "SYSTEM":
            continue
        match rest.get("state"):
            case {"active_intent": str(intent), "requested_slots": [*asked], "slot_values": {**values}} if all(
                isinstance(slot, str) for slot in asked
            ):
                intents.extend([intent] if intent != _NO_INTENT else [])
                requested.extend(f"{service}.{slot}" for slot in asked)
                state[service] = values
            case other:
                raise unexpected(f"{at}.state", other, "an object with active_intent, requested_slots and slot_values")
    if speaker == "USER":
        labels["intent"] = list(dict.fromkeys(intents))
        labels["requested"] = requested
        labels["state"] = {
            f"{service}.{slot}": values for service, slots in state.items() for slot, values in slots.items() if values
        }
    return {**plain, "labels": labels, "spans": {"slots": spans}}


def _actions(actions: object, canonical: dict[object, object], place: str) -> Iterator[tuple[str, str]]:
    """Yield acts with their slots; ``canonical`` learns the canonical value of each (slot, surface)."""
    if not isinstance(actions, list):
        raise unexpected(place, actions, "a list")
    for number, action in enumerate(actions):
        match action:
            case {"act": str(act), "slot": str(slot), "values": [*values], **rest}:
                yield act, slot
            case _:
                raise unexpected(f"{place}[{number}]", action, "an object with act, slot and values")
        match rest.get("canonical_values"):
            case [*normal]:
                canonical.update(((slot, str(value)), norm) for value, norm in zip(values, normal, strict=False))


def _span(slot: object, text: object, canonical: Mapping[object, object], place: str) -> dict[str, object]:
    match slot:
        case {"slot": str(name), "start": int(start), "exclusive_end": int(end)}:
            surface = text[start:end] if isinstance(text, str) else ""
            value = canonical.get((name, surface))
            return {"start": start, "end": end, "label": name, "value": None if value == surface else value}
    raise unexpected(place, slot, "an object with slot, start and exclusive_end")


READER = Reader(
    name="sgd",
    description="Schema-Guided Dialogue; PATH is its folder; train, dev, test, challenge_train, ...",
    layers=("acts", "intent", "state", "requested", "slots", "domains"),
    source="Rastogi et al. (2020), Towards Scalable Multi-Domain Conversational Agents: The Schema-Guided Dialogue "
    "Dataset",
    licence="CC BY-SA 4.0",
    splits=splits,
    read=read,
)
