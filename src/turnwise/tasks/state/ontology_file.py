"""Ontologies from files: turnwise's own JSON, WOZ 2.0, MultiWOZ, schemas of SGD, and databases."""

from collections.abc import Sequence
from pathlib import Path

from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.errors import CorpusError
from turnwise.messages import nearest
from turnwise.tasks.state.ontology import Ontology, Slot, described
from turnwise.tasks.state.words import DONTCARE, NONE, normal

_Values = dict[str, tuple[str, list[str]]]
_EXPECTED = "a list of values, or an object with description and values"


def with_file(seen: Ontology, path: Path) -> Ontology:
    """The ontology of a file, together with ``seen``, what the training dialogues hold.

    A file that declares slots (own JSON, WOZ 2.0, MultiWOZ, a schema) rules: its slots, and their values. A slot
    without a list of values is open and takes those that were seen. A database, a list of records, adds values to slots
    that were seen: by name, or ``domain.name`` in a file ``domain_db.json``.
    Raises CorpusError with every problem: what is no ontology, and slots of the dialogues that it has not.
    """
    content = load_json(path)
    problems = Problems(path)
    if isinstance(content, list) and content and not _is_schema(content):
        found = _database(content, path.stem, problems)
        problems.check()
        return _extended(seen, found, path)
    declared = _declared(content, problems)
    problems.check()
    if not declared:
        raise CorpusError(f"{path} declares no slot; expected a JSON object of slots, each with {_EXPECTED}")
    missing = [name for name in seen.names if name not in declared]
    for name in missing:
        problems.add(f"slot {name!r} of the dialogues is not declared; {nearest(name, tuple(declared))}")
    problems.check()
    values = {slot.name: slot.values for slot in seen.slots}
    return Ontology(
        tuple(
            Slot(name, text or described(name), _distinct(listed) or values.get(name, ()))
            for name, (text, listed) in declared.items()
        )
    )


def _is_schema(rows: Sequence[object]) -> bool:
    return isinstance(rows[0], dict) and "service_name" in rows[0]


def _declared(content: object, problems: Problems) -> _Values:
    match content:
        case {"informable": {**slots}}:  # WOZ 2.0, where a request stands among the slots
            return _slots({name: values for name, values in slots.items() if name != "request"}, problems)
        case [*services]:
            return _schema(services, problems)
        case {**slots} if slots and all(str(name).count("-") > 1 for name in slots):
            return _multiwoz(slots, problems)
        case {**slots}:
            return _slots(slots, problems)
    problems.add(f"the value is {content!r:.60}, expected an object of slots or a list of services or records")
    return {}


def _slots(slots: dict[object, object], problems: Problems) -> _Values:
    found: _Values = {}
    for name, value in slots.items():
        match value:
            case [*values]:
                found[str(name)] = ("", _texts(values, str(name), problems))
            case {"values": [*values], **rest} if isinstance(rest.get("description", ""), str):
                found[str(name)] = (str(rest.get("description", "")), _texts(values, str(name), problems))
            case _:
                problems.add(f"{name} is {value!r:.60}, expected {_EXPECTED}")
    return found


def _multiwoz(slots: dict[object, object], problems: Problems) -> _Values:
    """Keys such as hotel-semi-area and hotel-book-day; ``|`` and ``>`` divide values that stand in one."""
    found: _Values = {}
    for name, (text, values) in _slots(slots, problems).items():
        domain, part, slot = name.split("-", 2)
        split = [one for value in values for one in value.replace(">", "|").split("|")]
        found[f"{domain}.{slot}" if part == "semi" else f"{domain}.{part}-{slot}"] = (text, split)
    return found


def _schema(services: Sequence[object], problems: Problems) -> _Values:
    found: _Values = {}
    for number, service in enumerate(services):
        match service:
            case {"service_name": str(domain), "slots": [*slots]}:
                pass
            case _:
                problems.add(f"[{number}] is {service!r:.60}, expected a service with service_name and slots")
                continue
        for at, slot in enumerate(slots):
            match slot:
                case {"name": str(name), "possible_values": [*values], **rest}:
                    place = f"[{number}].slots[{at}].possible_values"
                    text = f"{described(domain)} {rest.get('description') or described(name)}"
                    found[f"{domain}.{name}"] = (text, _texts(values, place, problems))
                case _:
                    problems.add(f"[{number}].slots[{at}] is {slot!r:.60}, expected name and possible_values")
    return found


def _database(records: Sequence[object], stem: str, problems: Problems) -> _Values:
    prefix = f"{stem.removesuffix('_db')}." if stem.endswith("_db") else ""
    found: _Values = {}
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            problems.add(f"[{number}] is {record!r:.60}, expected a service or a record")
            continue
        for column, value in record.items():
            if isinstance(value, str):
                found.setdefault(prefix + str(column), ("", []))[1].append(value)
    return found


def _extended(seen: Ontology, found: _Values, path: Path) -> Ontology:
    shared = [name for name in seen.names if name in found]
    if not shared:
        raise CorpusError(
            f"{path} has no column of the name of a slot: it has {', '.join(found) or 'none'}; "
            f"the dialogues have {', '.join(seen.names)}"
        )
    return Ontology(
        tuple(
            Slot(slot.name, slot.description, _distinct([*slot.values, *found.get(slot.name, ("", []))[1]]))
            for slot in seen.slots
        )
    )


def _texts(values: Sequence[object], place: str, problems: Problems) -> list[str]:
    for number, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            problems.add(f"{place}[{number}] is {value!r:.60}, expected a text")
    return [value for value in values if isinstance(value, str) and value.strip()]


def _distinct(values: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for value in values:
        if (form := normal(value)) not in (NONE, DONTCARE):
            found.setdefault(form, value)
    return tuple(sorted(found.values()))
