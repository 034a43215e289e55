"""The model card of a folder that holds a pool of responses."""

from collections.abc import Mapping
from typing import Any

from turnwise.tasks.card import card_of
from turnwise.tasks.pool import Pool
from turnwise.tasks.responder import Responding

_LISTED = 20


def card(task: Responding, pool: Pool, version: str, content: Mapping[str, Any]) -> str:
    """README.md of a fitted model: what it is, how it was made, how good it is, how to use it."""
    facts = content["facts"]
    listed = [f"- `{one.id}`: {' '.join(one.text.split())}" for one in pool.responses[:_LISTED]]
    more = [f"- and {len(pool) - _LISTED:,} more"] if len(pool) > _LISTED else []
    return card_of(
        task.name,
        task.paper,
        version,
        content,
        learned=f"{facts.get('examples', '?')} agents' turns of {facts.get('dialogues', '?')} dialogues",
        more=f"It chooses among {len(pool):,} responses.",
        chosen="The threshold",
        answers=("Responses", [*listed, *more]),
    )
