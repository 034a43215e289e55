"""What the columns of a table are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from turnwise.errors import CorpusError, InputError
from turnwise.messages import nearest

LABEL_HEADERS = ("label", "intent", "category")
"""Headers taken as the label when none is named."""

OUT_OF_SCOPE = "oos"
"""The cell that says: annotated, and none of the intents."""

SEPARATOR = "|"
"""Stands between several intents of one cell."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Headers of a table. ``label`` None: the first of ``LABEL_HEADERS`` that is there; ``id`` None: the row number."""

    text: str = "text"
    label: str | None = None
    id: str | None = None


DEFAULT_COLUMNS = Columns()


@dataclass(frozen=True, slots=True)
class Places:
    """Where the columns stand in a row."""

    text: int
    label: int | None
    id: int | None


def parse_columns(given: Sequence[str]) -> Columns:
    """Columns from ``NAME=HEADER`` texts; raises InputError for an unknown or repeated name or an empty header."""
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
    return Columns(text=found.get("text", "text"), label=found.get("label"), id=found.get("id"))


def places(columns: Columns, headers: Sequence[str], where: str) -> Places:
    """Find the columns among the headers (exactly, or but for case and blanks).

    Raises CorpusError that lists the columns found when a named one is missing.
    """
    index = _index(headers, where)
    label = columns.label
    label_place = _place(label, index) if label is not None else _first(LABEL_HEADERS, index)
    wanted = {"text": columns.text, "label": columns.label, "id": columns.id}
    missing = [
        f"no column {header!r} among {', '.join(map(repr, headers))}; "
        f"name the one that holds the {name}: --column {name}=HEADER"
        for name, header in wanted.items()
        if header is not None and _place(header, index) is None
    ]
    text_place = _place(columns.text, index)
    if missing or text_place is None:
        raise CorpusError(f"{where} lacks {'a column' if len(missing) == 1 else 'columns'}:", missing)
    return Places(text_place, label_place, _place(columns.id, index) if columns.id is not None else None)


def intents_of(cell: str) -> tuple[str, ...] | None:
    """The intents of a cell: None when it is empty (not annotated), () for ``oos``, else split at ``|``."""
    names = tuple(dict.fromkeys(name.strip() for name in cell.split(SEPARATOR) if name.strip()))
    if not names:
        return None
    return () if names == (OUT_OF_SCOPE,) else names


def _index(headers: Sequence[str], where: str) -> dict[str, int]:
    index: dict[str, int] = {}
    for place, header in enumerate(headers):
        if header in index and header:
            raise CorpusError(f"{where} has two columns {header!r} (number {index[header] + 1} and {place + 1})")
        index[header] = place
    return index


def _place(header: str, index: Mapping[str, int]) -> int | None:
    if header in index:
        return index[header]
    loose = [place for name, place in index.items() if name.strip().casefold() == header.strip().casefold()]
    return loose[0] if len(loose) == 1 else None


def _first(headers: Sequence[str], index: Mapping[str, int]) -> int | None:
    return next((place for header in headers if (place := _place(header, index)) is not None), None)
