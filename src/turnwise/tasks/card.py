"""The model card that lies in a model folder."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.tasks.base import BaseTask


def card(task: BaseTask, labels: Sequence[str], version: str, content: Mapping[str, Any]) -> str:
    """README.md of a fitted task: what it is, how it was made, how good it is, how to use it."""
    facts = content["facts"]
    learned = f"{facts.get('examples', '?')} labels of {facts.get('dialogues', '?')} dialogues"
    return card_of(
        task.name,
        task.paper,
        version,
        content,
        learned=learned,
        more=f"It learned from the layer `{task.layer}`.",
        chosen="Thresholds",
        answers=("Answers", [", ".join(f"`{label}`" for label in labels)]),
    )


def card_of(
    name: str,
    paper: str,
    version: str,
    content: Mapping[str, Any],
    *,
    learned: str,
    more: str,
    chosen: str,
    answers: tuple[str, Sequence[str]],
) -> str:
    """README.md of a model folder with this ``content`` of task.json.

    ``learned`` is what it was fitted on, ``more`` a sentence after it, ``chosen`` what was chosen on held-out dialogues
    beside the best epoch, ``answers`` the heading and the lines of what it can answer.
    """
    facts = content["facts"]
    measured = {key: value for key, value in facts.get("held_out", {}).items() if isinstance(value, float)}
    heading, listed = answers
    lines = [
        f"# {name}",
        "",
        f"Version `{version}`, fitted with turnwise {facts.get('turnwise', '')} on {learned}; encoder: "
        f"`{content['encoder']}`. {more}",
        "",
        "## Made by",
        "",
        "```json",
        json.dumps({"parameters": content["parameters"], "training": facts.get("training", {})}, indent=1),
        "```",
        "",
        "## Measured on dialogues held out of training",
        "",
        *([f"- {key}: {value:.4f}" for key, value in measured.items()] or ["Nothing was held out."]),
        "",
        f"{chosen} and the best epoch were chosen on these dialogues, so they flatter a little.",
        "",
        "## Use",
        "",
        "```",
        "turnwise predict THIS_FOLDER --input dialogues.jsonl --json",
        "```",
        "",
        "## Source",
        "",
        f"- {paper}",
        "",
        f"## {heading}",
        "",
        *listed,
        "",
    ]
    return "\n".join(lines)
