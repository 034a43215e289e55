"""An intent detector that learns on an encoder beside other tasks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.parts import Part
from turnwise.tasks.intent.all_pairs import AllPairs
from turnwise.tasks.intent.examples import as_examples, label_names, utterances
from turnwise.tasks.intent.fit import assembled, calibrate, decide, measure, names_as_texts
from turnwise.tasks.intent.member import IntentMember
from turnwise.tasks.intent.model import TASK
from turnwise.tasks.intent.recipes import Intent


class IntentLearner:
    """The similarity detector on ``encoder``, which is trained in place; its bank is encoded when it is measured.

    Raises CorpusError when there are fewer than two intents, or the recipe has another objective than all-pairs.
    """

    chosen_by = "accuracy in scope"
    name = TASK

    def __init__(self, recipe: Intent, encoder: Encoder, train: Sequence[Dialogue], held: Sequence[Dialogue]) -> None:
        self.found = utterances(train)
        names = label_names(self.found)
        objective = recipe.objective
        if not isinstance(objective, AllPairs):
            raise CorpusError(
                "intents on a shared encoder are learned by the objective all-pairs; choose such a recipe"
            )
        objective = replace(objective, several=decide(self.found).several)
        self.recipe = replace(recipe, objective=objective)
        self.encoder = encoder
        known = any(TASK in turn.labels for dialogue in held for turn in dialogue.turns)
        self.asked = utterances(held) if known else []
        examples = as_examples([*self.found, *names_as_texts(names, self.recipe)], names, encoder.codec)
        torch.manual_seed(recipe.training.seed)
        self.head = objective.head(encoder, examples)
        self.parts = [Part(objective, examples, self.head)]

    def measure(self) -> tuple[float, dict[str, float]] | None:
        """The share of held-out utterances with an intent whose likeliest one is right."""
        if not any(utterance.labels for utterance in self.asked):
            return None
        found = measure(assembled(self.found, self.encoder, [self.head], self.recipe), self.asked)
        accuracy = float(found.right[found.in_scope].mean())
        return accuracy, {"accuracy": accuracy}

    def finish(self, facts: dict[str, Any]) -> IntentMember:
        """The detector with its bank, calibrated on the held-out utterances."""
        model = assembled(self.found, self.encoder, [self.head], self.recipe, [facts["steps"]])
        model.facts |= facts
        if any(utterance.labels for utterance in self.asked):
            calibrate(model, measure(model, self.asked), "dev")
        return IntentMember(model)
