"""Phrase banks: read the TOML files, hand out phrases without repetition."""

import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from turnwise.sample.labels import GROUP_OF
from turnwise.sample.markup import Phrase, parse

FOLDER = Path(__file__).parent / "banks"
CUSTOMER_FILES = ("customer", "scope", "several")
INTENT_ROLES = ("open", "answer", "follow", "free")
POOL_ROLES = ("ask", "solve", "refuse", "explain")


@dataclass(frozen=True)
class Intent:
    """What the desk needs to know and has approved to say about one intent."""

    name: str
    needs: str
    item: str
    status: tuple[str, ...]


@dataclass(frozen=True)
class Approved:
    """A response of the approved pool and the place it is used in."""

    id: str
    role: str
    phrase: Phrase
    intents: tuple[str, ...]


def load(name: str) -> dict[str, Any]:
    """One bank file as nested dictionaries."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def lines(block: str) -> list[Phrase]:
    """The phrases of a multi-line block, one a line."""
    return [parse(line) for line in block.strip().splitlines()]


@cache
def intent_tables() -> dict[str, dict[str, Any]]:
    """Every intent's own table, in the order of the label set."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((FOLDER / "intents").glob("*.toml")):
        found |= load(f"intents/{path.stem}")
    return {name: found[name] for name in GROUP_OF}


@cache
def intents() -> dict[str, Intent]:
    """The intents and what each of them needs."""
    return {
        name: Intent(name, table["needs"], table.get("item", "any"), tuple(table.get("status", ())))
        for name, table in intent_tables().items()
    }


@cache
def pool() -> tuple[Approved, ...]:
    """The approved responses: first the general ones, then those of each intent."""
    found: list[tuple[str, Phrase, tuple[str, ...]]] = []
    for role, block in load("responses").items():
        found += [(role, phrase, ()) for phrase in lines(block)]
    for name, table in intent_tables().items():
        for role in POOL_ROLES:
            found += [(f"{name}.{role}", phrase, (name,)) for phrase in lines(table[role])]
    return tuple(
        Approved(f"r{number:03d}", role, phrase, names) for number, (role, phrase, names) in enumerate(found, start=1)
    )


@cache
def ask_of(name: str) -> tuple[str, ...]:
    """What the approved question of an intent asks for."""
    asked = (entry.phrase.requested for entry in pool() if entry.role == f"{name}.ask")
    return tuple(label for labels in asked for label in labels)


@cache
def topics_of(role: str) -> frozenset[str]:
    """The topics the approved responses of a role speak about."""
    topics = (entry.phrase.topic for entry in pool() if entry.role == role)
    return frozenset(topic for joined in topics for topic in joined.split("|") if topic)


@cache
def phrases(split: str) -> dict[str, tuple[Phrase, ...]]:
    """Every phrase of a split by role; agent roles start with `agent.`."""
    found = {role: tuple(lines(table[split])) for name in CUSTOMER_FILES for role, table in load(name).items()}
    for role, table in load("agent").items():
        found[f"agent.{role}"] = tuple(lines(table[split]))
    for name, table in intent_tables().items():
        for role in INTENT_ROLES:
            place = f"agent.{name}" if role == "free" else f"{name}.{role}"
            found[place] = tuple(lines(table[split][role]))
    return found


class Decks:
    """Draws phrases of a split at random, each once before any comes again."""

    def __init__(self, split: str, seed: int) -> None:
        self._phrases = phrases(split)
        self._rng = random.Random(f"{seed}:{split}:decks")
        self._left: dict[str, list[Phrase]] = {}

    def draw(self, role: str, fits: Callable[[Phrase], bool] = lambda phrase: True) -> Phrase:
        """The next phrase of a role that fits."""
        for _ in range(2):
            left = self._left.setdefault(role, [])
            for position, phrase in enumerate(left):
                if fits(phrase):
                    return left.pop(position)
            fresh = [phrase for phrase in self._phrases[role] if phrase not in left]
            self._rng.shuffle(fresh)
            left.extend(fresh)
        raise LookupError(f"no phrase of {role!r} fits")

    def all(self, role: str) -> tuple[Phrase, ...]:
        """Every phrase of a role."""
        return self._phrases[role]

    def has(self, role: str, fits: Callable[[Phrase], bool]) -> bool:
        """Whether any phrase of a role fits."""
        return any(fits(phrase) for phrase in self._phrases[role])
