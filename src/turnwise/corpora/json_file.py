"""Reads published corpora that are one JSON value, or one on each line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from turnwise.corpora.lines import Problems, read_lines
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import CorpusError


def load_json(path: Path) -> object:
    """The value in a JSON file; raises CorpusError for one that is empty, no JSON or not UTF-8."""
    problems = Problems(path)
    text = "".join(read_lines(path, problems))
    problems.check()
    if not text.strip():
        raise CorpusError(f"{path} is empty")
    return parse_json(text, str(path))


def parse_json(text: str, name: str) -> object:
    """The value that a text is; raises CorpusError, which says what is called ``name``, for one that is no JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{name} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise CorpusError(f"{name} is not JSON: {error}") from error


def read_rows(file: Path, convert: Callable[[object, str, Problems], Dialogue | None]) -> Iterator[Dialogue]:
    """Yield the dialogues of a JSON list; ``convert`` takes a row, its place and where to note problems.

    A row with a problem, noted or raised as CorpusError, is left out, and so is one for which ``convert`` gives None
    or a dialogue without turns. Raises CorpusError, at the end, with every problem.
    """
    rows = load_json(file)
    if not isinstance(rows, list):
        raise CorpusError(f"{file} is no list of dialogues; it begins with {str(rows)[:40]!r}")
    problems = Problems(file)
    for number, row in enumerate(rows):
        known = len(problems.found)
        try:
            dialogue = convert(row, f"dialogue {number}", problems)
        except CorpusError as error:
            problems.add(*(error.problems or (str(error),)))
            continue
        if dialogue is not None and dialogue.turns and len(problems.found) == known:
            yield dialogue
    problems.check()


def json_lines(file: Path, problems: Problems) -> Iterator[tuple[int, object]]:
    """Yield the JSON value of each line that is not blank, with the line's number; other lines become problems."""
    for number, line in enumerate(read_lines(file, problems), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.rstrip())
        except RecursionError:
            problems.add(f"line {number}: the JSON is nested too deep")
        except json.JSONDecodeError as error:
            problems.add(f"line {number}: not JSON: {error.msg} at column {error.colno}")
        except ValueError as error:
            problems.add(f"line {number}: not JSON: {error}")
        else:
            yield number, value


def dialogue_of(value: object, line: int, problems: Problems) -> Dialogue | None:
    """The dialogue that the plain values of a line describe; None, and problems, when it is none or its id is used."""
    try:
        dialogue = from_json(value, place=f"line {line}")
    except CorpusError as error:
        problems.add(*error.problems)
    except RecursionError:
        problems.add(f"line {line}: the JSON is nested too deep")
    else:
        return None if problems.repeated(dialogue.id, line) else dialogue
    return None
