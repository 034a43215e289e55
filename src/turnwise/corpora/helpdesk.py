"""Exports of helpdesk tools: one message a row, in .csv or .tsv with a header.

A row says which conversation it belongs to, who wrote it, what, and often when. ``--column NAME=HEADER`` maps the
columns: ``conversation``, ``speaker``, ``text``, ``time``; ``label`` (read only when named) holds the intents of a
customer's message, and ``id`` one of the message, which must be unique. The conversations come in the order of their
first row. The messages of each are in order of time when there is a time column, equal times as in the file;
otherwise all are as in the file.

The speaker column names a role (agent, support, bot ... or customer, user, visitor ...) or a direction (outbound,
inbound). Where it is true or false, its header must say what is true: ``inbound`` or ``is_customer``, ``outbound`` or
``is_agent``. Any other cell, such as a person's name, is mapped by ``--column agent=Zoe|Max``, or ``--column agent=*``
for every cell that is not told otherwise; likewise ``customer``, and ``skip`` for rows that are no part of the talk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from turnwise.corpora.columns import OTHERS, Columns, find_columns, first_column, intents_of
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.corpora.table import SUFFIXES, open_table
from turnwise.corpora.times import Kind, parse_time
from turnwise.dialogue import Dialogue, Label, Turn
from turnwise.errors import CorpusError

Role = Literal["agent", "customer", "skip"]

_AGENT = (
    "agent", "support", "representative", "rep", "bot", "chatbot", "assistant", "helpdesk", "operator", "advisor",
    "adviser", "staff", "employee", "csr", "outbound", "outgoing",
)  # fmt: skip
_CUSTOMER = (
    "customer", "user", "consumer", "visitor", "client", "buyer", "guest", "requester", "end-user", "end user",
    "enduser", "contact", "lead", "caller", "inbound", "incoming",
)  # fmt: skip
_TRUE = ("true", "1", "yes", "y", "t")
_FALSE = ("false", "0", "no", "n", "f")
_TRUE_IS_CUSTOMER = ("inbound", "is_inbound", "incoming", "is_incoming", "is_customer", "from_customer")
_TRUE_IS_AGENT = ("outbound", "is_outbound", "outgoing", "is_outgoing", "is_agent", "from_agent")
_TIME = "time"


def splits(path: Path) -> tuple[str, ...]:
    """A file is one split, called by its stem; a folder has the stems of its .csv and .tsv files."""
    return splits_of(path, SUFFIXES)


@dataclass(slots=True)
class _Talk:
    """Messages of a conversation, each with its time (0 without); ``broken`` when a row of it had a problem."""

    messages: list[tuple[float, Turn]] = field(default_factory=list)
    broken: bool = False


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the conversations of one split, which are all held in memory since their rows may stand anywhere.

    Raises CorpusError, after the conversations without problems, with every problem and its line.
    """
    file = file_of(path, split, SUFFIXES)
    problems = Problems(file)
    table = open_table(file, problems)
    where = _places(columns, table.headers, str(file))
    roles = _roles(columns, table.headers[where["speaker"]])
    talks: dict[str, _Talk] = {}
    unknown: dict[str, list[int]] = {}
    kind: Kind | None = None
    empty = True
    for line, row in table.rows:
        empty = False
        name = row[where["conversation"]].strip()
        if not name:
            problems.add(f"line {line}: the cell of {table.headers[where['conversation']]!r} is empty")
            continue
        talk = talks.setdefault(name, _Talk())
        if "id" in where and problems.repeated(row[where["id"]], line):
            talk.broken = True
        cell = row[where["speaker"]].strip()
        role = roles.get(cell.casefold()) or roles.get(OTHERS)
        if role == "skip":
            continue
        time = 0.0
        if "time" in where:
            read_time = _time(row[where["time"]], kind, line, problems)
            kind, time = read_time or (kind, time)
            talk.broken |= read_time is None
        if role is None:
            unknown.setdefault(cell, []).append(line)
            talk.broken = True
        else:
            talk.messages.append((time, _turn(role, row, where)))
    for name, talk in talks.items():
        if talk.messages and not talk.broken:
            messages = sorted(talk.messages, key=lambda message: message[0])
            yield Dialogue(f"helpdesk:{split}:{name}", tuple(turn for _, turn in messages))
    problems.add(*_unknown_speakers(unknown))
    problems.check()
    if empty:
        raise CorpusError(f"{file} has a header but no rows")


def _places(columns: Columns, headers: Sequence[str], where: str) -> dict[str, int]:
    wanted = {"conversation": columns.conversation, "speaker": columns.speaker, "text": columns.text}
    optional = {"time": columns.time, "label": columns.label, "id": columns.id}
    wanted |= {name: header for name, header in optional.items() if header is not None}
    found = find_columns(wanted, headers, where)
    if columns.time is None and (place := first_column((_TIME,), headers)) is not None:
        found["time"] = place
    return found


def _roles(columns: Columns, header: str) -> dict[str, Role]:
    """The role of each case-folded cell; what the user says wins."""
    header = header.casefold()
    roles: dict[str, Role] = {}
    given: list[tuple[Role, Sequence[str]]] = [("agent", _AGENT), ("customer", _CUSTOMER)]
    if header in _TRUE_IS_CUSTOMER:
        given += [("customer", _TRUE), ("agent", _FALSE)]
    elif header in _TRUE_IS_AGENT:
        given += [("agent", _TRUE), ("customer", _FALSE)]
    given += [("agent", columns.agent), ("customer", columns.customer), ("skip", columns.skip)]
    for role, cells in given:
        roles.update((cell.casefold(), role) for cell in cells)
    return roles


def _time(cell: str, kind: Kind | None, line: int, problems: Problems) -> tuple[Kind, float] | None:
    found = parse_time(cell)
    if found is None:
        problems.add(
            f"line {line}: the time {cell!r:.60} cannot be read; write 2017-10-31 22:10:47 (ISO 8601), a number of "
            "seconds, or Tue Oct 31 22:10:47 +0000 2017, or rename the column time to keep the order of the file"
        )
    elif kind not in (None, found[0]):
        problems.add(f"line {line}: the time {cell!r:.60} is a {found[0]}, the rows before have a {kind}; use one kind")
        return None
    return found


def _turn(role: Literal["agent", "customer"], row: Sequence[str], where: dict[str, int]) -> Turn:
    labels: dict[str, Label] = {}
    if role == "customer" and "label" in where and (intents := intents_of(row[where["label"]])) is not None:
        labels["intent"] = intents
    return Turn(role, row[where["text"]], labels=labels)


def _unknown_speakers(unknown: dict[str, list[int]]) -> Iterator[str]:
    """One problem for each cell; the first says how to map it."""
    for number, (cell, lines) in enumerate(unknown.items()):
        rows = f"line {lines[0]}" + (f" and {len(lines) - 1} more" if len(lines) > 1 else "")
        yield f"{rows}: the speaker {cell!r:.60} is not known as customer or agent" + (
            ""
            if number
            else f"; say who it is: --column 'agent={cell or OTHERS}' (or customer=, or skip= to leave the rows out); "
            "several are joined by |, and * is every other one"
        )


READER = Reader(
    name="helpdesk",
    description="exports of helpdesk tools, one message a row, .csv or .tsv with a header (--column maps its columns "
    "and speakers); a file or a folder",
    layers=("intent",),
    source="any helpdesk tool",
    licence="yours",
    splits=splits,
    read=read,
)
