from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from turnwise.encoder import Encoder
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.recipes import Intent, intent_recipe

TRACK = ("where is my parcel", "track my order please", "when is my order here", "my delivery is late", "track it")
REFUND = ("i want a refund", "give me my money back", "refund the shoes please", "money back now", "can i get a refund")
BLOCK = ("my card is lost", "block my card", "the card is stolen", "please block it", "lost card")


def labelled(groups: dict[str, Sequence[str]]) -> list[Utterance]:
    return [
        Utterance(text, (label,), f"{label}:{number}/0")
        for label, texts in groups.items()
        for number, text in enumerate(texts)
    ]


@pytest.fixture(scope="session")
def encoder(checkpoint: Callable[[str], Path]) -> Encoder:
    """A tiny BERT that no test may change."""
    return Encoder.load(checkpoint("bert"))


@pytest.fixture
def shop() -> list[Utterance]:
    """15 utterances of 3 intents."""
    return labelled({"track": TRACK, "refund": REFUND, "block": BLOCK})


Recipe = Callable[..., Intent]


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """The default recipe with two steps of training; flags of [fitting] as named."""

    def recipe(name: str = "intent", training: dict[str, object] | None = None, **fitting: object) -> Intent:
        overrides = {"training": {"steps": 2, "precision": "fp32", **(training or {})}, "fitting": fitting}
        return intent_recipe(name, shots=5, overrides=overrides)

    return recipe


@pytest.fixture(scope="session")
def fitted(encoder: Encoder, quick: Recipe) -> IntentModel:
    """A detector of three intents with held-out scores; tests that change it must load a copy."""
    found = labelled({"track": TRACK, "refund": REFUND, "block": BLOCK})
    return fit_intent(found, encoder, quick(held_out=0.4))


@pytest.fixture
def folder(fitted: IntentModel, tmp_path: Path) -> Path:
    """That detector in a folder of its own."""
    fitted.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def model(folder: Path) -> IntentModel:
    """It again, to be changed."""
    return IntentModel.load(folder)
