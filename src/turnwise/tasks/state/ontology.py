"""An ontology: the slots, what they are about, and the values that each can take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from turnwise.dialogue import Dialogue, Label
from turnwise.errors import CorpusError
from turnwise.tasks.state.words import DONTCARE, NONE, normal


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot ``domain.slot``, in words, and its values without ``none`` and ``dontcare``, which every slot can be."""

    name: str
    description: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Ontology:
    """Slots in order. A value is known by its number, which counts over all slots."""

    slots: tuple[Slot, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.slots)

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The number of a slot, by its name."""
        return {name: at for at, name in enumerate(self.names)}

    @cached_property
    def values(self) -> tuple[tuple[int, str], ...]:
        """All values by number: the slot's number, and the value."""
        return tuple((at, value) for at, slot in enumerate(self.slots) for value in slot.values)

    @cached_property
    def known(self) -> Mapping[tuple[int, str], int]:
        """The number of a value, by the slot's number and the value's normal form."""
        return {(slot, normal(value)): number for number, (slot, value) in enumerate(self.values)}

    def reaches(self, name: str, variants: Sequence[str]) -> bool:
        """Whether one of the variants of a value can be picked."""
        slot = self.number.get(name)
        found = {normal(value) for value in variants}
        return bool(found & {NONE, DONTCARE}) or any((slot, value) in self.known for value in found)

    def plain(self) -> list[dict[str, Any]]:
        """As JSON values."""
        return [{"name": s.name, "description": s.description, "values": list(s.values)} for s in self.slots]

    @classmethod
    def of(cls, plain: Iterable[Mapping[str, Any]]) -> "Ontology":
        """From what ``plain`` gave."""
        return cls(tuple(Slot(str(s["name"]), str(s["description"]), tuple(map(str, s["values"]))) for s in plain))


def state_of(label: Label, place: str) -> dict[str, tuple[str, ...]]:
    """The slots that a label fills, each with the variants of its value; raises CorpusError when it is no state."""
    if not isinstance(label, dict):
        raise CorpusError(f"{place}: labels.state is {label!r:.60}, expected an object of slots with lists of values")
    return {slot: values for slot, values in label.items() if not set(map(normal, values)) <= {NONE}}


def described(slot: str) -> str:
    """A slot's name in words: ``hotel.book-day`` is about "hotel book day"."""
    spaced = "".join(f" {c}" if c.isupper() else c if c.isalnum() else " " for c in slot)
    return " ".join(spaced.lower().split())


def from_dialogues(dialogues: Iterable[Dialogue], layer: str = "state") -> Ontology:
    """Every slot and value that occurs in the states of some dialogues, by name.

    Raises CorpusError when no turn has a state, or none fills a slot.
    """
    found: dict[str, dict[str, str]] = {}
    seen = False
    for dialogue in dialogues:
        for number, turn in enumerate(dialogue.turns):
            if layer not in turn.labels:
                continue
            seen = True
            for slot, values in state_of(turn.labels[layer], f"{dialogue.id}, turn {number}").items():
                entries = found.setdefault(slot, {})
                for value in values:
                    if (form := normal(value)) not in (NONE, DONTCARE):
                        entries.setdefault(form, value)
    if not found:
        said = "no state of it fills a slot" if seen else "the corpus has none"
        raise CorpusError(f"at least 1 slot with a value is needed in the layer {layer!r}, and {said}")
    return Ontology(
        tuple(Slot(name, described(name), tuple(sorted(entries.values()))) for name, entries in sorted(found.items()))
    )
