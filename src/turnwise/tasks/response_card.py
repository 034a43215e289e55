"""The model card of a folder that holds a pool of responses."""

import json
from collections.abc import Mapping
from typing import Any

from turnwise.tasks.pool import Pool
from turnwise.tasks.responder import Responding

_LISTED = 20


def card(task: Responding, pool: Pool, version: str, content: Mapping[str, Any]) -> str:
    """README.md of a fitted model: what it is, how it was made, how good it is, how to use it."""
    facts = content["facts"]
    measured = {name: value for name, value in facts.get("held_out", {}).items() if isinstance(value, float)}
    listed = [f"- `{one.id}`: {' '.join(one.text.split())}" for one in pool.responses[:_LISTED]]
    more = [f"- and {len(pool) - _LISTED:,} more"] if len(pool) > _LISTED else []
    lines = [
        f"# {task.name}",
        "",
        f"Version `{version}`, fitted with turnwise {facts.get('turnwise', '')} on {facts.get('examples', '?')} "
        f"agents' turns of {facts.get('dialogues', '?')} dialogues; encoder: `{content['encoder']}`. It chooses among "
        f"{len(pool):,} responses.",
        "",
        "## Made by",
        "",
        "```json",
        json.dumps({"parameters": content["parameters"], "training": facts.get("training", {})}, indent=1),
        "```",
        "",
        "## Measured on dialogues held out of training",
        "",
        *([f"- {name}: {value:.4f}" for name, value in measured.items()] or ["Nothing was held out."]),
        "",
        "The threshold and the best epoch were chosen on these dialogues, so they flatter a little.",
        "",
        "## Use",
        "",
        "```",
        "turnwise predict THIS_FOLDER --input dialogues.jsonl --json",
        "```",
        "",
        "## Source",
        "",
        f"- {task.paper}",
        "",
        "## Responses",
        "",
        *listed,
        *more,
        "",
    ]
    return "\n".join(lines)
