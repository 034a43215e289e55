"""A recipe made small enough for two minutes on two CPU cores: to see that it runs, not for a good encoder."""

import dataclasses

from turnwise.pretraining import Pretraining

DIALOGUES = 2000
"""So many dialogues are enough for it."""
_STEPS, _BATCH, _TOKENS, _EXAMPLES = 60, 16, 64, 100


def quick(recipe: Pretraining) -> Pretraining:
    """At most 60 steps with batches of 16 and 64 tokens, measured before and after on at most 100 examples."""
    steps = min(_STEPS, recipe.training.steps or _STEPS)
    return dataclasses.replace(
        recipe,
        objectives=tuple(
            (dataclasses.replace(objective, batch_size=min(_BATCH, objective.batch_size)), weight)  # type: ignore[type-var]
            for objective, weight in recipe.objectives
        ),
        training=dataclasses.replace(recipe.training, steps=steps, accumulation=1),
        input=dataclasses.replace(recipe.input, max_tokens=min(_TOKENS, recipe.input.max_tokens)),
        evaluation=dataclasses.replace(recipe.evaluation, every=steps, examples=_EXAMPLES, dialogues=_EXAMPLES),
    )
