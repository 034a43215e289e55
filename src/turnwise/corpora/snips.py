"""SNIPS: what people say to a voice assistant, with intents and slots (Coucke et al., 2018).

PATH is a folder of one of two forms. The original has a folder for each intent with train_INTENT_full.json
(``train_full``), train_INTENT.json (``train``, 300 an intent) and validate_INTENT.json (``valid``), each a list of
pieces of text of which some are values. The other, by tokens, has the folders ``train``, ``valid`` and ``test`` with
seq.in, seq.out (tags B-, I-, O) and label. Some of the original files are in Latin-1 and not in UTF-8.
"""

from collections.abc import Iterator
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

from turnwise.corpora.bio import tagged
from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import parse_json
from turnwise.corpora.lines import Problems, open_bytes, read_lines
from turnwise.corpora.locate import existing, find
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError, InputError

_BY_TOKENS = ("train", "valid", "test")
_ORIGINAL = {"train_full": "train_{}_full.json", "train": "train_{}.json", "valid": "validate_{}.json"}


def splits(path: Path) -> tuple[str, ...]:
    """train, valid, test; of the original train_full, train, valid."""
    if by_tokens := tuple(name for name in _BY_TOKENS if find(existing(path) / name / "seq.in") is not None):
        return by_tokens
    if found := tuple(split for split in _ORIGINAL if _files(path, split)):
        return found
    raise InputError(
        f"{path} holds neither train/seq.in nor INTENT/train_INTENT_full.json; name the folder of SNIPS by tokens, or "
        "2017-06-custom-intent-engines"
    )


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split."""
    if find(path / split / "seq.in") is not None:
        yield from _by_tokens(path / split, split)
        return
    for intent, file in _files(path, split):
        yield from _by_pieces(file, intent, split)


def _files(path: Path, split: str) -> list[tuple[str, Path]]:
    folders = sorted(child for child in existing(path).iterdir() if child.is_dir()) if path.is_dir() else []
    pairs = ((folder.name, find(folder / _ORIGINAL[split].format(folder.name))) for folder in folders)
    return [(name, file) for name, file in pairs if file is not None]


def _by_tokens(folder: Path, split: str) -> Iterator[Dialogue]:
    files = [find(folder / name) or folder / name for name in ("seq.in", "seq.out", "label")]
    problems = Problems(files[0])
    for number, lines in enumerate(zip_longest(*(read_lines(file, problems) for file in files)), start=1):
        if None in lines:
            problems.add(f"line {number} is missing in seq.in, seq.out or label")
            break
        words, tags, intent = lines
        try:
            text, spans = tagged(words.split(), tags.split())
        except CorpusError as error:
            problems.add(f"line {number}: {error}")
            continue
        labels = {"intent": (intent.strip(),)}
        yield Dialogue(f"snips:{split}:{number - 1}", (Turn("customer", text, {"slots": spans}, labels),))
    problems.check()


def _by_pieces(file: Path, intent: str, split: str) -> Iterator[Dialogue]:
    content = parse_json(_text(file), str(file))
    rows = content.get(intent) if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise CorpusError(f"{file} holds no list {intent!r}")
    problems, numbers = Problems(file), count()
    for row in rows:
        number = next(numbers)
        turn = _turn(row, intent)
        if turn is None:
            problems.add(f"row {number} is {row!r:.60}, expected data, a list of texts of which some have an entity")
        else:
            yield Dialogue(f"snips:{split}:{intent}:{number}", (turn,))
    problems.check()


def _text(file: Path) -> str:
    with open_bytes(file) as opened:
        content = opened.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _turn(row: Any, intent: str) -> Turn | None:
    text, spans = "", []
    match row:
        case {"data": [*pieces]}:
            for piece in pieces:
                match piece:
                    case {"text": str(part), "entity": str(slot)}:
                        inner = part.strip()
                        start = len(text) + len(part) - len(part.lstrip())
                        spans += [Span(start, start + len(inner), slot)] if inner else []
                    case {"text": str(part)}:
                        pass
                    case _:
                        return None
                text += part
            return Turn("customer", text, {"slots": tuple(spans)}, {"intent": (intent,)})
    return None


READER = Reader(
    name="snips",
    description="SNIPS, one customer turn each; PATH is the folder seq (train, valid, test) or "
    "2017-06-custom-intent-engines (train_full, train, valid)",
    layers=("slots", "intent"),
    source="Coucke et al. (2018), Snips Voice Platform; by tokens as in the usual split",
    licence="CC0 1.0",
    splits=splits,
    read=read,
)
