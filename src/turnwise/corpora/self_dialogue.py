"""Self-dialogue corpus: conversations that one worker wrote alone, taking both sides (Krause et al., 2017).

As published: ``corpus/TOPIC/FILE.csv``, a row for each conversation, its sentences in the columns ``Answer.sentence1``,
``Answer.sentence2``, ... (which do not stand in the order of their numbers). Shorter conversations leave the last of
these empty; they are dropped. The sentences alternate between two sides of one writer, so the speaker is None. Ids end
in TOPIC/FILE:ROW, rows from 0 without the header. The label ``domains`` is the topic. The publisher has no splits:
``all``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, plain_name, suffix_of
from turnwise.corpora.reader import Reader
from turnwise.corpora.table import open_table
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

_SPLIT = "all"
_SENTENCE = re.compile(r"Answer\.sentence(\d+)")


def splits(path: Path) -> tuple[str, ...]:
    """all."""
    _files(path)
    return (_SPLIT,)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the conversations, topic after topic."""
    found: list[str] = []
    for file in _files(path):
        try:
            yield from _conversations(file)
        except CorpusError as error:
            name = f"{file.parent.name}/{file.name}"
            found.extend(f"{name}: {problem}" for problem in error.problems or (error,))
    if found:
        raise CorpusError(f"{path} has {len(found)} problem{'s' if len(found) > 1 else ''}:", found)


def _conversations(file: Path) -> Iterator[Dialogue]:
    problems = Problems(file)
    topic = file.resolve().parent.name
    table = open_table(file, problems)
    numbered = ((re.fullmatch(_SENTENCE, header), place) for place, header in enumerate(table.headers))
    places = [place for _, place in sorted((int(match[1]), place) for match, place in numbered if match)]
    if not places:
        problems.add(f"line 1 has no column Answer.sentence1, Answer.sentence2, ...: {table.headers!r:.60}")
        problems.check()
    for number, (_, row) in enumerate(table.rows):
        turns = tuple(Turn(None, text) for place in places if (text := row[place]).strip())
        if turns:
            name = f"{topic}/{Path(plain_name(file)).stem}:{number}"
            yield Dialogue(f"self_dialogue:{_SPLIT}:{name}", turns, labels={"domains": (topic,)})
    problems.check()


def _files(path: Path) -> list[Path]:
    """The file at ``path``, or the files in it, in ``corpus`` below it, or in the folders of topics, in order."""
    path = existing(path)
    if not path.is_dir():
        return [path]
    folder = path / "corpus" if (path / "corpus").is_dir() else path
    files = sorted(file for file in folder.rglob("*.csv*") if file.is_file() and suffix_of(file) == ".csv")
    if not files:
        raise InputError(f"the folder {path} holds no corpus/TOPIC/FILE.csv (or .csv.gz)")
    return files


READER = Reader(
    name="self_dialogue",
    description="Self-dialogue corpus, one writer for both sides; PATH is its folder, a topic's, or a file",
    layers=("domains",),
    source="Krause et al. (2017), Edina: Building an Open Domain Socialbot with Self-dialogues",
    licence="BSD 3-Clause (repository)",
    splits=splits,
    read=read,
)
