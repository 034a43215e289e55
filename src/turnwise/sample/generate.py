"""Writes the sample corpus from the phrase banks: `python -m turnwise.sample.generate [FOLDER]`."""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turnwise.sample import SPLITS
from turnwise.sample.banks import Decks, intents, load, pool
from turnwise.sample.facts import Facts
from turnwise.sample.labels import BUSINESS_INTENTS
from turnwise.sample.scenarios import Scenario
from turnwise.sample.talk import Conversation

SEED = 20
SIZES = {"train": 340, "dev": 100, "test": 136}
SECOND = 0.52
SHARES = {"refused": 0.2, "handed_over": 0.06, "out_of_scope": 0.04}


class Rota:
    """Hands out the intents so that each comes up about equally often."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken = dict.fromkeys(BUSINESS_INTENTS, 0)

    def take(self, accepts: Callable[[str], bool] = lambda name: True) -> str:
        """The acceptable intent that was taken least often so far."""
        names = [name for name in BUSINESS_INTENTS if accepts(name)]
        name = min(names, key=lambda each: (self._taken[each], self._rng.random()))
        self._taken[name] += 1
        return name

    def give_back(self, name: str) -> None:
        """Undo one taking of an intent."""
        self._taken[name] -= 1


def dialogues(split: str, seed: int = SEED) -> list[dict[str, Any]]:
    """All dialogues of a split; the same seed gives the same dialogues."""
    planner = random.Random(f"{seed}:{split}:plan")
    decks, values, rota = Decks(split, seed), load("values")[split], Rota(planner)
    found = []
    for number, kind in enumerate(_kinds(SIZES[split], planner), start=1):
        name = f"sample:{split}:{number:04d}"
        rng = random.Random(f"{seed}:{name}")
        found.append({"id": name} | _dialogue(kind, rng, decks, values, rota))
    return found


def _kinds(size: int, rng: random.Random) -> list[str]:
    """How each dialogue goes, in the planned shares."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * size))]
    kinds += ["solved"] * (size - len(kinds))
    rng.shuffle(kinds)
    return kinds


def _dialogue(kind: str, rng: random.Random, decks: Decks, values: dict[str, Any], rota: Rota) -> dict[str, Any]:
    hard = {phrase.intents[0] for phrase in decks.all("hard")}
    first = rota.take(lambda name: kind != "handed_over" or name in hard)
    facts = Facts(rng, values, intents()[first].status)
    talk = Conversation(rng, decks, facts)

    def suits(other: str, present: str) -> bool:
        status = intents()[other].status
        unlike = other not in (present, first, "speak_to_human")
        return unlike and (not status or facts.profile["shipping_status"] in status)

    scenario = Scenario(talk, lambda present: rota.take(lambda other: suits(other, present)), rota.give_back)
    if first == "speak_to_human":
        satisfaction = scenario.asks_for_a_person()
    elif kind == "refused":
        satisfaction = scenario.refused(first)
    elif kind == "handed_over":
        satisfaction = scenario.handed_over(first)
    elif kind == "out_of_scope":
        satisfaction = scenario.out_of_scope(first)
    else:
        satisfaction = scenario.solved(first, SECOND)
    return {"turns": talk.turns, "labels": {"satisfaction": satisfaction}, "profile": facts.profile}


def response_rows() -> list[dict[str, Any]]:
    """The approved pool as it is written to `responses.json`."""
    return [
        {
            "id": entry.id,
            "text": entry.phrase.plain,
            "intents": list(entry.intents),
            "acts": list(entry.phrase.acts),
        }
        for entry in pool()
    ]


def write(folder: Path) -> None:
    """Write every split and the response pool into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        rows = (json.dumps(row, ensure_ascii=False) for row in dialogues(split))
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    rows = (json.dumps(row, ensure_ascii=False) for row in response_rows())
    text = "[\n" + ",\n".join(rows) + "\n]\n"
    (folder / "responses.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data"
    write(target)
