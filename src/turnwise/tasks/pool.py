"""The pool of responses that an agent may send: from dialogues, a file, or the sample corpus."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turnwise.corpora.columns import first_column
from turnwise.corpora.json_file import json_lines
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.table import SUFFIXES, open_table
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

SAMPLE = "sample"
_TEXT_HEADERS = ("response", "text")
_ID_HEADERS = ("id",)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the pool. ``id`` is the text itself where the pool names none; ``count``: how often it was said."""

    id: str
    text: str
    count: int = 0


@dataclass(frozen=True)
class Pool:
    """Responses with texts of their own, in order.

    ``merged`` maps the id of each response that was left out, since its text was there before, to the id that stayed.
    Make one with ``Pool.of``.
    """

    responses: tuple[Response, ...]
    merged: Mapping[str, str] = field(default_factory=dict)
    repeated: int = 0

    def __post_init__(self) -> None:
        index = {response.id: at for at, response in enumerate(self.responses)}
        index |= {dropped: index[kept] for dropped, kept in self.merged.items()}
        object.__setattr__(self, "_ids", index)
        object.__setattr__(self, "_texts", {same(response.text): at for at, response in enumerate(self.responses)})

    @classmethod
    def of(cls, responses: Iterable[Response], *, source: str) -> "Pool":
        """The pool without responses of equal text, but for case and blanks: the first stays, counts are added.

        ``repeated`` counts those left out. Raises InputError when nothing is left, or two texts share an id;
        ``source`` says where they come from.
        """
        kept: dict[str, Response] = {}
        ids: dict[str, str] = {}
        merged: dict[str, str] = {}
        repeated = 0
        for response in responses:
            key = same(response.text)
            if not key:
                continue
            if ids.setdefault(response.id, key) != key:
                raise InputError(
                    f"{source}: the id {response.id!r} stands for two texts, {kept_text(kept, ids[response.id])!r} and "
                    f"{response.text[:60]!r}; give each response an id of its own"
                )
            first = kept.get(key)
            if first is None:
                kept[key] = response
                continue
            repeated += 1
            kept[key] = Response(first.id, first.text, first.count + response.count)
            if response.id != first.id:
                merged[response.id] = first.id
        if not kept:
            raise InputError(f"{source} holds 0 responses, expected at least 1; give texts that an agent may send")
        return cls(tuple(kept.values()), merged, repeated)

    def __len__(self) -> int:
        return len(self.responses)

    def __getitem__(self, at: int) -> Response:
        return self.responses[at]

    @property
    def texts(self) -> list[str]:
        """The texts, in order."""
        return [response.text for response in self.responses]

    def find(self, turn: Turn, layer: str) -> int | None:
        """The number of the response that a turn is: by its label in ``layer``, else by its text; None of none."""
        named = named_response(turn, layer)
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        if named is not None and named in ids:
            return ids[named]
        return self.place(turn.text)

    def place(self, text: str) -> int | None:
        """The number of the response with this text, but for case and blanks; None of none."""
        texts: dict[str, int] = self._texts  # type: ignore[attr-defined]
        return texts.get(same(text))

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which ``from_json`` makes the pool again."""
        return {
            "responses": [[response.id, response.text, response.count] for response in self.responses],
            "merged": dict(self.merged),
            "repeated": self.repeated,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Pool":
        """The pool that ``to_json`` described. Raises KeyError, TypeError or ValueError when it did not."""
        responses = tuple(Response(str(id), str(text), int(count)) for id, text, count in content["responses"])
        if not responses:
            raise ValueError("the pool is empty")
        return cls(responses, dict(content["merged"]), int(content["repeated"]))


def same(text: str) -> str:
    """What texts share that are equal but for case and blanks."""
    return _BLANKS.sub(" ", text).strip().casefold()


def kept_text(kept: Mapping[str, Response], key: str) -> str:
    """The beginning of the text that stayed for a key."""
    return kept[key].text[:60] if key in kept else key[:60]


def named_response(turn: Turn, layer: str) -> str | None:
    """The label of an agent's turn that names its response: a text, or the only one of several labels."""
    label = turn.labels.get(layer)
    if isinstance(label, tuple):
        return label[0] if len(label) == 1 else None
    return label if isinstance(label, str) and label else None


def dialogue_pool(dialogues: Iterable[Dialogue], layer: str = "response") -> Pool:
    """The responses of agents' turns, with how often each was said.

    Where turns have labels in ``layer``, they name the responses: one for each label, with the text that is most
    frequent for it, and turns without a label are typed freely and give none. Else every distinct text is one.
    Raises CorpusError when no agent says anything.
    """
    said: list[str] = []
    named: dict[str, Counter[str]] = {}
    for dialogue in dialogues:
        for turn in dialogue.turns:
            if turn.speaker == "agent" and turn.text.strip():
                name = named_response(turn, layer)
                if name is not None:
                    named.setdefault(name, Counter())[turn.text.strip()] += 1
                said.append(turn.text.strip())
    if not said:
        raise CorpusError('no turn of the dialogues has the speaker "agent" and a text, so there is no response')
    if named:
        found = [Response(name, texts.most_common(1)[0][0], texts.total()) for name, texts in named.items()]
        return Pool.of(sorted(found, key=lambda response: (-response.count, response.id)), source="the dialogues")
    counts = Counter(same(text) for text in said)
    first = {same(text): text for text in reversed(said)}
    return Pool.of((Response(first[key], first[key], n) for key, n in counts.most_common()), source="the dialogues")


def read_pool(source: str | Path) -> Pool:
    """The pool in a file, or of the sample corpus when ``source`` is "sample".

    A .txt file has a response a line; .jsonl a text a line, or an object with ``text`` (or ``response``) and, if
    wanted, ``id``; .csv and .tsv these columns. Raises CorpusError with every problem and its line, InputError for
    another kind of file and for an empty one.
    """
    if str(source) == SAMPLE:
        from turnwise.sample import responses

        return Pool.of((Response(one.id, one.text) for one in responses()), source="the sample corpus")
    path = Path(source)
    readers = {".txt": _lines, ".jsonl": _objects, **dict.fromkeys(SUFFIXES, _table)}
    reader = readers.get(path.suffix)
    if reader is None:
        raise InputError(f"the pool is {str(source)!r}, expected a file that ends in {', '.join(readers)}, or {SAMPLE}")
    if not path.is_file():
        raise InputError(f"there is no file {path} with the pool of responses")
    problems = Problems(path)
    found = [Response(id or text.strip(), text.strip()) for id, text in reader(path, problems)]
    problems.check()
    return Pool.of(found, source=str(path))


def _lines(path: Path, problems: Problems) -> Iterator[tuple[str | None, str]]:
    for line in read_lines(path, problems):
        yield None, line


def _objects(path: Path, problems: Problems) -> Iterator[tuple[str | None, str]]:
    for number, value in json_lines(path, problems):
        text = _field(value, _TEXT_HEADERS) if isinstance(value, dict) else value
        id = _field(value, _ID_HEADERS) if isinstance(value, dict) else None
        if not isinstance(text, str) or not (id is None or isinstance(id, str)):
            problems.add(f"line {number}: {value!r:.60} is no response; expected a text, or an object with text and id")
            continue
        yield id, text


def _field(value: Mapping[str, object], names: Sequence[str]) -> object:
    return next((value[name] for name in names if name in value), None)


def _table(path: Path, problems: Problems) -> Iterator[tuple[str | None, str]]:
    table = open_table(path, problems)
    text = first_column(_TEXT_HEADERS, table.headers)
    id = first_column(_ID_HEADERS, table.headers)
    if text is None:
        raise CorpusError(
            f"{path} has the columns {', '.join(map(repr, table.headers))}; expected one called text or response"
        )
    for _, row in table.rows:
        yield (None if id is None else row[id].strip() or None), row[text]
