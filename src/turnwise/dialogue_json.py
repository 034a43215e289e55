"""Dialogues from JSON values."""
from turnwise.dialogue import Dialogue


def from_json(value: object, *, place: str = "") -> Dialogue:
    raise NotImplementedError
