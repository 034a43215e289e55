"""Reads a published corpus that is one JSON value."""

import json
from pathlib import Path

from turnwise.corpora.lines import Problems, read_lines
from turnwise.errors import CorpusError


def load_json(path: Path) -> object:
    """The value in a JSON file; raises CorpusError for one that is empty, no JSON or not UTF-8."""
    problems = Problems(path)
    text = "".join(read_lines(path, problems))
    problems.check()
    if not text.strip():
        raise CorpusError(f"{path} is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise CorpusError(f"{path} is not JSON: {error}") from error
