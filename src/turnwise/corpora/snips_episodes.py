"""SNIPS 5-shot episodes (Hou et al., 2020): for each, a few sentences to learn from and a few to be asked about.

PATH is the folder of snips-test-N-shot-5.json, or one of these files. Fold N asks about one domain: 1 GetWeather, 2
PlayMusic, 3 AddToPlaylist, 4 RateBook, 5 SearchScreeningEvent, 6 BookRestaurant, 7 SearchCreativeWork. A fold has two
splits, ``N_support`` and ``N_query``; ``episode`` on a dialogue says to which episode, from 0, it belongs.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turnwise.corpora.bio import tagged
from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, files_like, plain_name
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

_NAME = re.compile(r"snips-test-(\d+)-shot-\d+\.json")
_PARTS = {"support": "support", "query": "batch"}


def splits(path: Path) -> tuple[str, ...]:
    """1_support, 1_query, 2_support, ...: of the folds that are there."""
    return tuple(f"{fold}_{part}" for fold in _folds(path) for part in _PARTS)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the sentences of one split, episode by episode."""
    fold, _, part = split.partition("_")
    file = _folds(path)[fold]
    content = load_json(file)
    if not isinstance(content, dict):
        raise CorpusError(f"{file} is no table of domains; it begins with {str(content)[:40]!r}")
    problems = Problems(file)
    for domain, episodes in content.items():
        for number, episode in enumerate(episodes if isinstance(episodes, list) else ()):
            for at, turn in enumerate(_turns(episode, _PARTS[part], f"{domain}[{number}]", problems)):
                id = f"snips_episodes:{split}:{domain}:{number}:{at}"
                yield Dialogue(id, (turn,), labels={"episode": number})
    problems.check()


def _folds(path: Path) -> dict[str, Path]:
    folder = existing(path)
    files = files_like(folder, "snips-test-", ".json") if folder.is_dir() else [folder]
    found = {match[1]: file for file in files if (match := _NAME.fullmatch(plain_name(file)))}
    if not found:
        raise InputError(f"{path} holds no snips-test-N-shot-5.json; name the folder xval_snips_shot_5 or such a file")
    return found


def _turns(episode: Any, part: str, place: str, problems: Problems) -> Iterator[Turn]:
    match episode:
        case {**parts} if isinstance(parts.get(part), dict):
            match parts[part]:
                case {"seq_ins": [*words], "seq_outs": [*tags], "labels": [*intents]}:
                    if not len(words) == len(tags) == len(intents):
                        problems.add(f"{place}.{part} has {len(words)} sentences, {len(tags)} rows of tags")
                        return
                    for at, row in enumerate(zip(words, tags, intents, strict=True)):
                        try:
                            text, spans = tagged(*row[:2])
                        except (CorpusError, TypeError, AttributeError) as error:
                            problems.add(f"{place}.{part}[{at}]: {error}")
                            continue
                        names = (row[2],) if isinstance(row[2], str) else tuple(row[2])
                        yield Turn("customer", text, {"slots": spans}, {"intent": names})
                    return
    problems.add(f"{place} has no {part} with seq_ins, seq_outs and labels")


READER = Reader(
    name="snips_episodes",
    description="SNIPS 5-shot episodes, one customer turn each; PATH is the folder xval_snips_shot_5 or one of its "
    "files; N_support and N_query of fold N, the episode's number on each dialogue",
    layers=("slots", "intent", "episode"),
    source="Hou et al. (2020), Few-shot Slot Tagging with Collapsed Dependency Transfer and Label-enhanced "
    "Task-adaptive Projection Network",
    licence="not stated; texts from SNIPS, CC0 1.0",
    splits=splits,
    read=read,
)
