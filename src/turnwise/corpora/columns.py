"""What the columns of a table are called, and what its speakers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from turnwise.errors import CorpusError, InputError
from turnwise.messages import nearest

LABEL_HEADERS = ("label", "intent", "category")
"""Headers taken as the label when none is named."""

OUT_OF_SCOPE = "oos"
"""The cell that says: annotated, and none of the intents."""

SEPARATOR = "|"
"""Stands between several intents of one cell, and between several speakers of one flag."""

OTHERS = "*"
"""The speaker that stands for every one not named."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Headers of a table, and for tables of whole conversations the speakers in it.

    ``label`` None: the first of ``LABEL_HEADERS`` that is there; ``id`` None: the row number; ``time`` None: the column
    ``time`` if it is there, otherwise the order of the file. ``agent``, ``customer`` and ``skip`` are cells of the
    column ``speaker``: who is the desk, who writes to it, and whose rows are left out; ``*`` is every other cell.
    """

    text: str = "text"
    label: str | None = None
    id: str | None = None
    conversation: str = "conversation_id"
    speaker: str = "speaker"
    time: str | None = None
    agent: tuple[str, ...] = ()
    customer: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()


DEFAULT_COLUMNS = Columns()
_ROLES = ("agent", "customer", "skip")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the columns stand in a row."""

    text: int
    label: int | None
    id: int | None


def parse_columns(given: Sequence[str]) -> Columns:
    """Columns from ``NAME=HEADER`` texts, and ``agent``, ``customer`` and ``skip`` from ``NAME=CELL|CELL``.

    Raises InputError for an unknown or repeated name, an empty header, or a speaker in two roles.
    """
    names = [field.name for field in fields(Columns)]
    found: dict[str, str] = {}
    for item in given:
        name, equals, header = item.partition("=")
        if not equals or not header:
            raise InputError(f"--column {item} is not NAME=HEADER; write for example --column text=body")
        if name not in names:
            raise InputError(f"--column {item}: there is no column name {name!r}; {nearest(name, names)}")
        if name in found:
            raise InputError(f"--column {name} is given twice: {found[name]!r} and {header!r}")
        found[name] = header
    agent, customer, skip = _speakers(found)
    return Columns(
        text=found.get("text", DEFAULT_COLUMNS.text),
        label=found.get("label"),
        id=found.get("id"),
        conversation=found.get("conversation", DEFAULT_COLUMNS.conversation),
        speaker=found.get("speaker", DEFAULT_COLUMNS.speaker),
        time=found.get("time"),
        agent=agent,
        customer=customer,
        skip=skip,
    )


def places(columns: Columns, headers: Sequence[str], where: str) -> Places:
    """Find the columns of single utterances among the headers (exactly, or but for case and blanks).

    Raises CorpusError that lists the columns found when a named one is missing.
    """
    wanted = {"text": columns.text, "label": columns.label, "id": columns.id}
    found = find_columns({name: header for name, header in wanted.items() if header is not None}, headers, where)
    label = found["label"] if "label" in found else first_column(LABEL_HEADERS, headers)
    return Places(found["text"], label, found.get("id"))


def find_columns(wanted: Mapping[str, str], headers: Sequence[str], where: str) -> dict[str, int]:
    """The place of each wanted header, exactly or but for case and blanks: name of the column to place in a row.

    Raises CorpusError that lists the columns found when one is missing, or when two have the same header.
    """
    index: dict[str, int] = {}
    for place, header in enumerate(headers):
        if header in index and header:
            raise CorpusError(f"{where} has two columns {header!r} (number {index[header] + 1} and {place + 1})")
        index[header] = place
    found = {name: _place(header, index) for name, header in wanted.items()}
    missing = [
        f"no column {wanted[name]!r} among {', '.join(map(repr, headers))}; "
        f"name the one that holds the {name}: --column {name}=HEADER"
        for name, place in found.items()
        if place is None
    ]
    if missing:
        raise CorpusError(f"{where} lacks {'a column' if len(missing) == 1 else 'columns'}:", missing)
    return {name: place for name, place in found.items() if place is not None}


def first_column(wanted: Sequence[str], headers: Sequence[str]) -> int | None:
    """The place of the first wanted header that is there, exactly or but for case and blanks."""
    index = {header: place for place, header in enumerate(headers)}
    return next((place for header in wanted if (place := _place(header, index)) is not None), None)


def intents_of(cell: str) -> tuple[str, ...] | None:
    """The intents of a cell: None when it is empty (not annotated), () for ``oos``, else split at ``|``."""
    names = tuple(dict.fromkeys(name.strip() for name in cell.split(SEPARATOR) if name.strip()))
    if not names:
        return None
    return () if names == (OUT_OF_SCOPE,) else names


def _place(header: str, index: Mapping[str, int]) -> int | None:
    if header in index:
        return index[header]
    loose = [place for name, place in index.items() if name.strip().casefold() == header.strip().casefold()]
    return loose[0] if len(loose) == 1 else None


def _speakers(found: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The cells of each role of ``_ROLES``."""
    roles: dict[str, str] = {}
    given: list[tuple[str, ...]] = []
    for role in _ROLES:
        cells = tuple(dict.fromkeys(cell.strip() for cell in found.get(role, "").split(SEPARATOR) if cell.strip()))
        if role in found and not cells:
            raise InputError(
                f"--column {role}={found[role]} names no speaker; write for example --column {role}=Zoe|Max"
            )
        for cell in cells:
            other = roles.setdefault(cell.casefold(), role)
            if other != role:
                raise InputError(f"--column {other} and --column {role} both name the speaker {cell!r}; choose one")
        given.append(cells)
    return given
