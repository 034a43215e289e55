"""Topical-Chat: two people chat about what they were given to read (Gopalakrishnan et al., 2019), as published.

A folder ``conversations`` with valid_freq.json, valid_rare.json, test_freq.json, test_rare.json (and train.json):
objects of conversations by their id. Those called ``rare`` are about entities that are rare in train, ``freq`` about
frequent ones. ``agent_1`` and ``agent_2`` are both people who chat, neither is customer or agent: the speaker is None
and ``participant`` names them. On turns: ``sentiment`` is the one that the writer of the message chose; ``knowledge``
names the sections of the reading that the writer used, and ``Personal Knowledge``; ``turn_rating`` is the partner's,
absent where none was given. On the dialogue: ``article_url`` and ``config`` say what was read, ``conversation_rating``
how each participant rated the conversation. The reading itself is no part of these files.
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Turn
from turnwise.errors import CorpusError, InputError

_SPLITS = ("train", "valid_freq", "valid_rare", "test_freq", "test_rare")


def splits(path: Path) -> tuple[str, ...]:
    """valid_freq, valid_rare, test_freq, test_rare (and train): those whose file is there."""
    folder = _folder(path)
    there = splits_of(folder, (".json",))
    found = tuple(split for split in _SPLITS if split in there) if folder.is_dir() else there
    if not found:
        raise InputError(f"the folder {path} holds no {', '.join(f'{split}.json' for split in _SPLITS)}")
    return found


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the conversations of one split."""
    file = file_of(_folder(path), split, (".json",))
    conversations = load_json(file)
    if not isinstance(conversations, dict):
        raise CorpusError(f"{file} is no Topical-Chat file; expected an object of conversations by their id")
    problems = Problems(file)
    for name, conversation in conversations.items():
        match conversation:
            case {
                "content": [*messages],
                "article_url": str(url),
                "config": str(config),
                "conversation_rating": {**ratings},
            } if all(isinstance(rating, str) for rating in ratings.values()):
                before = len(problems.found)
                turns = tuple(_turns(messages, name, problems))
                rated: dict[str, tuple[str, ...]] = {
                    str(participant): (str(rating),) for participant, rating in ratings.items() if rating
                }
                labels: dict[str, Label] = {"article_url": url, "config": config, "conversation_rating": rated}
                if turns and len(problems.found) == before:
                    yield Dialogue(f"topical_chat:{split}:{name}", turns, labels)
            case _:
                problems.add(
                    f"{name} is {conversation!r:.60}, expected content, article_url, config and conversation_rating"
                )
    problems.check()


def _turns(messages: list[object], name: str, problems: Problems) -> Iterator[Turn]:
    for number, message in enumerate(messages):
        match message:
            case {
                "message": str(text),
                "agent": "agent_1" | "agent_2" as participant,
                "sentiment": str(sentiment),
                "knowledge_source": [*sources],
                "turn_rating": str(rating),
            } if text.strip() and all(isinstance(source, str) for source in sources):
                labels: dict[str, Label] = {
                    "participant": str(participant),
                    "sentiment": sentiment,
                    "knowledge": tuple(str(source) for source in sources),
                }
                yield Turn(None, text, labels=labels | ({"turn_rating": rating} if rating else {}))
            case _:
                problems.add(
                    f"{name}.content[{number}] is {message!r:.60}, expected message, agent (agent_1 or agent_2), "
                    "sentiment, knowledge_source and turn_rating"
                )


def _folder(path: Path) -> Path:
    path = existing(path)
    return path / "conversations" if (path / "conversations").is_dir() else path


READER = Reader(
    name="topical_chat",
    description="Topical-Chat, two people chat about their reading; PATH is its folder; valid_freq, ..., test_rare",
    layers=("participant", "sentiment", "knowledge", "turn_rating", "conversation_rating", "article_url", "config"),
    source="Gopalakrishnan et al. (2019), Topical-Chat: Towards Knowledge-Grounded Open-Domain Conversations",
    licence="CDLA-Sharing 1.0",
    splits=splits,
    read=read,
)
