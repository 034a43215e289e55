"""A small desk whose right responses follow from a word of the customer's last turn."""

import pytest

from turnwise.dialogue import Dialogue, Turn
from turnwise.tasks.pool import Pool, Response

_TEXTS = {
    "card": "your card arrives on monday",
    "order": "we have stopped that order",
    "money": "refund done",
    "help": "sure hello",
    "late": "thank you for waiting",
    "move": "you can change address",
}
_WORDS = {"card": "card", "order": "cancel", "money": "refund", "help": "help"}


@pytest.fixture(scope="session")
def desk_pool() -> Pool:
    """Six approved responses, two of them never given."""
    return Pool.of([Response(id, text) for id, text in _TEXTS.items()], source="the desk")


@pytest.fixture(scope="session")
def desk_talks() -> list[Dialogue]:
    """Eight dialogues of two exchanges; the second response is typed freely in every other one."""
    return [_talk(number) for number in range(8)]


def _talk(number: int) -> Dialogue:
    first, second = (list(_WORDS)[(number + shift) % len(_WORDS)] for shift in (0, 1))
    typed = number % 2 == 1
    return Dialogue(
        f"desk:{number}",
        (
            Turn("customer", f"i want {_WORDS[first]}"),
            _answer(first),
            Turn("customer", f"please {_WORDS[second]} it"),
            Turn("agent", f"it is {_WORDS[second]} on monday") if typed else _answer(second),
        ),
        profile={"carrier": "post" if number % 3 else "bike"},
    )


def _answer(id: str) -> Turn:
    return Turn("agent", _TEXTS[id], labels={"response": id})
