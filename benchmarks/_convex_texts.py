"""Texts for pairwise cloze: every dialogue corpus of the data folder, without what slot labelling is measured on."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _convex_kinds import CORPORA, Text
from turnwise.corpora import DEFAULT_COLUMNS, parse
from turnwise.dialogue import Dialogue
from turnwise.mining.sources import group_of

__all__ = ["CORPORA", "evaluated", "rows"]

_HELD_OUT_SERVICE = "RentalCars_1"
"""Its test part of DSTC8 spans is kept elsewhere, so its dialogues are left out as a whole."""


def key(text: str) -> str:
    """Letters and digits in lower case: tokenised and plain versions of a text are alike."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def rows(corpus: Text, folder: Path, left_out: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(group, text) of each turn, without test splits where there are others, and without the texts of ``left_out``."""
    path = folder / corpus.place
    source = parse(f"{corpus.reader}:{path}", None)
    known = [split for split in source.splits if "test" not in split and "cn" not in split] or source.splits
    for split in known:
        for dialogue in source.reader.read(path, split, DEFAULT_COLUMNS):
            group = _group(dialogue)
            if group is not None:
                for turn in dialogue.turns:
                    if key(turn.text) not in left_out:
                        yield group, turn.text.strip()


def _group(dialogue: Dialogue) -> str | None:
    """Corpus and first domain, an SGD service without its number; None for a dialogue that is left out."""
    domains = dialogue.labels.get("domains")
    if not isinstance(domains, tuple) or not domains:
        return group_of(dialogue)
    if _HELD_OUT_SERVICE in domains:
        return None
    return f"{dialogue.id.partition(':')[0]}:{domains[0].partition('_')[0]}"


def evaluated(folder: Path) -> frozenset[str]:
    """The keys of every text, of training and test, of RESTAURANTS-8K, the DSTC8 spans, SNIPS and its episodes."""
    found: set[str] = set()
    for path in sorted([*folder.glob("restaurants8k/*.json*"), *folder.glob("dstc8_spans/*/*.json*")]):
        found |= {key(row["userInput"]["text"]) for row in _json(path)}
    for path in sorted(folder.glob("snips/2017-06-custom-intent-engines/*/*.json*")):
        for utterances in _json(path).values():
            found |= {key("".join(piece["text"] for piece in row["data"])) for row in utterances}
    for path in sorted(folder.glob("snips/seq/*/seq.in*")):
        found |= {key(line) for line in _text(path).splitlines()}
    for path in sorted(folder.glob("snips_5shot_episodes/*/*.json*")):
        for episodes in _json(path).values():
            for episode in episodes:
                for part in ("support", "batch"):
                    found |= {key("".join(words)) for words in episode[part]["seq_ins"]}
    return frozenset(found - {""})


def _text(path: Path) -> str:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for encoding in ("utf-8", "latin-1"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes everything")


def _json(path: Path) -> Any:
    return json.loads(_text(path))
