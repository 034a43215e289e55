"""The model card that lies in a model folder."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.tasks.base import BaseTask


def card(task: BaseTask, labels: Sequence[str], version: str, content: Mapping[str, Any]) -> str:
    """README.md of a fitted task: what it is, how it was made, how good it is, how to use it."""
    facts = content["facts"]
    measured = facts.get("held_out", {})
    lines = [
        f"# {task.name}",
        "",
        f"Version `{version}`, fitted with turnwise {facts.get('turnwise', '')} on {facts.get('examples', '?')} "
        f"labels of {facts.get('dialogues', '?')} dialogues; encoder: `{content['encoder']}`. It learned from the "
        f"layer `{task.layer}`.",
        "",
        "## Made by",
        "",
        "```json",
        json.dumps({"parameters": content["parameters"], "training": facts.get("training", {})}, indent=1),
        "```",
        "",
        "## Measured on dialogues held out of training",
        "",
        *(
            [f"- {name}: {value:.4f}" for name, value in measured.items() if isinstance(value, float)]
            or ["Nothing was held out."]
        ),
        "",
        "Thresholds and the best epoch were chosen on these dialogues, so they flatter a little.",
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
        "## Answers",
        "",
        ", ".join(f"`{label}`" for label in labels),
        "",
    ]
    return "\n".join(lines)
